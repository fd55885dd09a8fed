/* The whole driver inside this process (qemu:///embed), with real QEMU and real images: define, start,
 * commit, watch, pivot, abort, destroy, undefine, and the cleanup of the driver. Memory-error tools reach
 * everything this way. TAP output.
 *
 * The guest has no operating system: what happens to data that a guest writes is tested in tests/live. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"
#include "embedsettle.h"

static void
testRefusals(virDomainPtr domain)
{
    g_autofree char *base = embedImagePath(0);

    CHECK(virDomainBlockCommit(domain, "vdz", NULL, NULL, 0, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "unknown disk (01/A7)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "active layer without the flag (01/C11)");
    CHECK(virDomainBlockCommit(domain, "vda", base, base, 0, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "base is top (01/C5)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, ULONG_MAX, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 &&
          embedErrorIs(VIR_ERR_OVERFLOW), "bandwidth out of range (01/A15)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, 1U << 20) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "unknown flag (01/A2)");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "abort without a job (01/J1)");
    CHECK(virDomainBlockJobSetSpeed(domain, "vda", 1, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "speed without a job (01/S1)");
}

static void
testAbort(virDomainPtr domain)
{
    virDomainBlockJobInfo info;

    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 1, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES) == 0, "held active commit starts");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES) == 1 &&
          info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT && info.bandwidth == 1, "job info (01/I2, I8)");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "pivot before ready (01/J3)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 &&
          embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "second job (01/A13)");
    CHECK(embedXMLHas(domain, 0, "<mirror type='file' job='active-commit'>"), "mirror is shown (03/X)");
    CHECK(!embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<mirror"), "but not in the inactive definition (03/X4)");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0, "abort (01/J12)");
    CHECK(embedEventWait("bj:path:4:2 bj2:vda:4:2 "), "CANCELED events in order (03/E1)");
    CHECK(!embedXMLHas(domain, 0, "<mirror"), "mirror is gone");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 0, "no job any more (01/I1)");
}

static void
testIntermediate(virDomainPtr domain)
{
    g_autofree char *middle = embedImagePath(1);
    g_autofree char *base = embedImagePath(0);

    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", base, middle, 0, 0) == 0, "intermediate commit starts");
    CHECK(embedEventWait("bj:path:3:0 bj2:vda:3:0 "), "COMPLETED events in order (03/E)");
    CHECK(!embedXMLHas(domain, 0, middle), "the middle image has left the chain (01/C20)");
    CHECK(embedXMLHas(domain, 0, base), "base is in it");
}

static void
testPivot(virDomainPtr domain)
{
    g_autofree char *top = embedImagePath(2);
    g_autofree char *base = embedImagePath(0);

    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_DELETE) == 0, "active commit starts");
    CHECK(embedEventWait("bj:path:4:3 bj2:vda:4:3 "), "READY events (03/E)");
    CHECK(embedXMLHas(domain, 0, "ready='yes'"), "mirror is ready");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "pivot");
    CHECK(embedEventWait("bj:path:4:0 bj2:vda:4:0 "), "COMPLETED events");
    CHECK(embedXMLHas(domain, 0, base) && !embedXMLHas(domain, 0, top), "the disk is base now");
    CHECK(embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, base) && !embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, top),
          "in the persistent definition, too (02/Q67)");
    CHECK(access(top, F_OK) < 0, "the committed image was removed (01/C22)");
}

static void
testMonitor(virDomainPtr domain)
{
    char *reply = NULL;

    CHECK(virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0) == 0 &&
          strstr(reply, "\"status\""), "monitor command");
    g_clear_pointer(&reply, free);
    CHECK(virDomainQemuMonitorCommand(domain, "info status", &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) == 0 &&
          strstr(reply, "VM status"), "HMP command");
    g_clear_pointer(&reply, free);
    CHECK(virDomainQemuMonitorCommand(domain, "foo", &reply, 0) < 0 && embedErrorIs(VIR_ERR_INTERNAL_ERROR),
          "a command that is no JSON (11.16)");
}

static void
testRunning(virDomainPtr domain)
{
    int state;
    int reason;

    CHECK(virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_RUNNING &&
          reason == VIR_DOMAIN_RUNNING_BOOTED, "running (booted)");
    CHECK(virDomainCreate(domain) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "second start is refused");
    CHECK(virDomainSuspend(domain) == 0 && virDomainGetState(domain, &state, &reason, 0) == 0 &&
          state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER, "suspend");
    CHECK(virDomainResume(domain) == 0, "resume");
    CHECK(virDomainSuspend(domain) == 0, "suspend again");
    testRefusals(domain);
    testAbort(domain);
    testIntermediate(domain);
    testPivot(domain);
    testMonitor(domain);
}

static void
testPersistent(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("embed", 2);
    virDomainPtr domain;
    unsigned int i;

    if (!CHECK(embedImagesMake(3), "images"))
        return;
    embedEventReset();
    if (!CHECK((domain = virDomainDefineXML(conn, xml)) != NULL, "define"))
        return;
    CHECK(embedEventWait("life:0:0 "), "DEFINED event");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_SHALLOW) < 0, "commit on a shut-off domain (01/C6)");
    if (CHECK(virDomainCreate(domain) == 0, "start")) {
        CHECK(embedEventWait("life:4:0 life:2:0 "), "RESUMED, STARTED (11.6)");
        testRunning(domain);
        embedEventReset();
        CHECK(virDomainDestroy(domain) == 0, "destroy");
        CHECK(embedEventWait("life:5:1 "), "STOPPED event");
        for (i = 0; i < 3; i++)
            CHECK(embedImageHolds(0, i), "base holds the data of each layer");
    }
    CHECK(virDomainUndefine(domain) == 0, "undefine");
    CHECK(embedEventWait("life:1:0 "), "UNDEFINED event");
    virDomainFree(domain);
}

/* A transient domain that ends while a job runs leaves nothing behind, and its images as they were. */
static void
testTransient(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("passing", 2);
    virDomainPtr domain;
    unsigned int i;

    if (!CHECK(embedImagesMake(3), "images") ||
        !CHECK((domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED)) != NULL, "create a transient domain"))
        return;
    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0,
          "active commit starts");
    CHECK(embedEventWait("bj2:vda:4:3 "), "READY");
    embedEventReset();
    CHECK(virDomainDestroy(domain) == 0, "destroy with a job that is ready");
    CHECK(embedEventWait("life:5:1 "), "STOPPED event");
    CHECK(!embedEventSeen("bj"), "and no event of the job (03/E)");
    CHECK(virDomainLookupByName(conn, "passing") == NULL && embedErrorIs(VIR_ERR_NO_DOMAIN), "the domain is gone");
    for (i = 0; i < 3; i++)
        CHECK(embedImageHolds(2, i), "the old chain holds the data (protocol 3)");
    virDomainFree(domain);
}

static void *
listRun(void *opaque)
{
    int *quit = opaque;
    virConnectPtr conn = embedOpenAgain();

    while (conn && !g_atomic_int_get(quit)) {
        virDomainPtr *domains = NULL;
        int n = virConnectListAllDomains(conn, &domains, 0);

        while (n > 0)
            virDomainFree(domains[--n]);
        free(domains);
    }
    if (conn)
        virConnectClose(conn);
    return NULL;
}

/* Who else works on the list makes it take longer to leave. */
static void
testNameIsFree(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("again", 0);
    pthread_t threads[4];
    int quit = 0;
    size_t i;
    int good = 0;

    if (!CHECK(embedImagesMake(1), "image"))
        return;
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_create(&threads[i], NULL, listRun, &quit);
    for (i = 0; i < 20; i++) {
        virDomainPtr domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED);

        if (!domain)
            break;
        good += virDomainDestroy(domain) == 0;
        virDomainFree(domain);
    }
    CHECK(good == 20, "the name of a transient domain is free when destroy returns");
    g_atomic_int_set(&quit, 1);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
}

/* The folder of a run belongs to QEMU, which may put something else in its place. */
static void
testPlantedLink(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("linked", 0);
    g_autofree char *victim = g_build_filename(embedRootDir, "victim", NULL);
    g_autofree char *inside = g_build_filename(victim, "file", NULL);
    g_autofree char *command = g_strdup_printf("d=$(echo '%s'/lib/qemu/domain-*-linked) && mv \"$d\" \"$d.away\" && "
                                               "mkdir '%s' && touch '%s' && ln -s '%s' \"$d\"",
                                               embedRootDir, victim, inside, victim);
    virDomainPtr domain;

    if (!CHECK((domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED)) != NULL, "a domain whose folder ..."))
        return;
    CHECK(embedRun("sh", "-c", command, NULL), "... is replaced by a link");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    CHECK(access(inside, F_OK) == 0, "what the link points to is left alone");
    virDomainFree(domain);
}

#ifdef QBJ_DEBUG_CHECKS

static bool
qemuRuns(const char *name)
{
    g_autofree char *command = g_strdup_printf("grep -lsE 'guest=[%c]%s,' /proc/[0-9]*/cmdline", name[0], name + 1);

    return embedRun("sh", "-c", command, NULL);
}

static bool
statusFileExists(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/run/qemu/%s.xml", embedRootDir, name);

    return access(path, F_OK) == 0;
}

/* A QEMU that survives even SIGKILL still has its images open. */
static void
testSurvivorStart(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("survivor", 0);
    virDomainPtr domain;

    embedEventReset();
    embedFault("qmp-error:1+,process-end:1+");
    CHECK(!virDomainCreateXML(conn, xml, 0), "a start that fails when QEMU runs already");
    embedFault(NULL);
    CHECK((domain = virDomainLookupByName(conn, "survivor")) && virDomainIsActive(domain) == 1,
          "its domain stays listed when QEMU cannot be ended");
    CHECK(statusFileExists("survivor"), "and so does its status file");
    CHECK(!virDomainCreateXML(conn, xml, 0) && embedErrorIs(VIR_ERR_OPERATION_FAILED), "it is not started twice");
    CHECK(embedQemuKill("survivor") && embedGoneWait(conn, "survivor"), "its end is seen");
    CHECK(!statusFileExists("survivor"), "then the status file goes");
    if (domain)
        virDomainFree(domain);
}

static void
testSurvivorAutoDestroy(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("orphan", 0);
    virConnectPtr parent = embedOpenAgain();
    virDomainPtr domain = parent ? virDomainCreateXML(parent, xml, VIR_DOMAIN_START_AUTODESTROY) : NULL;

    if (!CHECK(domain != NULL, "a domain with AUTODESTROY"))
        return;
    virDomainFree(domain);
    embedEventReset();
    embedFault("process-end:1+");
    virConnectClose(parent);
    embedFault(NULL);
    CHECK((domain = virDomainLookupByName(conn, "orphan")) && statusFileExists("orphan"),
          "it stays listed when its QEMU cannot be ended");
    CHECK(embedQemuKill("orphan") && embedEventWait("life:5:1 "), "the STOPPED event says destroyed");
    CHECK(embedGoneWait(conn, "orphan") && !statusFileExists("orphan"), "nothing is left");
    if (domain)
        virDomainFree(domain);
}

static void
testUnwatchable(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("unwatched", 0);

    embedFault("process-open:1+");
    CHECK(!virDomainCreateXML(conn, xml, 0) && embedErrorIs(VIR_ERR_SYSTEM_ERROR), "no descriptor for QEMU's process");
    CHECK(!qemuRuns("unwatched"), "QEMU has ended when the start returns");
    embedFault(NULL);
    CHECK(!virDomainLookupByName(conn, "unwatched") && !statusFileExists("unwatched"), "nothing is left of it");
}

static bool
monitor(virDomainPtr domain, const char *execute)
{
    g_autofree char *text = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":{\"id\":"
                                            "\"commit-vda-libvirt-1-format\"}}", execute);
    char *reply = NULL;
    bool done = virDomainQemuMonitorCommand(domain, text, &reply, 0) == 0 && strstr(reply, "return");

    if (!done)
        printf("# %s: %s\n", execute, reply ? reply : virGetLastErrorMessage());
    free(reply);
    return done;
}

/* Completed behind our back, and the call-off that follows is refused for now: QEMU's job is pending. */
static void
testSpeedLate(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("late", 2);
    virDomainPtr domain = embedImagesMake(3) ? virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED) : NULL;

    embedEventReset();
    if (!CHECK(domain && virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
               embedEventWait("bj2:vda:4:3 "), "a job that is ready"))
        return;
    embedFault("qmp-error:1+");
    CHECK(monitor(domain, "job-complete"), "somebody else completes it");
    g_usleep(200000);
    embedFault(NULL);
    CHECK(virDomainBlockJobSetSpeed(domain, "vda", 1, 0) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID),
          "its speed cannot be set any more (01/S2)");
    CHECK(embedEventWait("bj2:vda:4:1 "), "it is called off in the end");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

/* Somebody else pivots, while the folder of the persistent definitions is away; then QEMU dies. */
static void
testUnsettled(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("unsettled", 2);
    g_autofree char *away = g_strdup_printf("mv '%s/etc/qemu' '%s/etc/away'", embedRootDir, embedRootDir);
    g_autofree char *back = g_strdup_printf("mv '%s/etc/away' '%s/etc/qemu'", embedRootDir, embedRootDir);
    g_autofree char *base = embedImagePath(0);
    g_autofree char *grep = g_strdup_printf("grep -q '%s' '%s/etc/qemu/unsettled.xml'", base, embedRootDir);
    g_autofree char *settling = g_strdup_printf("grep -q \" state='settling'\" '%s/run/qemu/unsettled.xml'",
                                                embedRootDir);
    virDomainPtr domain = embedImagesMake(3) ? virDomainDefineXML(conn, xml) : NULL;
    int tries;

    embedEventReset();
    if (!CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0 &&
               virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
               embedEventWait("bj2:vda:4:3 "), "a job that is ready"))
        return;
    /* its events are lost, and so is the question for them: the record stays behind */
    embedFault("qmp-error:1+,queue:1+");
    CHECK(embedRun("sh", "-c", away, NULL) && monitor(domain, "job-complete"), "somebody else completes it");
    for (tries = 0; tries < 200 && !monitor(domain, "job-finalize"); tries++)
        g_usleep(10000);
    embedFault(NULL);
    /* each of the two calls saves the status file, which tells how far the job is */
    for (tries = 0; tries < 500 && !embedRun("sh", "-c", settling, NULL); tries++) {
        CHECK(virDomainResume(domain) == 0 && virDomainSuspend(domain) == 0, "resume and suspend");
        g_usleep(10000);
    }
    CHECK(embedQemuKill("unsettled"), "QEMU is killed");
    g_usleep(1500000);
    CHECK(virDomainIsActive(domain) == 1 && statusFileExists("unsettled"),
          "the domain stays while its definition cannot be saved");
    CHECK(virDomainDestroy(domain) < 0 && embedErrorIs(VIR_ERR_OPERATION_FAILED), "destroy says so");
    CHECK(embedRun("sh", "-c", back, NULL) && embedEventWait("life:5:"), "it goes when that is possible again");
    CHECK(!statusFileExists("unsettled"), "with its status file");
    CHECK(embedRun("sh", "-c", grep, NULL), "the persistent definition names base");
    CHECK(virDomainUndefine(domain) == 0, "undefine");
    virDomainFree(domain);
}

/* The caller is not kept for as long as a disk is full; the job ends by itself. */
static void
testSettleLate(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("settling", 2);
    g_autofree char *base = embedImagePath(0);
    virDomainPtr domain = embedImagesMake(3) ? virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED) : NULL;
    gint64 begin = g_get_monotonic_time();

    embedEventReset();
    if (!CHECK(domain && virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
               embedEventWait("bj2:vda:4:3 "), "a job that is ready"))
        return;
    embedFault("settle:1+");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_TIMEOUT), "a pivot whose end cannot be saved is not waited for");
    printf("# %.1f s\n", (g_get_monotonic_time() - begin) / 1e6);
    CHECK(!embedEventSeen("bj2:vda:4:0"), "the job is still there");
    embedFault(NULL);
    CHECK(embedEventWait("bj2:vda:4:0 "), "it ends when that is possible again");
    CHECK(embedXMLHas(domain, 0, base) && !embedXMLHas(domain, 0, "<backingStore type"), "the disk is base");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

static void
testFaults(virConnectPtr conn)
{
    embedSettleNodes(conn);
    embedSettleOffline(conn);
    embedSettleUnsynced(conn);
    testSurvivorStart(conn);
    testSurvivorAutoDestroy(conn);
    testUnwatchable(conn);
    testSpeedLate(conn);
    testUnsettled(conn);
    testSettleLate(conn);
}

#endif

static void
testBadDefinitions(virConnectPtr conn)
{
    CHECK(virDomainDefineXML(conn, "<domain type='qemu'><name>a/b</name><memory>1024</memory>"
                             "<os><type>hvm</type></os></domain>") == NULL, "bad name is refused");
    CHECK(virDomainDefineXML(conn, "<domain type='qemu'><name>x</name><memory unit='MiB'>32</memory><nonsense/>"
                             "<os><type>hvm</type></os></domain>") == NULL && embedErrorIs(VIR_ERR_CONFIG_UNSUPPORTED),
          "an unknown element is refused");
    CHECK(virConnectOpen("qemu:///embed?root=/nonexistent") == NULL, "second root in one process is refused");
}

static void
testAll(virConnectPtr conn)
{
    embedEventRegister(conn);
    testBadDefinitions(conn);
    testPersistent(conn);
    testTransient(conn);
    testNameIsFree(conn);
    testPlantedLink(conn);
#ifdef QBJ_DEBUG_CHECKS
    testFaults(conn);
#endif
    embedEventDeregister(conn);
}

/* As if a daemon had died while it saved a definition. */
static char *
writeLeftover(void)
{
    g_autofree char *dir = g_build_filename(embedRootDir, "etc", "qemu", NULL);
    char *path = g_build_filename(dir, ".qbj-1-1.new", NULL);

    g_mkdir_with_parents(dir, 0755);
    g_file_set_contents(path, "<domain", -1, NULL);
    return path;
}

int
main(void)
{
    virConnectPtr conn;
    g_autofree char *leftover = NULL;

    embedBegin("qbj-embed-XXXXXX", "images");
    leftover = writeLeftover();

    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        CHECK(!g_file_test(leftover, G_FILE_TEST_EXISTS), "what a killed daemon was saving is removed");
        testAll(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
