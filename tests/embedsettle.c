/* What is left of a job that has ended, when that is not so easy: faults of the module are needed. */
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
#include "embedsettle.h"

#ifdef QBJ_DEBUG_CHECKS

/* Pivots and stops where the definitions are saved. */
static bool
pivotUntilSettling(virDomainPtr domain, const char *name)
{
    g_autofree char *settling = g_strdup_printf("grep -q \" state='settling'\" '%s/run/qemu/%s.xml'",
                                                embedRootDir, name);
    unsigned int flags = VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_DELETE;
    bool saved = true;
    int tries;

    embedEventReset();
    if (!CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0 &&
               virDomainBlockCommit(domain, "vda", NULL, NULL, 0, flags) == 0 && embedEventWait("bj2:vda:4:3 "),
               "a job that is ready"))
        return false;
    embedFault("settle:1+");
    flags = VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT | VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;
    CHECK(virDomainBlockJobAbort(domain, "vda", flags) == 0, "a pivot that is not waited for");
    for (tries = 0; saved && tries < 500 && !embedRun("sh", "-c", settling, NULL); tries++) {
        g_usleep(10000);
        saved = virDomainResume(domain) == 0 && virDomainSuspend(domain) == 0;
    }
    return CHECK(saved && tries < 500, "it is being settled");
}

void
embedSettleNodes(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("unheard", 2);
    virDomainPtr domain = embedImagesMake(3) ? virDomainDefineXML(conn, xml) : NULL;
    const char *nodes = "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}";
    char *reply = NULL;

    if (!pivotUntilSettling(domain, "unheard"))
        return;
    embedFault("qmp-send:1");
    CHECK(embedEventWait("bj2:vda:4:0 "), "the job ends");
    CHECK(virDomainQemuMonitorCommand(domain, nodes, &reply, 0) == 0 && strstr(reply, "libvirt-3-format") &&
          !strstr(reply, "libvirt-1-format"), "no node of the old image is left");
    free(reply);
    embedFault(NULL);
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "destroy");
    virDomainFree(domain);
}

void
embedSettleOffline(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("unrecorded", 2);
    g_autofree char *away = g_strdup_printf("mv '%s/run/qemu' '%s/run/away'", embedRootDir, embedRootDir);
    g_autofree char *back = g_strdup_printf("mv '%s/run/away' '%s/run/qemu'", embedRootDir, embedRootDir);
    g_autofree char *kill = g_strdup_printf("kill -9 $(cat '%s/run/away/unrecorded.pid')", embedRootDir);
    g_autofree char *status = g_strdup_printf("%s/run/qemu/unrecorded.xml", embedRootDir);
    g_autofree char *old = embedImagePath(2);
    virDomainPtr domain = embedImagesMake(3) ? virDomainDefineXML(conn, xml) : NULL;

    if (!pivotUntilSettling(domain, "unrecorded"))
        return;
    CHECK(embedRun("sh", "-c", away, NULL), "the folder of the status files is away");
    embedFault(NULL);
    CHECK(embedRun("sh", "-c", kill, NULL), "QEMU is killed");
    g_usleep(1500000);
    CHECK(virDomainIsActive(domain) == 1 && access(old, F_OK) == 0, "the domain stays while it cannot be recorded");
    CHECK(embedRun("sh", "-c", back, NULL) && embedEventWait("life:5:"), "it goes when that is possible again");
    CHECK(access(status, F_OK) < 0 && access(old, F_OK) < 0, "with its status file and the old image");
    CHECK(virDomainUndefine(domain) == 0, "undefine");
    virDomainFree(domain);
}

void
embedSettleUnsynced(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "unsynced", 3);

    if (!domain || !CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
                          embedEventWait("bj2:vda:4:3 "), "a job that is ready"))
        return;
    embedFault("sync:1+");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          embedErrorIs(VIR_ERR_SYSTEM_ERROR), "a pivot to an image that cannot be flushed");
    embedFault(NULL);
    CHECK(embedXMLHas(domain, 0, "ready='yes'"), "the mirror stays ready");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "the next pivot works");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

#endif
