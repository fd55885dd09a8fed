#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "moment_revert.h"
#include "moment_apply.h"
#include "moment_list.h"
#include "moment_revert_parts.h"
#include "moment_revertnote.h"
#include "moment_revertsettle.h"
#include "engine_refuse.h"
#include "host_image.h"
#include "host_save.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "vm_stop.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_revert");

#define QBJ_MOMENT_NAME_TRIES 100

static void
qbjMomentRevertClear(qbjMomentRevertWork *work)
{
    size_t i;

    for (i = 0; work->plan && work->fds && i < work->plan->laid->len; i++) {
        VIR_FORCE_CLOSE(work->fds[i]);
        qbjHostImgInfoClear(&work->bases[i]);
    }
    g_free(work->fds);
    g_free(work->bases);
    g_strfreev(work->was);
    qbjMomentRevertNoteFree(work->note);
    qbjUndoRevertFree(work->plan);
    qbjMomentUndoFree(work->view);
    g_clear_pointer(&work->made, g_ptr_array_unref);
    virQbjSaveImageFree(work->image);
    VIR_FORCE_CLOSE(work->fd);
    qbjHostImageReaderFree(work->reader);
    virDomainDefFree(work->next);
    virDomainDefFree(work->live);
    virDomainDefFree(work->before);
    qbjHostSaveFree(work->save);
    g_free(work->text);
    qbjHostSaveFree(work->noted);
    qbjHostSaveFree(work->unmarked);
}

/* --- what can be found out before anything changes --- */

static int
qbjMomentRevertCheck(virDomainObj *vm, virDomainMomentObj *snap)
{
    if (!snap->def->dom) {
        virReportError(VIR_ERR_SNAPSHOT_REVERT_RISKY, _("snapshot '%s' lacks domain '%s' rollback info"),
                       snap->def->name, vm->def->name);
        return -1;
    }
    if (!virDomainObjIsActive(vm) && vm->hasManagedSave) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%s' has a managed save image, which would not fit its disks after a revert"),
                       vm->def->name);
        return -1;
    }
    return 0;
}

static int
qbjMomentRevertPlan(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    int rc;

    if (!(work->view = qbjMomentUndoNew(vm, true)))
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentUndoLook(work->view, def, true);
    virObjectLock(vm);
    if (rc < 0)
        return -1;
    if (qbjUndoPlanRevert(&work->view->undo, def, flags, &work->plan, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    work->to = work->plan->to;
    work->memory = work->plan->memory && work->to != QBJ_UNDO_TO_SHUTOFF;
    return 0;
}

/* Without locks. */
static int
qbjMomentRevertOpen(qbjMomentRevertWork *work)
{
    const char *path = work->plan->memory;
    g_autoptr(virCPUDef) cpu = NULL;

    if (!work->memory)
        return 0;
    if (!(work->image = qbjHostImageOpen(path, &work->fd)))
        return -1;
    if (!work->image->complete) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the memory file '%s' is not complete"), path);
        return -1;
    }
    if (work->image->cookie && virQbjSaveCookieParse(work->image->cookie, &cpu) < 0)
        return -1;
    return (work->reader = qbjHostImageReaderNew(path, work->image, &work->fd, false)) ? 0 : -1;
}

/* Without locks. A name that no file has; NULL with an error reported. */
static char *
qbjMomentRevertFreeName(const char *stem)
{
    unsigned long long now = g_get_real_time() / G_USEC_PER_SEC;
    size_t i;

    for (i = 0; i < QBJ_MOMENT_NAME_TRIES; i++) {
        g_autofree char *path = i == 0 ? g_strdup_printf("%s.%llu", stem, now) :
                                         g_strdup_printf("%s.%llu-%zu", stem, now, i);
        struct stat st;

        if (lstat(path, &st) < 0)
            return g_steal_pointer(&path);
    }
    virReportError(VIR_ERR_OPERATION_FAILED, _("there is no free name for an overlay '%s.%llu'"), stem, now);
    return NULL;
}

/* Without locks. The file is not at its place yet, where the file system can do that. */
static int
qbjMomentRevertMake(qbjMomentRevertWork *work, size_t i)
{
    const qbjUndoLaid *laid = g_ptr_array_index(work->plan->laid, i);
    g_autofree char *path = qbjMomentRevertFreeName(laid->stem);
    g_autofree char *identity = NULL;

    if (!path || qbjHostImgRead(laid->base, &work->bases[i]) < 0 ||
        qbjHostImgCreate(path, &identity, &work->fds[i]) < 0)
        return -1;
    qbjMomentRevertNoteAdd(work->note, laid->disk, work->was[i], path, identity, laid->base->path,
                           work->bases[i].size);
    g_ptr_array_add(work->made, g_steal_pointer(&path));
    return 0;
}

/* Without locks. Over the image of the moment a bitmap goes on in the overlay, as at a snapshot (20/B10):
 * what it had recorded by then is in the image, what follows is in the overlay. One that began later is in
 * neither, and whoever asks for it hears so. */
static int
qbjMomentRevertBitmaps(const qbjHostImgInfo *base, const char *path)
{
    g_autoptr(virStorageSource) overlay = virStorageSourceNew();
    size_t i;

    overlay->type = VIR_STORAGE_TYPE_FILE;
    overlay->format = VIR_STORAGE_FILE_QCOW2;
    overlay->path = g_strdup(path);
    for (i = 0; base->bitmaps && i < base->bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(base->bitmaps, i);

        if (bitmap->usable && qbjHostImgAddBitmap(overlay, bitmap) < 0)
            return -1;
    }
    return 0;
}

/* Without locks. The note is on the disk before a file has its place. */
static int
qbjMomentRevertLayAll(qbjMomentRevertWork *work)
{
    size_t n = work->plan->laid->len;
    size_t i;

    for (i = 0; i < n; i++) {
        if (qbjMomentRevertMake(work, i) < 0)
            return -1;
    }
    for (i = 0; i < work->plan->unlink->len; i++)
        qbjMomentRevertNoteAbandon(work->note, g_ptr_array_index(work->plan->unlink, i));
    if (n > 0 && qbjMomentRevertNoteSave(work->note) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        const qbjUndoLaid *laid = g_ptr_array_index(work->plan->laid, i);

        if (qbjHostImgFill(g_ptr_array_index(work->made, i), work->fds[i], laid->base) < 0 ||
            qbjMomentRevertBitmaps(&work->bases[i], g_ptr_array_index(work->made, i)) < 0)
            return -1;
        VIR_FORCE_CLOSE(work->fds[i]);
    }
    return 0;
}

/* What each disk is on until then. */
static void
qbjMomentRevertRemember(virDomainObj *vm, qbjMomentRevertWork *work)
{
    virDomainDef *def = vm->newDef ? vm->newDef : vm->def;
    size_t n = work->plan->laid->len;
    size_t i;

    work->fds = g_new0(int, n + 1);
    work->was = g_new0(char *, n + 1);
    work->bases = g_new0(qbjHostImgInfo, n + 1);
    for (i = 0; i < n; i++) {
        const qbjUndoLaid *laid = g_ptr_array_index(work->plan->laid, i);
        const virDomainDiskDef *disk = virDomainDiskByTarget(def, laid->disk);

        work->fds[i] = -1;
        work->was[i] = g_strdup(disk && disk->src->path ? disk->src->path : "");
    }
    work->fds[n] = -1;
}

/* Nothing of the domain has changed after it, whether it succeeds or not. */
static int
qbjMomentRevertPrepare(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    int rc;

    if (qbjMomentRevertPlan(vm, snap, flags, work) < 0)
        return -1;
    qbjMomentRevertRemember(vm, work);
    virObjectUnlock(vm);
    rc = qbjMomentRevertOpen(work);
    if (rc == 0)
        rc = qbjMomentRevertLayAll(work);
    virObjectLock(vm);
    return rc < 0 || qbjMomentRevertDefine(vm, snap, work) < 0 ? -1 : qbjMomentRevertMay(vm, work);
}

/* --- the change --- */

static int
qbjMomentRevertStartExternal(virDomainObj *vm, qbjMomentRevertWork *work, unsigned int flags)
{
    qbjVmRestore restore = {
        .path = work->plan->memory,
        .cookie = work->image ? work->image->cookie : NULL,
        .revert = true,
        .running = work->to == QBJ_UNDO_TO_RUNNING,
        .suspended = VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT,
        .fd = work->reader ? qbjHostImageReaderStream(work->reader) : -1,
    };

    return qbjMomentRevertStart(vm, work, work->image ? &restore : NULL, flags);
}

/* The disks are those of the moment. Metadata that cannot be saved now are by the next daemon, which finds
 * the note; those of a transient domain are in no need of it, but what it has abandoned is. */
static void
qbjMomentRevertFinish(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work)
{
    if (qbjMomentRevertNoteFinish(vm, snap, work->note) < 0 && qbjMomentRevertNoteFinish(vm, snap, work->note) < 0) {
        VIR_WARN("vm=%s: the revert to snapshot '%s' is not in its metadata yet: %s", vm->def->name, snap->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
        qbjMomentListForceCurrent(vm, snap);
        QBJ_DOMAIN_PRIVATE(vm)->revertOpen = !vm->persistent;
        return;
    }
    virObjectUnlock(vm);
    qbjMomentRevertNoteDrop(work->note);
    virObjectLock(vm);
}

/* From the decision on. */
static int
qbjMomentRevertGo(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    if (qbjMomentRevertStartExternal(vm, work, flags) == 0) {
        qbjMomentRevertFinish(vm, snap, work);
        return 0;
    }
    if (!virDomainObjIsActive(vm) && qbjMomentRevertBack(vm, work) == 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->revertOpen = !vm->persistent;
    return -2;
}

/* Returns 0; -1 with an error reported: the fresh overlays have no use; -2: they do. */
static int
qbjMomentRevertDo(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    if (qbjMomentRevertPrepare(vm, snap, flags, work) < 0 || qbjMomentRevertEnd(vm) < 0 ||
        qbjMomentRevertDecide(vm, work) < 0)
        return -1;
    return qbjMomentRevertGo(vm, snap, flags, work);
}

/* Without locks. The error that led here stays. */
static void
qbjMomentRevertTakeBack(qbjMomentRevertWork *work)
{
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    qbjMomentRevertNoteRemoveMade(work->note, true);
    if (work->made->len > 0)
        qbjMomentRevertNoteDrop(work->note);
    virErrorRestore(&reason);
}

/* A run has ended, and there is none that follows; or somebody was to end the one that follows, and may not
 * wait any more. The error that led here stays. */
static void
qbjMomentRevertTransient(virDomainObj *vm)
{
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    if (!virDomainObjIsActive(vm))
        qbjVmStopTransient(vm);
    else if (QBJ_DOMAIN_PRIVATE(vm)->destroyed)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    virErrorRestore(&reason);
}

int
qbjMomentRevert(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjMomentRevertWork work = { .fd = -1 };
    int rc;

    if (virDomainObjIsActive(vm))
        qbjMomentApplyResume(vm);       /* what an earlier one has left */
    if (qbjMomentRevertCheck(vm, snap) < 0 || (!virDomainObjIsActive(vm) && qbjMomentApplyReady(vm) < 0) ||
        qbjMomentRevertSettleBefore(vm) < 0 || qbjMomentApplyCheckLeft(vm, false) < 0)
        return -1;
    priv->reverting = true;
    work.made = g_ptr_array_new_with_free_func(g_free);
    work.note = qbjMomentRevertNoteNew(vm, snap->def->name);
    if (virDomainSnapshotIsExternal(snap))
        rc = qbjMomentRevertDo(vm, snap, flags, &work);
    else
        rc = qbjMomentRevertInternal(vm, snap, flags, &work);
    virObjectUnlock(vm);
    if (rc == -1)
        qbjMomentRevertTakeBack(&work);
    qbjMomentRevertClear(&work);        /* a program that still writes the memory is waited for */
    virObjectLock(vm);
    priv->reverting = false;
    g_clear_pointer(&priv->ended, qbjHostSaveFree);
    if (!vm->persistent)
        qbjMomentRevertTransient(vm);
    return rc < 0 ? -1 : 0;
}
