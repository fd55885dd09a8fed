/* The process that a fault is for, and the one that recovers after it: see qbjsweeptest.c. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"
#include "sweepchild.h"

#define TOP (SWEEP_LAYERS - 1)
#define BASE 1                      /* of the commits: so that there is something to commit afterwards */

static void G_GNUC_PRINTF(1, 2)
say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

static void
bad(const char *what)
{
    virErrorPtr error = virGetLastError();

    say("bad %s (last error: %s)\n", what, error && error->message ? error->message : "none");
}

/* The names of images in the order of the chain, without their folder, as "3 2 1 0 ". */
static char *
chainOf(virDomainPtr domain, unsigned int flags)
{
    g_autofree char *xml = virDomainGetXMLDesc(domain, flags);
    g_autofree char *prefix = g_strdup_printf("<source file='%s/disk.", embedImageDir);
    g_autoptr(GString) chain = g_string_new(NULL);
    char *mirror = xml ? strstr(xml, "<mirror") : NULL;
    char *end = mirror ? strstr(mirror, "</mirror>") : NULL;
    const char *next;

    if (mirror && end)
        memset(mirror, ' ', end - mirror);
    for (next = xml; next && (next = strstr(next, prefix)); next++)
        g_string_append_printf(chain, "%c ", next[strlen(prefix)]);
    return g_string_free(g_steal_pointer(&chain), FALSE);
}

static bool
is(const char *text, const char *one, const char *other)
{
    return STREQ(text, one) || STREQ(text, other);
}

static bool
isPivot(sweepKind kind)
{
    return kind == SWEEP_KIND_PIVOT || kind == SWEEP_KIND_STOPPED;
}

static const char *
liveNew(sweepKind kind)
{
    switch (kind) {
    case SWEEP_KIND_PIVOT:
    case SWEEP_KIND_STOPPED:
        return "1 0 ";
    case SWEEP_KIND_INTERMEDIATE:
    case SWEEP_KIND_REBASE:
        return "3 1 0 ";
    case SWEEP_KIND_PULL:
        return "3 ";
    case SWEEP_KIND_COPY:
        return "9 ";
    case SWEEP_KIND_ABORT:
    case SWEEP_KIND_LAST:
    default:
        return "3 2 1 0 ";
    }
}

/* Nothing runs any more: both definitions are whole and mean the same. Returns whether they are new. */
static bool
checkDefinitions(virDomainPtr domain, sweepKind kind)
{
    g_autofree char *live = chainOf(domain, 0);
    g_autofree char *inactive = chainOf(domain, VIR_DOMAIN_XML_INACTIVE);
    bool nowNew = kind != SWEEP_KIND_ABORT && STREQ(live, liveNew(kind));

    if (!is(live, "3 2 1 0 ", liveNew(kind)))
        say("bad the live chain is %s\n", live);
    if (STRNEQ(inactive, !nowNew ? "3 " : isPivot(kind) ? "1 " : kind == SWEEP_KIND_COPY ? "9 " : "3 "))
        say("bad the persistent chain is %s, the live one %s\n", inactive, live);
    if (embedXMLHas(domain, 0, "<mirror"))
        bad("there is a <mirror> without a job");
    return nowNew;
}

/* Has the device write a MiB of its own number, as a guest would. Not in a hold: then it would not return
 * (protocol H6). */
static void
deviceWrite(virDomainPtr domain, unsigned int mib)
{
    g_autofree char *write = g_strdup_printf("qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "
                                             "\"write -P %u %uM 1M\"", mib, mib);
    const char *commands[] = { write, "qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend \"flush\"" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(commands); i++) {
        char *reply = NULL;
        int rc = virDomainQemuMonitorCommand(domain, commands[i], &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
        bool written = rc == 0 && reply && !*reply;

        if (rc == 0 && reply && *reply)
            say("bad qemu-io says: %s\n", reply);
        free(reply);
        if (!written)
            return;
    }
    say("wrote %u\n", mib);
}

/* Whatever a fault did to a call, the next time it has to work: there is one fault only. */
#define TWICE(call) ((call) == 0 || (call) == 0)

typedef int (*jobStarter)(virDomainPtr domain, sweepKind kind);

/* The same for a job, which may be there although the call could not wait for QEMU's answer. */
static bool
begin(virDomainPtr domain, sweepKind kind, jobStarter start)
{
    virDomainBlockJobInfo info;

    if (start(domain, kind) == 0)
        return true;
    return (virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT &&
            virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 1) || start(domain, kind) == 0;
}

/* 20 s for a job to end; one that is ready is aborted when @abortReady. */
static bool
waitJob(virDomainPtr domain, bool abortReady, bool *ready)
{
    int tries;

    *ready = false;
    for (tries = 0; tries < 1000; tries++) {
        virDomainBlockJobInfo info;
        int rc = virDomainGetBlockJobInfo(domain, "vda", &info, 0);

        if (rc == 0)
            return true;
        if (rc == 1 && embedXMLHas(domain, 0, "ready='yes'")) {
            *ready = true;
            if (!abortReady)
                return true;
            ignore_value(virDomainBlockJobAbort(domain, "vda", 0));
        }
        g_usleep(20000);
    }
    return false;
}

/* Into a file that is not there yet: one that a start without success leaves behind makes the next one
 * fail. */
static int
copyStart(virDomainPtr domain, unsigned int number)
{
    g_autofree char *path = embedImagePath(number);
    g_autofree char *xml = g_strdup_printf("<disk type='file'><source file='%s'/></disk>", path);

    return virDomainBlockCopy(domain, "vda", xml, NULL, 0, VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB);
}

static int
jobStart(virDomainPtr domain, sweepKind kind)
{
    g_autofree char *base = embedImagePath(BASE);
    g_autofree char *top = embedImagePath(TOP - 1);

    if (kind == SWEEP_KIND_PULL)
        return virDomainBlockPull(domain, "vda", 0, 0);
    if (kind == SWEEP_KIND_COPY)
        return copyStart(domain, 9);
    if (kind == SWEEP_KIND_REBASE)
        return virDomainBlockRebase(domain, "vda", base, 0, 0);
    if (kind == SWEEP_KIND_INTERMEDIATE)
        return virDomainBlockCommit(domain, "vda", base, top, 0, 0);
    return virDomainBlockCommit(domain, "vda", base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE);
}

/* The job, once or, when the fault ended it, once more. */
static void
jobRun(virDomainPtr domain, sweepKind kind)
{
    bool ready = false;

    if (!begin(domain, kind, jobStart)) {
        bad("the job does not start");
        return;
    }
    if (!waitJob(domain, false, &ready)) {
        bad("the job does not get ready");
        return;
    }
    deviceWrite(domain, 20);
    if (ready &&
        virDomainBlockJobAbort(domain, "vda", isPivot(kind) || kind == SWEEP_KIND_COPY
                               ? VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT : 0) < 0)
        virResetLastError();    /* old then, or the job is still there: the next wait ends it */
    if (!waitJob(domain, true, &ready))
        bad("the job does not end");
}

static int
nextStart(virDomainPtr domain, sweepKind kind)
{
    g_autofree char *base = embedImagePath(0);

    /* there may be one image only, which has nothing to be committed into */
    if (kind == SWEEP_KIND_PULL)
        return virDomainBlockPull(domain, "vda", 0, 0);
    if (kind == SWEEP_KIND_COPY)
        return copyStart(domain, 8);
    return virDomainBlockCommit(domain, "vda", base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE);
}

static void
copyRemove(unsigned int number)
{
    g_autofree char *path = embedImagePath(number);

    ignore_value(g_unlink(path));
}

/* A guest that was stopped by us alone goes on, and nobody has heard of it. */
static void
checkGuest(virDomainPtr domain)
{
    char *reply = NULL;
    int state = VIR_DOMAIN_NOSTATE;

    if (virDomainGetState(domain, &state, NULL, 0) < 0 || state != VIR_DOMAIN_RUNNING)
        say("bad the guest is in state %d\n", state);
    if (virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0) < 0 ||
        !strstr(reply, "\"running\":true"))
        say("bad the guest does not run: %s\n", reply ? reply : "no answer");
    free(reply);
    if (embedEventSeen("life:3:") || embedEventSeen("life:4:"))
        bad("clients were told of a guest that stopped");
}

/* From a domain without a job to none at all. */
static void
finish(virDomainPtr domain, sweepKind kind)
{
    bool ready;

    /* another process may have come this far, and what was copied stays */
    copyRemove(8);
    if (kind == SWEEP_KIND_STOPPED)
        checkGuest(domain);
    say("end %d\n", checkDefinitions(domain, kind));
    deviceWrite(domain, 21);
    if (!begin(domain, kind, nextStart) || !waitJob(domain, true, &ready))
        bad("the disk does not take the next job");
    deviceWrite(domain, 22);
    checkDefinitions(domain, kind);
    say("destroying\n");
    if (virDomainDestroy(domain) < 0 && virDomainIsActive(domain) != 0 && virDomainDestroy(domain) < 0)
        bad("destroy");
}

static void
undefine(virDomainPtr domain)
{
    g_autofree char *inactive = chainOf(domain, VIR_DOMAIN_XML_INACTIVE);

    say("top %c\n", *inactive);
    if (!TWICE(virDomainUndefine(domain)))
        bad("undefine");
}

static void
childRun(virConnectPtr conn, const char *name, sweepKind kind)
{
    g_autofree char *xml = embedDomainXML(name, TOP);
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (!domain && !(domain = virDomainDefineXML(conn, xml))) {
        bad("define");
        return;
    }
    if (!TWICE(virDomainCreateWithFlags(domain, kind == SWEEP_KIND_STOPPED ? 0 : VIR_DOMAIN_START_PAUSED))) {
        bad("start");
    } else {
        if (kind == SWEEP_KIND_STOPPED && !embedEventWait("life:4:"))
            bad("the start is not told");
        embedEventReset();
        jobRun(domain, kind);
        finish(domain, kind);
    }
    undefine(domain);
    virDomainFree(domain);
}

/* What another process left when it died. */
static void
childRecover(virConnectPtr conn, const char *name, sweepKind kind, bool ending, bool gone)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);
    bool ready;
    int tries;

    if (!domain) {
        say("top -\n");     /* died before it was defined, or after the end */
        return;
    }
    if (gone && virDomainIsActive(domain) == 1)
        bad("a domain whose process has gone is listed as running");
    for (tries = 0; ending && tries < 1000 && virDomainIsActive(domain) == 1; tries++)
        g_usleep(20000);
    if (virDomainIsActive(domain) == 1) {
        if (ending)
            bad("what was to be destroyed runs on");
        if (!waitJob(domain, true, &ready)) {
            bad("the job does not end after the restart");
            virDomainDestroy(domain);
        } else if (virDomainIsActive(domain) == 1) {
            finish(domain, kind);
        }
    }
    undefine(domain);
    virDomainFree(domain);
}

int
sweepChildMain(char **argv)
{
    virConnectPtr conn;
    sweepKind kind = atoi(argv[4]);

    embedRootDir = g_strdup(argv[2]);
    embedImageDir = g_build_filename(embedRootDir, argv[3], NULL);
    /* a caller's second try is his, but the one who opens the driver is this program */
    if ((conn = embedOpen()) && kind == SWEEP_KIND_STOPPED)
        embedEventRegister(conn);
    if (!conn)
        bad("open");
    else if (STREQ(argv[1], "run"))
        childRun(conn, argv[3], kind);
    else
        childRecover(conn, argv[3], kind, STRPREFIX(argv[1], "recover-"), STREQ(argv[1], "recover-gone"));
    if (conn && kind == SWEEP_KIND_STOPPED)
        embedEventDeregister(conn);
    if (!embedClose(conn))
        bad("cleanup");
    return 0;
}
