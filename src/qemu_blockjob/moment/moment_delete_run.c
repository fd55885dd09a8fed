#include <config.h>

#include "internal.h"
#include "moment_delete_run.h"
#include "moment_delete_defs.h"
#include "moment_delete_off.h"
#include "domain_operation.h"
#include "domain_queue.h"
#include "engine_commit.h"
#include "engine_control.h"
#include "engine_group.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_delete_run");

#define QBJ_MOMENT_TICK_MS 500

/* One merge that QEMU does. */
typedef struct _qbjMomentMerge qbjMomentMerge;
struct _qbjMomentMerge {
    const qbjUndoDisk *disk;
    char *job;
    qbjEngineWait wait;         /* registered while job is set */
};

static void
qbjMomentMergeFree(void *opaque)
{
    qbjMomentMerge *merge = opaque;

    if (merge->job)
        qbjEngineWaitEnd(&merge->wait);
    g_free(merge->job);
    g_free(merge);
}

static bool
qbjMomentMergeIsActive(const qbjMomentMerge *merge)
{
    return merge->disk->how == QBJ_UNDO_ACTIVE;
}

static virQbjJob *
qbjMomentMergeJob(virDomainObj *vm, const qbjMomentMerge *merge)
{
    return merge->job ? qbjEngineJobFind(vm, merge->job) : NULL;
}

/* 01/A10: the chain's own numbers tell images apart that have the same path. */
static char *
qbjMomentMergeImage(const qbjUndoDisk *disk, virStorageSource *image)
{
    return image->id > 0 ? g_strdup_printf("%s[%u]", disk->disk, image->id) : g_strdup(image->path);
}

static int
qbjMomentMergeStart(virDomainObj *vm, qbjMomentMerge *merge)
{
    const qbjUndoDisk *disk = merge->disk;
    g_autofree char *base = qbjMomentMergeImage(disk, disk->base);
    g_autofree char *top = disk->how == QBJ_UNDO_ACTIVE ? NULL : qbjMomentMergeImage(disk, disk->overlay);
    virQbjJob *job;

    if (qbjEngineCommit(vm, disk->disk, base, top, 0,
                        disk->how == QBJ_UNDO_ACTIVE ? VIR_DOMAIN_BLOCK_COMMIT_ACTIVE : 0) < 0)
        return -1;
    if (!(job = qbjEngineJobFindByDisk(vm, disk->disk)))
        return 0;               /* that was quick */
    merge->job = g_strdup(job->spec->job);
    qbjEngineWaitBegin(vm, merge->job, &merge->wait);
    return 0;
}

/* Whether the disk has come off its overlay. */
static bool
qbjMomentMergeIsDone(virDomainObj *vm, const qbjMomentMerge *merge)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, merge->disk->disk);
    virStorageSource *src;

    for (src = disk ? disk->src : NULL; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (virStorageSourceIsSameLocation(src, merge->disk->overlay))
            return false;
    }
    return disk != NULL;
}

static int
qbjMomentMergeReport(const qbjMomentMerge *merge)
{
    const char *why = merge->wait.error ? merge->wait.error->message : merge->wait.message;

    if (why)
        virReportError(VIR_ERR_OPERATION_FAILED, _("the images of disk '%s' were not merged: %s"), merge->disk->disk,
                       why);
    else
        virReportError(VIR_ERR_OPERATION_FAILED, _("the images of disk '%s' were not merged"), merge->disk->disk);
    return -1;
}

/* Returns 1 when it has come as far as it goes by itself, 0 when not yet, -1 with an error reported. */
static int
qbjMomentMergeLook(virDomainObj *vm, const qbjMomentMerge *merge)
{
    const virQbjJob *job = qbjMomentMergeJob(vm, merge);

    if (!job) {
        if (!qbjMomentMergeIsActive(merge) && qbjMomentMergeIsDone(vm, merge))
            return 1;
        return qbjMomentMergeReport(merge);
    }
    if (job->paused) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the images of disk '%s' were not merged: %s"), merge->disk->disk,
                       job->paused);
        return -1;
    }
    return qbjMomentMergeIsActive(merge) && job->state == QBJ_STATE_READY;
}

/* Until the intermediate commits are done and the active ones ready. */
static int
qbjMomentMergeWait(virDomainObj *vm, const GPtrArray *merges)
{
    unsigned long long now;
    size_t ready = 0;
    size_t i;

    while (ready < merges->len) {
        if (qbjMomentDeleteMayGoOn(vm) < 0)
            return -1;
        ready = 0;
        for (i = 0; i < merges->len; i++) {
            int rc = qbjMomentMergeLook(vm, g_ptr_array_index(merges, i));

            if (rc < 0)
                return -1;
            ready += rc;
        }
        if (ready < merges->len && virTimeMillisNow(&now) == 0)
            qbjDomainQueueWait(vm, now + QBJ_MOMENT_TICK_MS);
    }
    return 0;
}

/* All active commits become new, or none: one decision (protocol 8). */
static int
qbjMomentMergePivot(virDomainObj *vm, const GPtrArray *merges)
{
    g_autofree const char **disks = g_new0(const char *, merges->len + 1);
    size_t n = 0;
    size_t i;

    for (i = 0; i < merges->len; i++) {
        const qbjMomentMerge *merge = g_ptr_array_index(merges, i);

        if (qbjMomentMergeIsActive(merge))
            disks[n++] = merge->disk->disk;
    }
    if (n == 0)
        return 0;
    if (n > 1 && qbjEngineGroupMake(vm, disks) < 0)
        return -1;
    return qbjEngineAbort(vm, disks[0], VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT);
}

/* What still can be called off is, and waited for. The error that led here stays. */
static void
qbjMomentMergeCallOff(virDomainObj *vm, const GPtrArray *merges)
{
    virErrorPtr reason;
    size_t i;

    virErrorPreserveLast(&reason);
    for (i = 0; i < merges->len && virDomainObjIsActive(vm); i++) {
        const qbjMomentMerge *merge = g_ptr_array_index(merges, i);

        if (qbjMomentMergeJob(vm, merge) && qbjEngineAbort(vm, merge->disk->disk, 0) < 0)
            VIR_WARN("vm=%s: the block job of disk '%s' goes on: %s", vm->def->name, merge->disk->disk,
                     virGetLastErrorMessage());
    }
    virErrorRestore(&reason);
}

static int
qbjMomentMergeAll(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun)
{
    g_autoptr(GPtrArray) merges = g_ptr_array_new_with_free_func(qbjMomentMergeFree);
    int rc = 0;
    size_t i;

    for (i = 0; rc == 0 && i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);
        qbjMomentMerge *merge;

        if (disk->how != QBJ_UNDO_ACTIVE && disk->how != QBJ_UNDO_INTERMEDIATE)
            continue;
        merge = g_new0(qbjMomentMerge, 1);
        merge->disk = disk;
        g_ptr_array_add(merges, merge);
        rc = qbjMomentMergeStart(vm, merge);
        /* one that has not answered may do it all the same */
        *begun |= rc == 0 || qbjEngineJobFindByDisk(vm, disk->disk);
    }
    if (rc == 0)
        rc = qbjMomentMergeWait(vm, merges);
    if (rc == 0)
        rc = qbjMomentMergePivot(vm, merges);
    if (rc < 0)
        qbjMomentMergeCallOff(vm, merges);
    return rc;
}

/* --- all of it --- */

/* Nothing that is not as before is used by anybody until the merges. */
static int
qbjMomentDeletePrepare(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentDeleteOffCheck(plan);
    if (rc == 0)
        rc = qbjMomentDeleteOffMove(vm, plan, begun);
    virObjectLock(vm);
    return rc < 0 ? -1 : qbjMomentDeleteDefs(vm, plan, false);
}

int
qbjMomentDeleteRun(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun)
{
    bool running = virDomainObjIsActive(vm);
    int rc;

    *begun = false;
    if (plan->disks->len == 0)
        return 0;
    if (qbjMomentDeletePrepare(vm, plan, begun) < 0 || (running && qbjMomentDeleteMayGoOn(vm) < 0) ||
        (running ? qbjMomentMergeAll(vm, plan, begun) : qbjMomentDeleteOffMerge(vm, plan, begun)) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentDeleteOffHeaders(plan);
    virObjectLock(vm);
    return rc;
}
