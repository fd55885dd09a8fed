/* Copies with the whole driver in this process (qemu:///embed) and real QEMUs, where memory-error tools reach
 * everything: ends of all kinds, and starts that fail at each command, of which nothing may be left. TAP
 * output.
 *
 * What a guest writes meanwhile, and storage that fails, is tested in tests/live/copies.py. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LAYERS 3
#define TOP (LAYERS - 1)
#define COPY 9                      /* number of the image that is the destination */
#define QUICK_STEPS 20              /* no start and no pivot has more commands than this */
#define CLEANING 11                 /* commands of such a pivot that come first: questions, and what may fail */

#define PIVOT VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
#define SHALLOW VIR_DOMAIN_BLOCK_COPY_SHALLOW
#define REUSE VIR_DOMAIN_BLOCK_COPY_REUSE_EXT

static void
ended(virDomainPtr domain)
{
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

static int
copy(virDomainPtr domain, const char *format, unsigned int flags)
{
    g_autofree char *path = embedImagePath(COPY);
    g_autofree char *xml = g_strdup_printf("<disk type='file'><driver type='%s'/><source file='%s'/></disk>", format,
                                           path);

    return virDomainBlockCopy(domain, "vda", xml, NULL, 0, flags);
}

static unsigned int
notHeld(unsigned int image)
{
    unsigned int missing = 0;
    unsigned int i;

    for (i = 0; i < LAYERS; i++)
        missing += !embedImageHolds(image, i);
    return missing;
}

static void
testPivot(virConnectPtr conn, const char *name, const char *format, unsigned int flags)
{
    virDomainPtr domain = embedDomainStart(conn, name, LAYERS);
    g_autofree char *path = embedImagePath(COPY);
    virDomainBlockJobInfo info;

    if (!domain)
        return;
    unlink(path);
    CHECK(copy(domain, format, flags) == 0 && embedEventWait("bj:path:2:3 bj2:vda:2:3 "), "READY events (03/E)");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 1 && info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY,
          "job info (01/I2)");
    CHECK(copy(domain, format, flags) < 0 && embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "a second copy (04/V111)");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) == 0 && embedEventWait("bj2:vda:2:0 "), "pivot");
    CHECK(embedInChain(domain, COPY) && !embedInChain(domain, TOP), "the destination is the disk now (01/Y34)");
    CHECK(embedInChain(domain, 0) == ((flags & SHALLOW) != 0), "on the chain below only when shallow (01/Y31)");
    CHECK(virDomainBlockPull(domain, "vda", 0, 0) == 0 && embedEventWait("bj2:vda:1:0 "), "the next job works");
    ended(domain);
    if (STREQ(format, "qcow2"))
        CHECK(notHeld(COPY) == 0, "it holds the data of all layers");
}

static void
testAborted(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "aborted", LAYERS);
    g_autofree char *path = embedImagePath(COPY);

    if (!domain)
        return;
    unlink(path);
    CHECK(copy(domain, "qcow2", 0) == 0 && embedEventWait("bj2:vda:2:3 "), "READY");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0 && embedEventWait("bj2:vda:2:2 "), "CANCELED");
    CHECK(embedInChain(domain, TOP) && !embedInChain(domain, COPY), "the chain is the old one");
    CHECK(notHeld(COPY) == 0, "the copy is one of the moment (03/E9)");
    CHECK(copy(domain, "qcow2", REUSE) == 0 && embedEventWait("bj2:vda:2:3 "), "once more, into what is there now");
    ended(domain);
    CHECK(notHeld(COPY) == 0 && notHeld(TOP) == 0, "the domain's end leaves both");
}

#ifdef QBJ_DEBUG_CHECKS

/* All that QEMU has of disks. */
static char *
nodes(virDomainPtr domain)
{
    static const char command[] = "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}";
    char *reply = NULL;
    g_auto(GStrv) words = NULL;
    GString *names = g_string_new(NULL);
    size_t i;

    if (virDomainQemuMonitorCommand(domain, command, &reply, 0) < 0 || !reply)
        return g_string_free(names, FALSE);
    words = g_strsplit(reply, "\"node-name\":", -1);
    for (i = 1; words[0] && words[i]; i++)
        g_string_append_len(names, words[i], strcspn(words[i], ",}"));
    free(reply);
    return g_string_free(names, FALSE);
}

static bool
hasJobs(virDomainPtr domain)
{
    char *reply = NULL;
    bool jobs = virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-jobs\"}", &reply, 0) < 0 ||
        strstr(reply, "\"status\"");

    free(reply);
    return jobs;
}

/* The destination before: nothing, an empty file, an image, an image over the one below the disk's own. */
typedef enum {
    THERE_NOTHING,
    THERE_EMPTY,
    THERE_IMAGE,
    THERE_OVERLAY,
} There;

static void
prepare(const char *path, const char *format, There there)
{
    unlink(path);
    if (there == THERE_EMPTY)
        g_file_set_contents(path, "", 0, NULL);
    else if (there == THERE_IMAGE)
        embedRun("qemu-img", "create", "-f", format, path, "64M", NULL);
    else if (there == THERE_OVERLAY)
        embedRun("qemu-img", "create", "-f", format, "-F", format, "-b", "disk.1", path, NULL);
}

static bool
isAsBefore(const char *path, There there)
{
    GStatBuf st;
    bool exists = g_stat(path, &st) == 0;

    if (there == THERE_NOTHING)
        return !exists;
    return exists && (st.st_size == 0) == (there == THERE_EMPTY);
}

/* Fails at the first command, the second, and so on, until none of the start is left to fail. */
static void
testFailing(virConnectPtr conn, const char *name, const char *format, unsigned int flags, There there)
{
    virDomainPtr domain = embedDomainStart(conn, name, LAYERS);
    g_autofree char *path = embedImagePath(COPY);
    g_autofree char *before = domain ? nodes(domain) : NULL;
    virDomainBlockJobInfo info;
    unsigned int wrong = 0;
    unsigned int n;
    int rc = -1;

    for (n = 1; domain && rc < 0 && n < QUICK_STEPS; n++) {
        g_autofree char *fault = g_strdup_printf("qmp-error:%u", n);
        g_autofree char *after = NULL;

        prepare(path, format, there);
        embedFault(fault);
        rc = copy(domain, format, flags);
        embedFault(NULL);
        if (rc == 0)
            break;
        after = nodes(domain);
        if (STRNEQ(before, after) || hasJobs(domain) || !isAsBefore(path, there) ||
            embedXMLHas(domain, 0, "<mirror") ||
            virDomainGetBlockJobInfo(domain, "vda", &info, 0) != 0) {
            g_printerr("# %s: something is left when command %u fails: %s\n", name, n, after);
            wrong++;
        }
    }
    if (!domain)
        return;
    CHECK(rc == 0 && n > 3, "it starts when no command fails");
    CHECK(wrong == 0, "and before that nothing was left");
    CHECK(embedEventWait("bj2:vda:2:3 ") && !embedEventSeen("bj2:vda:2:1 "), "nobody heard of the starts that failed");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0, "abort");
    ended(domain);
}

/* The pivot fails at each of its commands: the copy stays ready, or has ended. It is begun again each time,
 * for the one that is ready has fewer commands to come. */
static void
testPivotFailing(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "pivot-failing", LAYERS);
    g_autofree char *path = embedImagePath(COPY);
    g_autofree char *before = domain ? nodes(domain) : NULL;
    virDomainBlockJobInfo info;
    unsigned int ready = 0;
    unsigned int wrong = 0;
    unsigned int n;
    int rc = -1;

    for (n = CLEANING + 1; domain && n < CLEANING + QUICK_STEPS; n++) {
        g_autofree char *fault = g_strdup_printf("qmp-error:%u", n);
        g_autofree char *after = NULL;

        prepare(path, "qcow2", THERE_OVERLAY);
        embedEventReset();
        if (copy(domain, "qcow2", SHALLOW | REUSE) < 0 || !embedEventWait("bj2:vda:2:3 "))
            break;
        embedFault(fault);
        rc = virDomainBlockJobAbort(domain, "vda", PIVOT);
        embedFault(NULL);
        if (rc == 0)
            break;
        if (virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 1) {
            ready++;
            wrong += virDomainBlockJobAbort(domain, "vda", 0) < 0;
        }
        after = nodes(domain);
        wrong += STRNEQ(before, after) || hasJobs(domain) || !embedInChain(domain, TOP);
    }
    if (!domain)
        return;
    CHECK(rc == 0 && ready > 4, "it pivots when no command fails, and before that the copy was ready each time");
    CHECK(wrong == 0, "its end left the disk as it was");
    CHECK(embedInChain(domain, COPY) && !embedInChain(domain, TOP) && embedInChain(domain, 0),
          "now the disk is the new one");
    ended(domain);
    CHECK(notHeld(COPY) == 0, "which holds the data of all layers");
}

#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-copy-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testPivot(conn, "full", "qcow2", 0);
        testPivot(conn, "raw", "raw", 0);
        testPivot(conn, "shallow", "qcow2", SHALLOW);
        testAborted(conn);
#ifdef QBJ_DEBUG_CHECKS
        testFailing(conn, "failing", "qcow2", 0, THERE_NOTHING);
        testFailing(conn, "failing-raw", "raw", 0, THERE_NOTHING);
        testFailing(conn, "failing-shallow", "qcow2", SHALLOW, THERE_EMPTY);
        testFailing(conn, "failing-raw-there", "raw", 0, THERE_EMPTY);
        testFailing(conn, "failing-reused", "qcow2", REUSE, THERE_IMAGE);
        testFailing(conn, "failing-on-others", "qcow2", SHALLOW | REUSE, THERE_OVERLAY);
        testPivotFailing(conn);
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
