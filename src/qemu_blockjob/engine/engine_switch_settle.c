/* What becomes of both definitions once the outcome of a type A job is known, or taken back. */
#include <config.h>

#include "internal.h"
#include "engine_switch.h"
#include "engine_switch_settle.h"
#include "engine_switch_plan.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_switch_settle");

virStorageSource *
qbjEngineSwitchRecordedSource(virDomainObj *vm, const virQbjJob *job)
{
    virStorageSource *old;

    if (!job->oldDisk)
        return NULL;
    old = virDomainDiskDefParseSource(job->oldDisk, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
    if (!old) {
        VIR_WARN("vm=%s job=%s: the record's old disk cannot be read: %s", vm->def->name, job->spec->job,
                 virGetLastErrorMessage());
        virResetLastError();
    }
    return old;
}

static bool
qbjEngineSwitchNamesNew(const virDomainDiskDef *disk, const virQbjJob *job)
{
    return STREQ_NULLABLE(disk->src->nodeformat, job->spec->change.nowOn);
}

bool
qbjEngineSwitchCommitted(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    return qbjEngineSwitchDone(vm, job) || (job->oldDisk && disk && qbjEngineSwitchNamesNew(disk, job));
}

/* Outcome new. Returns whether the persistent definition is to be saved: an earlier daemon may not have
 * synced it. */
static bool
qbjEngineSwitchForwardPersistent(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autoptr(virStorageSource) old = NULL;

    if (qbjEngineSwitchDone(vm, job) || !disk || !vm->newDef)
        return false;
    old = qbjEngineSwitchNamesNew(disk, job) ? qbjEngineSwitchRecordedSource(vm, job) : virObjectRef(disk->src);
    if (old)
        qbjEngineChangePersistent(vm->newDef, job, old, disk);
    return true;
}

static int
qbjEngineSwitchForwardLive(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    qbjEngineSwap swap;

    if (qbjEngineSwitchDone(vm, job) || !disk || qbjEngineSwitchNamesNew(disk, job))
        return 0;
    if (qbjEngineChangeSwap(vm, job, &swap) < 0)
        return -1;
    qbjEngineChangeSwapKeep(&swap);
    return 0;
}

/* Back to what was kept, or to what the record says. After half a switch the file may name new although
 * memory does not; and what an earlier daemon has put back may not be durable. */
bool
qbjEngineSwitchBackPersistent(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    qbjEngineSwitched *one = qbjEngineSwitchedFind(sw, job);
    virDomainDiskDef *live = qbjEngineChangeDisk(vm, job);
    virDomainDiskDef *disk = vm->newDef ? virDomainDiskByTarget(vm->newDef, job->spec->disk) : NULL;
    virStorageSource *target = live ? qbjEngineChangeTarget(live, job) : NULL;
    g_autoptr(virStorageSource) recorded = NULL;
    virStorageSource *copy;

    if (one) {
        if (!one->oldConfig || !disk || disk->src != one->newConfig)
            return false;
        virObjectUnref(disk->src);
        disk->src = g_steal_pointer(&one->oldConfig);
        return true;
    }
    if (!disk || !target || !virStorageSourceIsSameLocation(disk->src, target) ||
        !(recorded = qbjEngineSwitchRecordedSource(vm, job)))
        return vm->newDef && (job->oldDisk || (sw && sw->renamed));
    copy = qbjEngineChangeInactiveCopy(recorded, disk->src);
    virObjectUnref(disk->src);
    disk->src = copy;
    return true;
}

int
qbjEngineSwitchBackLive(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    qbjEngineSwitched *one = qbjEngineSwitchedFind(sw, job);
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    virStorageSource *recorded;

    if (one) {
        qbjEngineChangeSwapUndo(&one->swap);
        g_ptr_array_remove(sw->switched, one);
        return 0;
    }
    if (!disk || !qbjEngineSwitchNamesNew(disk, job))
        return 0;
    if (!(recorded = qbjEngineSwitchRecordedSource(vm, job))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("what disk '%s' was before block job '%s' is not known any more"),
                       job->spec->disk, job->spec->job);
        return -1;
    }
    virObjectUnref(disk->src);
    disk->src = recorded;
    return 0;
}

bool
qbjEngineSwitchSettlePersistent(virDomainObj *vm, virQbjJob *job, bool isNew)
{
    return isNew ? qbjEngineSwitchForwardPersistent(vm, job) : qbjEngineSwitchBackPersistent(vm, job);
}

int
qbjEngineSwitchSettleLive(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk;

    if ((job->outcomeNew ? qbjEngineSwitchForwardLive(vm, job) : qbjEngineSwitchBackLive(vm, job)) < 0)
        return -1;

    g_clear_pointer(&job->oldDisk, g_free);
    if ((disk = qbjEngineChangeDisk(vm, job)) && disk->mirror) {
        g_clear_pointer(&disk->mirror, virObjectUnref);
        disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
        disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN;
    }
    return 0;
}
