/* Core dumps with the whole driver in this process (qemu:///embed) and a real QEMU, where memory-error tools
 * reach everything: each kind, and each way in which one fails. TAP output. A daemon that dies is in
 * tests/live/dumps.py. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

static char *path;

static bool
isRunning(virDomainPtr domain)
{
    int state;

    return virDomainGetState(domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_RUNNING;
}

/* The file begins so; it goes. */
static bool
fileIs(const char *magic)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    bool is = g_file_get_contents(path, &text, &length, NULL) && length > 4096 &&
        memcmp(text, magic, strlen(magic)) == 0;

    unlink(path);
    return is;
}

static virDomainPtr
running(virConnectPtr conn, const char *name)
{
    virDomainPtr domain = embedDomainStart(conn, name, 2);

    CHECK(domain && virDomainResume(domain) == 0 && isRunning(domain), "it runs");
    return domain;
}

static void
testKinds(virConnectPtr conn)
{
    virDomainPtr domain = running(conn, "kinds");

    CHECK(virDomainCoreDump(domain, path, 0) == 0 && isRunning(domain) && fileIs("QEVM"), "of one that stands still");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_LIVE) == 0 && isRunning(domain) && fileIs("QEVM"), "LIVE");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_BYPASS_CACHE) == 0 && fileIs("QEVM"), "past the cache");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_RESET) == 0 && isRunning(domain) && fileIs("QEVM"), "RESET");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_MEMORY_ONLY) == 0 && isRunning(domain) && fileIs("\177ELF"),
          "the memory alone");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_MEMORY_ONLY | VIR_DUMP_LIVE) == 0 && isRunning(domain) &&
          fileIs("\177ELF"), "the same, LIVE");
    CHECK(virDomainCoreDumpWithFormat(domain, path, VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB,
                                      VIR_DUMP_MEMORY_ONLY) == 0 &&
          isRunning(domain) && fileIs("makedumpfile"), "a compressed kdump");
    CHECK(virDomainSuspend(domain) == 0 && virDomainCoreDump(domain, path, 0) == 0 && !isRunning(domain) &&
          fileIs("QEVM"), "of one that is paused, and stays so");
    CHECK(virDomainCoreDump(domain, path, 0) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID) &&
          access(path, F_OK) < 0, "QEMU does that once");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_MEMORY_ONLY) == 0 && fileIs("\177ELF") &&
          virDomainResume(domain) == 0, "the memory alone again and again");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_CRASH) == 0 && embedGoneWait(conn, "kinds") && fileIs("QEVM"),
          "CRASH");
    virDomainFree(domain);
}

static void
testRefused(virConnectPtr conn)
{
    virDomainPtr domain = running(conn, "refused");
    g_autofree char *image = embedImagePath(0);

    CHECK(virDomainCoreDumpWithFormat(domain, path, VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB, 0) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_INVALID), "a kdump has the memory alone");
    CHECK(virDomainCoreDump(domain, image, 0) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "over its own image");
    CHECK(virDomainCoreDump(domain, "/dev/null", 0) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "a device");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
          embedEventWait("bj2:vda:4:3 ") && virDomainCoreDump(domain, path, VIR_DUMP_LIVE) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_INVALID), "beside a block job (07/G1.1)");
    CHECK(virDomainCoreDump(domain, path, VIR_DUMP_MEMORY_ONLY) == 0 && fileIs("\177ELF"), "of memory alone (07/G1.7)");
    CHECK(isRunning(domain) && virDomainDestroy(domain) == 0 && access(path, F_OK) < 0, "it ran all the time");
    virDomainFree(domain);
}

#ifdef QBJ_DEBUG_CHECKS
static bool
runsAgain(virDomainPtr domain)
{
    int tries;

    for (tries = 0; tries < 1000 && !isRunning(domain); tries++)
        g_usleep(20000);
    return tries < 1000;
}

/* A dump that cannot be recorded is not begun. */
static void
testUnrecorded(virConnectPtr conn)
{
    virDomainPtr domain = running(conn, "unrecorded");

    embedFault("save:1+");
    CHECK(virDomainCoreDump(domain, path, 0) < 0 && isRunning(domain) && access(path, F_OK) < 0, "no record, no dump");
    embedFault(NULL);
    CHECK(virDomainCoreDump(domain, path, 0) == 0 && isRunning(domain) && fileIs("QEVM"), "then it is done");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

/* Whether the last error is QEMU's, of a dump that it did not begin. */
static bool
isRefused(void)
{
    const char *message = virGetLastErrorMessage();

    return strstr(message, "'migrate'") || strstr(message, "'dump-guest-memory'");
}

/* Each place of @point: it fails without a file, or is done; the guest runs again. What QEMU was given for a
 * dump that it refuses it does not keep. */
static void
testFaults(virConnectPtr conn, const char *point, unsigned int places, unsigned int flags, const char *magic)
{
    virDomainPtr domain = running(conn, point);
    g_autofree char *what = g_strdup_printf("%s, flags %u: each of %u failures leaves all or nothing", point, flags,
                                            places);
    unsigned int failed = 0;
    unsigned int refused = 0;
    unsigned int kept = 0;
    bool whole = true;
    unsigned int n;

    for (n = 1; whole && n <= places; n++) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, n);
        bool made;

        embedFault(fault);
        made = virDomainCoreDump(domain, path, flags) == 0;
        embedFault(NULL);
        failed += !made;
        if (!made && isRefused()) {
            refused++;
            kept += embedQemuHasOpen(point, path);
        }
        whole = runsAgain(domain) && (made ? fileIs(magic) : access(path, F_OK) < 0);
    }
    CHECK(kept == 0 && (refused > 0) == STREQ(point, "qmp-error"), "QEMU gives back the file of a refused dump");
    CHECK(whole && failed > 0 && virDomainDestroy(domain) == 0, what);
    virDomainFree(domain);
}
#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-dump-XXXXXX", "images");
    path = g_build_filename(embedRootDir, "core", NULL);
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testKinds(conn);
        testRefused(conn);
#ifdef QBJ_DEBUG_CHECKS
        testFaults(conn, "image-create", 1, 0, "QEVM");
        testFaults(conn, "image-seal", 1, VIR_DUMP_LIVE, "QEVM");
        testUnrecorded(conn);
        testFaults(conn, "qmp-error", 9, 0, "QEVM");
        testFaults(conn, "qmp-error", 9, VIR_DUMP_LIVE, "QEVM");
        testFaults(conn, "qmp-error", 6, VIR_DUMP_MEMORY_ONLY, "\177ELF");
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    g_free(path);
    return embedEnd();
}
