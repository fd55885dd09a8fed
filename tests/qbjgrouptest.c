/* Several disks whose pivots are one decision (engine_group.h, protocol 8), with a real QEMU. libvirt's API
 * has no
  * call that makes a group; so this program is the driver and its caller in one. With the argument "sweep"
  * it goes
 * through groupsweep.h as well. TAP output. */
#include <config.h>

#include "internal.h"
#include "api_table.h"

#include <stdio.h>

#include <glib.h>
#include <libvirt/virterror.h>

#include "embedfixture.h"
#include "groupfixture.h"
#include "groupsweep.h"

#define PIVOT VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT

/* ---- without faults ---- */

static virDomainPtr
domainReady(virConnectPtr conn, const char *name)
{
    g_autofree char *xml = groupDomainXML(name);
    virDomainPtr domain = groupImagesMake() ? virDomainDefineXML(conn, xml) : NULL;

    CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0 &&
          groupCommit(domain, "vda", 0) == 0 && groupCommit(domain, "vdb", 0) == 0 &&
          embedEventWait("bj2:vda:4:3 ") && embedEventWait("bj2:vdb:4:3 "), name);
    return domain;
}

static void
domainEnd(virDomainPtr domain)
{
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "destroy, undefine");
    virDomainFree(domain);
    embedEventReset();
}

static void
testMake(virConnectPtr conn)
{
    virDomainPtr domain = domainReady(conn, "make");
    const char *one[] = { "vda", NULL };

    CHECK(groupMake(domain, one) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "a group of one");
    CHECK(groupOf(domain, "vda", "vda") < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "one named twice");
    CHECK(groupOf(domain, "vda", "vdc") < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "no such disk");
    CHECK(groupOf(domain, "vda", "vdb") == 0, "two that are ready");
    CHECK(groupOf(domain, "vda", "vdb") < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "they are in a group");
    CHECK(virDomainBlockJobAbort(domain, "vdb", 0) == 0, "one of them is given up alone");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID) &&
          virDomainBlockJobAbort(domain, "vda", 0) == 0, "what is left does not pivot, and can be given up");
    CHECK(groupOf(domain, "vda", "vdb") < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "a disk without a job");
    CHECK(groupBothAre(domain, GROUP_OLD, "2 "), "both disks are old");
    CHECK(virDomainBlockPull(domain, "vda", 1, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) == 0 &&
          groupOf(domain, "vda", "vdb") < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "a pull is no pivot");
    domainEnd(domain);
}

static void
testPivot(virConnectPtr conn)
{
    virDomainPtr domain = domainReady(conn, "pivot");
    g_autofree char *path = g_strdup_printf("%s/run/qemu/pivot.xml", embedRootDir);
    g_autofree char *status = NULL;

    CHECK(groupOf(domain, "vdb", "vda") == 0 && g_file_get_contents(path, &status, NULL, NULL) &&
          strstr(status, " members='2'"), "the status file knows the group");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) == 0 && groupBothAre(domain, GROUP_NEW, "0 "),
          "one pivot, both disks");
    CHECK(embedEventWait("bj2:vda:4:0 ") && embedEventWait("bj2:vdb:4:0 "), "each says that it has completed");
    CHECK(groupDeviceWrite(domain, 0, 30) && groupDeviceWrite(domain, 1, 30), "the guest's writes go on");
    domainEnd(domain);
}

/* The other's job holds the pivot back, by name. */
static void
testNotReady(virConnectPtr conn)
{
    virDomainPtr domain = domainReady(conn, "slow");

    CHECK(virDomainBlockJobAbort(domain, "vdb", 0) == 0 && groupJobWait(domain, "vdb", false) &&
          groupCommit(domain, "vdb", 1) == 0 && groupOf(domain, "vda", "vdb") == 0, "one is ready, the other copies");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) < 0 && embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE) &&
          strstr(virGetLastErrorMessage(), "'commit-vdb-"), "the pivot waits for it, and names its job");
    CHECK(virDomainBlockJobSetSpeed(domain, "vdb", 0, 0) == 0 && groupJobWait(domain, "vdb", true) &&
          virDomainBlockJobAbort(domain, "vdb", PIVOT) == 0 && groupBothAre(domain, GROUP_NEW, "0 "),
          "ready, it is for both");
    domainEnd(domain);
}

#ifdef QBJ_DEBUG_CHECKS
/* Nothing is asked of QEMU then. */
static void
testUnsaved(virConnectPtr conn)
{
    virDomainPtr domain = domainReady(conn, "unsaved");

    CHECK(groupOf(domain, "vda", "vdb") == 0, "a group");
    embedFault("save-sync:1+");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) < 0, "a pivot whose files cannot be saved");
    embedFault(NULL);
    CHECK(groupJobWait(domain, "vda", true) && groupJobWait(domain, "vdb", true), "leaves both ready");
    CHECK(virDomainBlockJobAbort(domain, "vda", PIVOT) == 0 && groupBothAre(domain, GROUP_NEW, "0 "),
          "and can be tried again");
    domainEnd(domain);
}
#endif

int
main(int argc, char **argv)
{
    virConnectPtr conn;

    bool sweep = argc == 2;

    virInitialize();
    qbjApiRegister();
#ifdef QBJ_DEBUG_CHECKS
    if (argc == 5)
        return groupSweepChild(argv);
#endif
    embedBegin("qbj-group-XXXXXX", "images");
    if (!CHECK((conn = embedOpen()), "open"))
        return embedEnd();
    embedEventRegister(conn);
    testMake(conn);
    testPivot(conn);
    testNotReady(conn);
#ifdef QBJ_DEBUG_CHECKS
    testUnsaved(conn);
#endif
    embedEventDeregister(conn);
    CHECK(embedClose(conn), "cleanup");
#ifdef QBJ_DEBUG_CHECKS
    if (sweep && CHECK(groupImagesMake(), "images"))
        groupSweep(argv[0]);
#else
    printf("# %s: no sweep without -Ddebug_checks=true: %d\n", argv[0], sweep);
#endif
    return embedEnd();
}
