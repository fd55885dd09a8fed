#include <config.h>

#include "internal.h"
#include "engine_commit.h"
#include "engine_begin.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "domain_qmp.h"
#include "spec_commit.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* 01/C4, C5 */
static int
qbjEngineCommitImages(virDomainDiskDef *disk, const char *base, const char *top, qbjCommitRequest *req)
{
    if (!top || STREQ(top, disk->dst))
        req->top = disk->src;
    else if (!(req->top = qbjEngineRequestImage(disk, NULL, top, &req->topParent)))
        return -1;

    if (!base && (req->flags & VIR_DOMAIN_BLOCK_COMMIT_SHALLOW)) {
        req->base = req->top->backingStore;
        req->baseParent = req->top;
    } else if (!(req->base = qbjEngineRequestImage(disk, req->top, base, &req->baseParent))) {
        return -1;
    }
    return 0;
}

/* 05/X5: the mirror of an active commit is a description of base of its own. */
static void
qbjEngineCommitSetMirror(virDomainDiskDef *disk, virStorageSource *base)
{
    disk->mirror = virStorageSourceCopy(base, false);
    disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
    disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
}

static int
qbjEngineCommitBegin(virDomainObj *vm, virDomainDiskDef *disk, const qbjCommitRequest *req, qbjSpec *spec)
{
    virQbjJob *job = virQbjJobNew(spec, req->flags);

    job->deleteImages = (req->flags & VIR_DOMAIN_BLOCK_COMMIT_DELETE) != 0;
    job->speed = req->bandwidth;
    if (spec->type == QBJ_TYPE_ACTIVE_COMMIT)
        qbjEngineCommitSetMirror(disk, req->base);
    return qbjEngineBegin(vm, job);
}

/* QEMU is asked only when what was read from the headers at the start does not tell. The lock is dropped
 * meanwhile. */
static int
qbjEngineCommitSizes(virDomainObj *vm, const qbjCommitRequest *req)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) nodes = NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (qbjGuardCommitSizesFit(req))
        return 0;
    if (qbjEngineJobPulls(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("QEMU cannot be asked for the sizes of images while another disk is being pulled"));
        return -1;
    }
    if (virJSONValueObjectAdd(&arguments, "b:flat", true, NULL) < 0 ||
        qbjDomainQmpCall(vm, "query-named-block-nodes", arguments, &nodes) < 0 ||
        qbjEngineRequestRunning(vm) < 0)
        return -1;
    return qbjGuardCommitSizes(req, nodes, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}

int
qbjEngineCommit(virDomainObj *vm, const char *diskName, const char *base, const char *top, unsigned long bandwidth,
                unsigned int flags)
{
    qbjCommitRequest req = { .flags = flags };
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    virDomainDiskDef *disk;
    qbjSpec *spec = NULL;

    if (qbjEngineRequestSpeed(bandwidth, flags & VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES, &req.bandwidth) < 0 ||
        !(disk = qbjEngineRequestDisk(vm, diskName)) ||
        qbjEngineCommitImages(disk, base, top, &req) < 0 ||
        qbjEngineRequestRunning(vm) < 0)
        return -1;

    qbjEngineRequestBusy(vm, disk, &busy);
    if (qbjGuardCommit(disk, &req, busy.code == VIR_ERR_OK ? NULL : &busy, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    if (qbjEngineRequestBeside(vm, false, false) < 0 || qbjEngineCommitSizes(vm, &req) < 0)
        return -1;
    if (qbjSpecPlanCommit(disk, &req, &spec, &refusal) < 0)
        return qbjEngineRefuse(&refusal);

    return qbjEngineCommitBegin(vm, disk, &req, spec);
}
