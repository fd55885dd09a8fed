#include <config.h>

#include "internal.h"
#include "engine_pull.h"
#include "engine_begin.h"
#include "engine_pending.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "spec_pull.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjEnginePullDisk(virDomainObj *vm, const virDomainDiskDef *disk)
{
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    qbjEngineRequestBusy(vm, disk, &busy);
    return qbjGuardPullDisk(disk, &busy, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}

/* 01/P4, P5 */
static int
qbjEnginePullBase(virDomainDiskDef *disk, const char *base, qbjPullRequest *req)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    virStorageSource *above;

    if (base && !(req->base = qbjEngineRequestImage(disk, disk->src, base, &above)))
        return -1;
    return qbjGuardPull(disk, req, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}

static int
qbjEnginePullBegin(virDomainObj *vm, qbjSpec *spec, const qbjPullRequest *req, unsigned int flags)
{
    virQbjJob *job = virQbjJobNew(spec, flags);

    job->speed = req->bandwidth;
    return qbjEngineBegin(vm, job);
}

int
qbjEnginePull(virDomainObj *vm, const char *diskName, const char *base, unsigned long bandwidth, unsigned int flags)
{
    qbjPullRequest req = { .relative = (flags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) != 0 };
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    virDomainDiskDef *disk;

    if (qbjEngineRequestRunning(vm) < 0 ||
        !(disk = qbjEngineRequestDisk(vm, diskName)) ||
        qbjEnginePullDisk(vm, disk) < 0 ||
        qbjEnginePullBase(disk, base, &req) < 0 ||
        qbjEngineRequestSpeed(bandwidth, flags & VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES, &req.bandwidth) < 0)
        return -1;
    if (qbjSpecPlanPull(disk, &req, &spec, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    /* what would have to be given up at the end is told now */
    if (qbjEngineRequestBeside(vm, true, false) < 0 || qbjEnginePendingTry(vm, spec) < 0)
        return -1;

    return qbjEnginePullBegin(vm, g_steal_pointer(&spec), &req, flags);
}
