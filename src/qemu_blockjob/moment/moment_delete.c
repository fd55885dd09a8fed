#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_delete.h"
#include "moment_apply.h"
#include "moment_delete_defs.h"
#include "moment_delete_off.h"
#include "moment_delete_run.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_undo.h"
#include "domain_operation.h"
#include "domain_queue.h"
#include "engine_control.h"
#include "engine_refuse.h"
#include "host_image.h"
#include "host_img.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_delete");

#define QBJ_MOMENT_RESUME_MS 500

static virDomainMomentObj *
qbjMomentDeleteFind(virDomainObj *vm, const char *name)
{
    return name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;
}

/* --- the mark --- */

static virDomainSnapshotDiskDef *
qbjMomentDeleteDisk(virDomainSnapshotDef *def, const char *disk)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (STREQ_NULLABLE(def->disks[i].name, disk))
            return &def->disks[i];
    }
    return NULL;
}

static void
qbjMomentDeleteSetMarks(const GPtrArray *disks, bool begun)
{
    size_t i;

    for (i = 0; i < disks->len; i++)
        ((virDomainSnapshotDiskDef *) g_ptr_array_index(disks, i))->snapshotDeleteInProgress = begun;
}

static bool
qbjMomentDeleteChanges(const qbjUndoDisk *item)
{
    return qbjUndoIsMerge(item) || item->how == QBJ_UNDO_REMOVE || item->how == QBJ_UNDO_INTERNAL;
}

/* Durably, before the first image changes. @marked: of the metadata's disks, those that were not before.
 * Returns 0, -1 with an error reported: nothing is marked. */
static int
qbjMomentDeleteMark(virDomainObj *vm, virDomainMomentObj *snap, const qbjUndoDelete *plan, GPtrArray *marked)
{
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    size_t i;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *item = g_ptr_array_index(plan->disks, i);
        virDomainSnapshotDiskDef *disk = qbjMomentDeleteDisk(def, item->disk);

        if (qbjMomentDeleteChanges(item) && !disk->snapshotDeleteInProgress)
            g_ptr_array_add(marked, disk);
    }
    qbjMomentDeleteSetMarks(marked, true);
    if (marked->len == 0 || qbjMomentListSave(vm, snap) == 0)
        return 0;
    qbjMomentDeleteSetMarks(marked, false);
    return -1;
}

/* No image has changed after all. A mark that stays is a pity, and no more. */
static void
qbjMomentDeleteUnmark(virDomainObj *vm, virDomainMomentObj *snap, const GPtrArray *marked)
{
    virErrorPtr reason;

    if (marked->len == 0)
        return;
    virErrorPreserveLast(&reason);
    qbjMomentDeleteSetMarks(marked, false);
    if (qbjMomentListSave(vm, snap) < 0)
        qbjMomentDeleteSetMarks(marked, true);
    virErrorRestore(&reason);
}

/* --- what comes after the images --- */

/* Metadata may name any file as that of the memory: only a save image of the domain @uuid goes. Without
 * locks. */
static bool
qbjMomentDeleteIsMemory(const char *path, const char *uuid)
{
    VIR_AUTOCLOSE fd = -1;
    g_autoptr(virQbjSaveImage) image = qbjHostImageOpen(path, &fd);

    if (image && strstr(image->xml, uuid))
        return true;
    if (image)
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("it has the memory of another domain"));
    VIR_WARN("'%s' of a deleted snapshot stays: %s", path, virGetLastErrorMessage());
    virResetLastError();
    return false;
}

/* Whether nobody but the snapshot @name has the image @path by now. Without locks. */
static bool
qbjMomentDeleteIsFree(qbjMomentUndo *view, const char *path, const char *name)
{
    const char *domain = qbjMomentUndoForeign(view, path);

    if (!domain && !qbjMomentUndoHas(view, path, name))
        return true;
    VIR_WARN("'%s' of a deleted snapshot stays: %s %s uses it by now", path, domain ? "domain" : "the domain itself",
             NULLSTR_EMPTY(domain));
    return false;
}

/* Without locks. One that cannot be removed is garbage, and no reason to keep the snapshot. */
static void
qbjMomentDeleteRemove(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("'%s' of a deleted snapshot stays: %s", path, g_strerror(errno));
}

/* The images of @snap that have no use any more, and the file @memory of its memory, if that is among them.
 * Who has which image was looked at before the merges, and is looked at again: nobody else's goes. Returns 0,
 * -1 with an error reported when that cannot be known: all stay, and so must what names them. The lock is
 * dropped. */
static int
qbjMomentDeleteUnlink(virDomainObj *vm, virDomainMomentObj *snap, const GPtrArray *paths, const char *memory)
{
    g_autoptr(qbjMomentUndo) view = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];
    size_t i;

    if (paths->len == 0)
        return 0;
    virUUIDFormat(vm->def->uuid, uuid);
    if (!(view = qbjMomentUndoNew(vm, true)))
        return -1;
    virObjectUnlock(vm);
    for (i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);

        if (STREQ_NULLABLE(path, memory) ? qbjMomentDeleteIsMemory(path, uuid) :
                                           qbjMomentDeleteIsFree(view, path, snap->def->name))
            qbjMomentDeleteRemove(path);
    }
    virObjectLock(vm);
    return 0;
}

/* The name and the tree are changed together, or a child would be left without its parent. */
static int
qbjMomentDeleteReparentOne(virDomainObj *vm, virDomainMomentObj *child, const char *parent)
{
    g_autofree char *before = child->def->parent_name;

    child->def->parent_name = g_strdup(parent);
    if (qbjMomentListSave(vm, child) == 0)
        return 0;
    g_free(child->def->parent_name);
    child->def->parent_name = g_steal_pointer(&before);
    return -1;
}

static int
qbjMomentDeleteReparent(virDomainObj *vm, virDomainMomentObj *snap, const qbjUndoDelete *plan)
{
    size_t i;

    for (i = 0; i < plan->children->len; i++) {
        virDomainMomentObj *child = qbjMomentDeleteFind(vm, g_ptr_array_index(plan->children, i));

        if (child && qbjMomentDeleteReparentOne(vm, child, plan->parent) < 0)
            return -1;
    }
    if (plan->children->len > 0)
        virDomainMomentMoveChildren(snap, snap->parent);
    return 0;
}

/* The tree as the plan has it: whoever is current, parents, and last the snapshots that go. */
static int
qbjMomentDeleteTree(virDomainObj *vm, virDomainMomentObj *snap, const qbjUndoDelete *plan)
{
    size_t i;

    if (plan->currentGoes && qbjMomentListSetCurrent(vm, qbjMomentDeleteFind(vm, plan->current)) < 0)
        return -1;
    if (qbjMomentDeleteReparent(vm, snap, plan) < 0)
        return -1;
    for (i = 0; i < plan->removed->len; i++) {
        virDomainMomentObj *gone = qbjMomentDeleteFind(vm, g_ptr_array_index(plan->removed, i));

        if (gone && qbjMomentListRemove(vm, gone) < 0)
            return -1;
    }
    return 0;
}

static int
qbjMomentDeleteFinish(virDomainObj *vm, virDomainMomentObj *snap, const qbjUndoDelete *plan)
{
    g_autofree char *memory = g_strdup(virDomainSnapshotObjGetDef(snap)->memorysnapshotfile);

    if (qbjMomentDeleteDefs(vm, plan, true) < 0 || qbjMomentDeleteUnlink(vm, snap, plan->unlink, memory) < 0)
        return -1;
    return qbjMomentDeleteTree(vm, snap, plan);
}

/* --- all of it --- */

/* Then for all disks: a plan is for images within, or for overlays. */
static bool
qbjMomentDeleteIsInternal(const qbjUndoDelete *plan)
{
    return plan->disks->len > 0 && ((const qbjUndoDisk *) g_ptr_array_index(plan->disks, 0))->how == QBJ_UNDO_INTERNAL;
}

/* An overlay that has come out below another image, by a merge or by a pull in its place: only when all its
 * data are in base may it go. The lock is dropped. */
static int
qbjMomentDeleteCheckMerged(virDomainObj *vm, const qbjUndoDelete *plan)
{
    int rc = 0;
    size_t i;

    virObjectUnlock(vm);
    for (i = 0; rc == 0 && i < plan->disks->len; i++) {
        const qbjUndoDisk *item = g_ptr_array_index(plan->disks, i);

        if (item->how == QBJ_UNDO_MERGED && item->above && virFileExists(item->overlay->path))
            rc = qbjHostImgIsSame(item->overlay, item->base, qbjMomentDeleteGoOn, vm);
    }
    virObjectLock(vm);
    return rc;
}

static int
qbjMomentDeletePlan(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentUndo **view,
                    qbjUndoDelete **plan)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    bool files = !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);
    int rc = 0;

    if (!(*view = qbjMomentUndoNew(vm, files)))
        return -1;
    if (files && virDomainSnapshotDefIsExternal(def)) {
        virObjectUnlock(vm);
        rc = qbjMomentUndoLook(*view, def, false);
        virObjectLock(vm);
    }
    if (rc < 0)
        return -1;
    if (qbjUndoPlanDelete(&(*view)->undo, def, flags, plan, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    return 0;
}

/* A guest that is saved would go on with images that are gone. */
int
qbjMomentDeleteCheck(virDomainObj *vm, virDomainMomentObj *snap)
{
    if (!virDomainObjIsActive(vm) && qbjMomentApplyReady(vm) < 0)
        return -1;
    if (virDomainSnapshotIsExternal(snap) && !virDomainObjIsActive(vm) && vm->hasManagedSave) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%s' has a managed save image, which names the images that a deletion of snapshot '%s' "
                         "would change"), vm->def->name, snap->def->name);
        return -1;
    }
    return 0;
}

/* What a QEMU that does not answer could not be told to end is ended when it does. */
static void
qbjMomentDeleteLeave(virDomainObj *vm, const qbjUndoDelete *plan)
{
    bool any = false;
    size_t i;

    for (i = 0; virDomainObjIsActive(vm) && i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        any |= qbjEngineJobFindByDisk(vm, disk->disk) != NULL;
    }
    if (any)
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_MOMENT, 0);
}

static int
qbjMomentDeletePlanned(virDomainObj *vm, virDomainMomentObj *snap, const qbjUndoDelete *plan)
{
    g_autoptr(GPtrArray) marked = g_ptr_array_new();
    bool begun;
    int rc;

    if (qbjMomentDeleteCheckMerged(vm, plan) < 0 || qbjMomentDeleteMark(vm, snap, plan, marked) < 0)
        return -1;
    if (qbjMomentDeleteIsInternal(plan))
        rc = qbjMomentInternalDelete(vm, snap->def->name, plan, &begun);
    else
        rc = qbjMomentDeleteRun(vm, plan, &begun);
    if (rc == 0)
        return qbjMomentDeleteFinish(vm, snap, plan);
    if (!begun)
        qbjMomentDeleteUnmark(vm, snap, marked);
    else
        qbjMomentDeleteLeave(vm, plan);
    return -1;
}

/* Images of a domain that runs take their time, and an abort of it is heard. QEMU's own job for an internal
 * snapshot has no end before its time. Returns whether it has begun one. */
static bool
qbjMomentDeleteBeginOperation(virDomainObj *vm, const qbjUndoDelete *plan)
{
    if (plan->disks->len == 0 || !virDomainObjIsActive(vm) || QBJ_DOMAIN_PRIVATE(vm)->operation)
        return false;
    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE);
    QBJ_DOMAIN_PRIVATE(vm)->operation->endless = qbjMomentDeleteIsInternal(plan);
    return true;
}

int
qbjMomentDelete(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags)
{
    g_autoptr(qbjMomentUndo) view = NULL;
    g_autoptr(qbjUndoDelete) plan = NULL;
    bool files = !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);
    bool operation;
    int rc;

    if ((files && qbjMomentDeleteCheck(vm, snap) < 0) || qbjMomentDeletePlan(vm, snap, flags, &view, &plan) < 0)
        return -1;
    operation = qbjMomentDeleteBeginOperation(vm, plan);
    rc = qbjMomentDeletePlanned(vm, snap, plan);
    if (operation)
        qbjDomainOperationEnd(vm, false);
    return rc;
}

/* --- after a restart --- */

static int
qbjMomentDeleteAddMarked(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    virDomainMomentObj *snap = payload;
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    GPtrArray *names = opaque;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshotDeleteInProgress) {
            g_ptr_array_add(names, g_strdup(snap->def->name));
            break;
        }
    }
    return 0;
}

/* Undecided merges end; whatever goes on by itself is waited for. Returns whether there is any. The files and
 * the metadata are left for the owner to delete again: from the chains alone nobody can tell a merge that is
 * done from a copy or a pull that came after one that was called off. */
static bool
qbjMomentDeleteCallOff(virDomainObj *vm, const char *name)
{
    virDomainMomentObj *snap = qbjMomentDeleteFind(vm, name);
    const virDomainSnapshotDef *def = snap ? virDomainSnapshotObjGetDef(snap) : NULL;
    bool any = false;
    size_t i;

    for (i = 0; def && i < def->ndisks; i++) {
        const virQbjJob *job = qbjEngineJobFindByDisk(vm, def->disks[i].name);

        if (def->disks[i].snapshotDeleteInProgress && def->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL) {
            qbjMomentInternalDeleted(vm);       /* one job for all disks */
            break;
        }
        if (!def->disks[i].snapshotDeleteInProgress || !job)
            continue;
        any = true;
        if ((job->state == QBJ_STATE_RUNNING || job->state == QBJ_STATE_READY) && !job->cancelled &&
            job->spec->type == QBJ_TYPE_ACTIVE_COMMIT &&
            qbjEngineAbort(vm, def->disks[i].name, VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC) < 0)
            virResetLastError();
    }
    return any;
}

/* Somebody has called again, and the jobs are those of that call, which handles this event while it waits. */
static bool
qbjMomentDeleteIsCalled(virDomainObj *vm)
{
    const qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;

    return operation && operation->kind == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE;
}

void
qbjMomentDeleteResume(virDomainObj *vm)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    bool waiting = qbjMomentDeleteIsCalled(vm);
    size_t i;

    if (!waiting)
        virDomainSnapshotForEach(vm->snapshots, qbjMomentDeleteAddMarked, names);
    for (i = 0; i < names->len && virDomainObjIsActive(vm); i++) {
        if (qbjMomentDeleteCallOff(vm, g_ptr_array_index(names, i)))
            waiting = true;
    }
    if (waiting && virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_MOMENT, QBJ_MOMENT_RESUME_MS);
}
