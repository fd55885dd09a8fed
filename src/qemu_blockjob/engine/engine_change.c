#include <config.h>

#include "internal.h"
#include "engine_change.h"
#include "host_secret.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

virDomainDiskDef *
qbjEngineChangeDisk(virDomainObj *vm, const virQbjJob *job)
{
    return job->spec->disk ? virDomainDiskByTarget(vm->def, job->spec->disk) : NULL;
}

virStorageSource *
qbjEngineChangeFindNode(virStorageSource *chain, const char *node, virStorageSource **parent)
{
    virStorageSource *above = NULL;
    virStorageSource *next;

    for (next = chain; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (STREQ_NULLABLE(next->nodeformat, node)) {
            if (parent)
                *parent = above;
            return next;
        }
        above = next;
    }
    return NULL;
}

static int
qbjEngineChangeMirrorState(qbjJobState state)
{
    switch (state) {
    case QBJ_STATE_READY:
        return VIR_DOMAIN_DISK_MIRROR_STATE_READY;
    case QBJ_STATE_PIVOTING:
    case QBJ_STATE_PENDING:
        return VIR_DOMAIN_DISK_MIRROR_STATE_PIVOT;
    case QBJ_STATE_CANCELLING:
    case QBJ_STATE_CALLING_OFF:
        return VIR_DOMAIN_DISK_MIRROR_STATE_ABORT;
    case QBJ_STATE_PLANNED:
    case QBJ_STATE_PREPARING:
    case QBJ_STATE_STARTING:
    case QBJ_STATE_RUNNING:
        return VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
    case QBJ_STATE_COMMITTED:
    case QBJ_STATE_PREFLUSH:
    case QBJ_STATE_FINALIZING:
    case QBJ_STATE_CONCLUDED:
    case QBJ_STATE_SETTLING:
    case QBJ_STATE_SETTLING_OFFLINE:
    case QBJ_STATE_SETTLED:
    case QBJ_STATE_CLEANING:
    case QBJ_STATE_DONE:
    case QBJ_STATE_ROLLBACK:
    case QBJ_STATE_FAILED:
    case QBJ_STATE_BROKEN:
    case QBJ_STATE_LAST:
    default:
        return -1;
    }
}

void
qbjEngineChangeShowMirror(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    int state = qbjEngineChangeMirrorState(job->state);

    /* in the states without an entry <mirror> stays as it is until the outcome is settled: it is never
     * half */
    if (disk && disk->mirror && state >= 0)
        disk->mirrorState = state;
}

virStorageSource *
qbjEngineChangeTarget(virDomainDiskDef *disk, const virQbjJob *job)
{
    const char *node = job->spec->change.nowOn;
    virStorageSource *target = qbjEngineChangeFindNode(disk->src, node, NULL);

    if (!target && disk->mirror && STREQ_NULLABLE(disk->mirror->nodeformat, node))
        target = disk->mirror;
    return target;
}

/* A copy that a stock daemon has started takes the place of the disk's copy-on-read filter, too (02/Q4): what
 * is defined has no effect until the next start. */
static void
qbjEngineChangeFilter(virDomainDiskDef *disk, const virQbjJob *job)
{
    if (disk->copy_on_read == VIR_TRISTATE_SWITCH_ON && job->spec->type == QBJ_TYPE_COPY && virQbjJobIsAdopted(job))
        disk->copy_on_read = VIR_TRISTATE_SWITCH_OFF;
}

int
qbjEngineChangeSwap(virDomainObj *vm, const virQbjJob *job, qbjEngineSwap *swap)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    virStorageSource *target = disk ? qbjEngineChangeTarget(disk, job) : NULL;

    if (!target) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("image '%s' of disk '%s' is not in the definition any more"),
                       job->spec->change.nowOn, job->spec->disk);
        return -1;
    }

    *swap = (qbjEngineSwap) {
        .disk = disk,
        .oldSource = disk->src,
        .mirror = disk->mirror,
        .mirrorState = disk->mirrorState,
        .mirrorJob = disk->mirrorJob,
        .copyOnRead = disk->copy_on_read,
        .newReadonly = target->readonly,
    };
    disk->src = virObjectRef(target);
    disk->src->readonly = swap->oldSource->readonly;        /* 01/C23 */
    if (job->shallowNew && !target->backingStore) {         /* 05/X4 */
        target->backingStore = virObjectRef(swap->oldSource->backingStore);
        swap->inherited = true;
    }
    disk->mirror = NULL;
    disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
    disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN;
    qbjEngineChangeFilter(disk, job);
    return 0;
}

void
qbjEngineChangeSwapUndo(qbjEngineSwap *swap)
{
    virDomainDiskDef *disk = swap->disk;

    disk->src->readonly = swap->newReadonly;
    if (swap->inherited)
        g_clear_pointer(&disk->src->backingStore, virObjectUnref);
    virObjectUnref(disk->src);
    disk->src = g_steal_pointer(&swap->oldSource);
    disk->mirror = g_steal_pointer(&swap->mirror);
    disk->mirrorState = swap->mirrorState;
    disk->mirrorJob = swap->mirrorJob;
    disk->copy_on_read = swap->copyOnRead;
}

void
qbjEngineChangeSwapKeep(qbjEngineSwap *swap)
{
    g_clear_pointer(&swap->oldSource, virObjectUnref);
    g_clear_pointer(&swap->mirror, virObjectUnref);
}

int
qbjEngineChangeCut(virDomainObj *vm, const virQbjJob *job)
{
    const qbjChange *change = &job->spec->change;
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    virStorageSource *above = disk ? qbjEngineChangeFindNode(disk->src, change->above, NULL) : NULL;
    virStorageSource *nowOn = above && change->nowOn ? qbjEngineChangeFindNode(above, change->nowOn, NULL) : NULL;
    virStorageSource *old;

    if (!above || (change->nowOn && !nowOn)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("images of block job '%s' are not in the definition any more"),
                       job->spec->job);
        return -1;
    }

    old = above->backingStore;
    above->backingStore = nowOn ? virObjectRef(nowOn) : virStorageSourceNew();
    virObjectUnref(old);
    if (nowOn) {
        g_free(nowOn->relPath);
        nowOn->relPath = g_strdup(change->relative);
    }
    return 0;
}

/* Length of the way from @from down to @to, or -1 when @to is not below. */
static int
qbjEngineChangeDepth(virStorageSource *from, virStorageSource *to)
{
    int depth = 0;

    for (; virStorageSourceIsBacking(from); from = from->backingStore, depth++) {
        if (from == to)
            return depth;
    }
    return -1;
}

/* The member of @stated that stands @depth below its top, when the whole way down names the same images as
 * @live does. */
static virStorageSource *
qbjEngineChangeSameWay(virStorageSource *stated, virStorageSource *live, int depth)
{
    for (;;) {
        if (!virStorageSourceIsBacking(stated) || !virStorageSourceIsSameLocation(stated, live))
            return NULL;
        if (depth-- == 0)
            return stated;
        stated = stated->backingStore;
        live = live->backingStore;
    }
}

/* Whether @stated names the same images as @live does, and says that the chain ends where that of @live
 * does. */
static bool
qbjEngineChangeSameEnd(virStorageSource *stated, virStorageSource *live)
{
    while (virStorageSourceIsBacking(stated) && virStorageSourceIsBacking(live) &&
           virStorageSourceIsSameLocation(stated, live)) {
        stated = stated->backingStore;
        live = live->backingStore;
    }
    return stated && !virStorageSourceIsBacking(stated) && live && !virStorageSourceIsBacking(live);
}

virStorageSource *
qbjEngineChangeInactiveCopy(virStorageSource *src, const virStorageSource *like)
{
    virStorageSource *copy = virStorageSourceCopy(src, true);
    virStorageSource *next;

    for (next = copy; next; next = next->backingStore) {
        next->id = 0;
        next->detected = false;
        g_clear_pointer(&next->nodeformat, g_free);
        g_clear_pointer(&next->nodestorage, g_free);
        if (virStorageSourceIsBacking(next->backingStore) && next->backingStore->detected)
            g_clear_pointer(&next->backingStore, virObjectUnref);
    }
    /* a status file does not say what was detected; who needs a secret was not, for no header names one */
    if (!like->backingStore && virStorageSourceIsBacking(copy->backingStore) &&
        !qbjHostSecretsNeeded(copy->backingStore))
        g_clear_pointer(&copy->backingStore, virObjectUnref);
    return copy;
}

/* A description of the target @newTop of a copy for a definition that is not running; a shallow one stands on
 * what is below @oldTop. */
static virStorageSource *
qbjEngineChangeInactiveTarget(virStorageSource *newTop, virStorageSource *oldTop, bool shallow,
                              const virStorageSource *like)
{
    g_autoptr(virStorageSource) whole = virStorageSourceCopy(newTop, false);

    if (newTop->backingStore)
        whole->backingStore = virObjectRef(newTop->backingStore);
    else if (shallow && oldTop->backingStore)
        whole->backingStore = virObjectRef(oldTop->backingStore);
    return qbjEngineChangeInactiveCopy(whole, like);
}

static void
qbjEngineChangePersistentSwitch(virDomainDiskDef *disk, virStorageSource *oldTop, virStorageSource *newTop,
                                bool shallow)
{
    int depth = qbjEngineChangeDepth(oldTop, newTop);
    virStorageSource *replacement = depth < 0 ? NULL : qbjEngineChangeSameWay(disk->src, oldTop, depth);

    replacement = replacement ? virObjectRef(replacement) :
        qbjEngineChangeInactiveTarget(newTop, oldTop, shallow, disk->src);
    replacement->readonly = disk->src->readonly;
    virObjectUnref(disk->src);
    disk->src = replacement;
}

static void
qbjEngineChangePersistentCut(virDomainDiskDef *disk, const qbjChange *change, virStorageSource *oldTop)
{
    virStorageSource *liveAbove = qbjEngineChangeFindNode(oldTop, change->above, NULL);
    virStorageSource *liveBase = change->nowOn ? qbjEngineChangeFindNode(oldTop, change->nowOn, NULL) : NULL;
    bool end = false;
    virStorageSource *above = NULL;
    virStorageSource *base = NULL;
    virStorageSource *old;

    if (!change->nowOn)
        end = qbjEngineChangeSameEnd(disk->src, oldTop);
    if (liveAbove && (liveBase || end)) {
        above = qbjEngineChangeSameWay(disk->src, oldTop, qbjEngineChangeDepth(oldTop, liveAbove));
        base = end ? NULL : qbjEngineChangeSameWay(disk->src, oldTop, qbjEngineChangeDepth(oldTop, liveBase));
    }

    if (above && (base || end)) {
        old = above->backingStore;
        above->backingStore = base ? virObjectRef(base) : virStorageSourceNew();
        virObjectUnref(old);
    } else {
        /* states something else, or nothing: unknown from now on, so that the next start probes it */
        g_clear_pointer(&disk->src->backingStore, virObjectUnref);
    }
}

bool
qbjEngineChangePersistent(virDomainDef *def, const virQbjJob *job, virStorageSource *oldTop, virDomainDiskDef *live)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, job->spec->disk);
    virStorageSource *newTop;

    if (!disk || !virStorageSourceIsSameLocation(disk->src, oldTop))
        return false;

    if (job->spec->change.type == QBJ_CHANGE_CUT) {
        qbjEngineChangePersistentCut(disk, &job->spec->change, oldTop);
        return true;
    }

    newTop = qbjEngineChangeFindNode(oldTop, job->spec->change.nowOn, NULL);
    if (!newTop && !(newTop = qbjEngineChangeTarget(live, job)))
        return false;
    qbjEngineChangePersistentSwitch(disk, oldTop, newTop, job->shallowNew);
    return true;
}
