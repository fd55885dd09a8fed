/* What a person at QEMU's monitor must not be able to do while a pivot holds the guest (protocol H5, H6),
 * with the whole driver in this process (qemu:///embed) and a real QEMU. TAP output.
 *
 * The tests of the other holes are named in docs/kbase/internals/recovery.rst. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

static bool
monitor(virDomainPtr domain, const char *command, unsigned int flags)
{
    char *reply = NULL;
    bool done = virDomainQemuMonitorCommand(domain, command, &reply, flags) == 0 && reply &&
        !strstr(reply, "\"error\"");

    if (reply && !done)
        printf("# %s\n", reply);
    free(reply);
    return done;
}

/* A job that is ready: a copy, or a commit of the active image. */
static virDomainPtr
readyStart(virConnectPtr conn, const char *name, bool copy)
{
    g_autofree char *target = embedImagePath(9);
    g_autofree char *xml = g_strdup_printf("<disk type='file'><source file='%s'/></disk>", target);
    virDomainPtr domain = embedDomainStart(conn, name, 3);

    if (!domain)
        return NULL;
    CHECK((copy ? virDomainBlockCopy(domain, "vda", xml, NULL, 0, VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
                : virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)) == 0 &&
          embedEventWait(copy ? "bj2:vda:2:3 " : "bj2:vda:4:3 "), "a job gets ready");
    return domain;
}

static void
readyEnd(virDomainPtr domain)
{
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

/* H5: its client would have its writes acknowledged, and then hang QEMU. */
static void
testExport(virConnectPtr conn)
{
    virDomainPtr domain = readyStart(conn, "exported", true);
    g_autofree char *serve = g_strdup_printf("{\"execute\":\"nbd-server-start\",\"arguments\":{\"addr\":"
                                             "{\"type\":\"unix\",\"data\":{\"path\":\"qbj-holes-%d\","
                                             "\"abstract\":true}}}}", getpid());

    if (!domain)
        return;
    CHECK(monitor(domain, serve, 0) &&
          monitor(domain, "{\"execute\":\"block-export-add\",\"arguments\":{\"type\":\"nbd\",\"id\":\"peep\","
                  "\"name\":\"disk\",\"node-name\":\"libvirt-1-format\"}}", 0), "somebody exports its active image");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_INVALID) && strstr(virGetLastErrorMessage(), "peep"),
          "the pivot is refused and names the export (H5)");
    CHECK(embedXMLHas(domain, 0, "ready='yes'"), "the mirror stays ready");
    CHECK(monitor(domain, "{\"execute\":\"block-export-del\",\"arguments\":{\"id\":\"peep\"}}", 0), "it goes");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "then the pivot works");
    readyEnd(domain);
}

#ifdef QBJ_DEBUG_CHECKS

/* H6: some commands do not return then, and nothing else comes through the monitor any more. The guest is
 * held for as long as QEMU refuses what we say. */
static void
testHeld(virConnectPtr conn)
{
    virDomainPtr domain = readyStart(conn, "held", false);
    bool refused = false;
    int tries;

    if (!domain)
        return;
    embedFault("qmp-error:1+");
    CHECK(monitor(domain, "{\"execute\":\"job-complete\",\"arguments\":{\"id\":\"commit-vda-libvirt-1-format\"}}", 0),
          "somebody else completes it");
    for (tries = 0; tries < 500 && !refused; tries++) {
        refused = !monitor(domain, "info status", VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) &&
            embedErrorIs(VIR_ERR_OPERATION_INVALID);
        g_usleep(10000);
    }
    CHECK(refused, "while the guest is held nobody's command goes to QEMU (H6)");
    embedFault(NULL);
    CHECK(embedEventWait("bj2:vda:4:1 "), "the job is called off");
    CHECK(monitor(domain, "info status", VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP), "then it does again");
    readyEnd(domain);
}

#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-holes-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testExport(conn);
#ifdef QBJ_DEBUG_CHECKS
        testHeld(conn);
#endif
        embedEventDeregister(conn);
        virConnectRef(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    CHECK(conn && virConnectClose(conn) == 0, "a connection that is closed after the driver has gone");
    return embedEnd();
}
