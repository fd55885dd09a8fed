#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_revert.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_undo.h"
#include "domain_save.h"
#include "engine_refuse.h"
#include "host_image.h"
#include "host_img.h"
#include "host_save.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "vm_start.h"
#include "vm_stop.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_revert");

#define QBJ_MOMENT_NAME_TRIES 100

/* What a revert holds until it is done. */
typedef struct _qbjMomentRevertWork qbjMomentRevertWork;
struct _qbjMomentRevertWork {
    qbjMomentUndo *view;
    qbjUndoRevert *plan;
    GPtrArray *made;            /* paths of the fresh overlays, as plan->laid */
    virQbjSaveImage *image;     /* of the guest's state; NULL: none */
    int fd;
    qbjHostImageReader *reader;
    virDomainDef *next;         /* the definition of that moment on the fresh overlays */
    virDomainDef *live;         /* the same, as the guest of the memory file has it; NULL: it boots */
    virDomainDef *before;       /* the persistent definition until then */
    qbjHostSave *save;          /* @next, prepared */
};

static void
qbjMomentRevertClear(qbjMomentRevertWork *work)
{
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

/* Its metadata and run would go with the process. */
static int
qbjMomentRevertCheckTransient(virDomainObj *vm)
{
    if (vm->persistent)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("revert of the transient domain '%s' is not supported"),
                   vm->def->name);
    return -1;
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
    return qbjMomentRevertCheckTransient(vm);
}

/* Without locks. */
static int
qbjMomentRevertOpen(qbjMomentRevertWork *work)
{
    const char *path = work->plan->memory;

    if (!path || work->plan->to == QBJ_UNDO_TO_SHUTOFF)
        return 0;
    if (!(work->image = qbjHostImageOpen(path, &work->fd)))
        return -1;
    if (!work->image->complete) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the memory file '%s' is not complete"), path);
        return -1;
    }
    return (work->reader = qbjHostImageReaderNew(path, work->image, &work->fd, false)) ? 0 : -1;
}

/* Without locks. Returns the path; NULL with an error reported. */
static char *
qbjMomentRevertLay(const qbjUndoLaid *laid)
{
    unsigned long long now = g_get_real_time() / G_USEC_PER_SEC;
    size_t i;

    for (i = 0; i < QBJ_MOMENT_NAME_TRIES; i++) {
        g_autofree char *path = i == 0 ? g_strdup_printf("%s.%llu", laid->stem, now) :
                                         g_strdup_printf("%s.%llu-%zu", laid->stem, now, i);

        if (qbjHostImgCreate(path, laid->base) == 0)
            return g_steal_pointer(&path);
        if (errno != EEXIST)
            return NULL;
        virResetLastError();
    }
    virReportError(VIR_ERR_OPERATION_FAILED, _("there is no free name for an overlay '%s.%llu'"), laid->stem, now);
    return NULL;
}

/* Without locks. */
static int
qbjMomentRevertLayAll(qbjMomentRevertWork *work)
{
    size_t i;

    for (i = 0; i < work->plan->laid->len; i++) {
        char *path = qbjMomentRevertLay(g_ptr_array_index(work->plan->laid, i));

        if (!path)
            return -1;
        g_ptr_array_add(work->made, path);
    }
    return 0;
}

/* The error that led here stays. */
static void
qbjMomentRevertUnlink(virDomainObj *vm, const GPtrArray *paths)
{
    virErrorPtr reason;
    size_t i;

    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    for (i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);

        if (unlink(path) < 0 && errno != ENOENT)
            VIR_WARN("'%s' stays: %s", path, g_strerror(errno));
    }
    virObjectLock(vm);
    virErrorRestore(&reason);
}

/* --- definitions --- */

static int
qbjMomentRevertPut(virDomainDef *def, const qbjUndoLaid *laid, const char *path)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, laid->disk);
    g_autoptr(virStorageSource) src = virStorageSourceNew();

    if (!disk || !disk->src->path || STRNEQ(disk->src->path, laid->base->path)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the two definitions of the snapshot do not have the same image for disk '%s'"), laid->disk);
        return -1;
    }
    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_strdup(path);
    if (virStorageSourceInitChainElement(src, disk->src, true) < 0)
        return -1;
    src->readonly = disk->src->readonly;
    src->shared = disk->src->shared;
    disk->src->readonly = true;
    src->backingStore = disk->src;
    disk->src = g_steal_pointer(&src);
    return 0;
}

/* A copy of @from for this domain, on the fresh overlays. */
static virDomainDef *
qbjMomentRevertDef(virDomainObj *vm, virDomainDef *from, const qbjMomentRevertWork *work)
{
    g_autoptr(virDomainDef) def = virDomainDefCopy(from, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false);
    size_t i;

    if (!def)
        return NULL;
    g_free(def->name);
    def->name = g_strdup(vm->def->name);
    memcpy(def->uuid, vm->def->uuid, VIR_UUID_BUFLEN);
    def->id = -1;
    for (i = 0; i < work->made->len; i++) {
        if (qbjMomentRevertPut(def, g_ptr_array_index(work->plan->laid, i), g_ptr_array_index(work->made, i)) < 0)
            return NULL;
    }
    return g_steal_pointer(&def);
}

/* All that can fail of the definition's save happens here. */
static int
qbjMomentRevertDefine(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDef *was = vm->newDef ? vm->newDef : vm->def;
    virDomainDef *then = snap->def->inactiveDom ? snap->def->inactiveDom : snap->def->dom;
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autofree char *text = NULL;

    if (!(work->next = qbjMomentRevertDef(vm, then, work)) ||
        (work->image && !(work->live = qbjMomentRevertDef(vm, snap->def->dom, work))) ||
        !(work->before = virDomainDefCopy(was, xmlopt, NULL, false)) ||
        !(text = qbjDomainConfigText(vm, work->next)))
        return -1;
    virObjectUnlock(vm);
    work->save = qbjHostSavePrepare(path, text, 0600);
    virObjectLock(vm);
    return work->save ? 0 : -1;
}

/* Nothing of the domain has changed after it, whether it succeeds or not. */
static int
qbjMomentRevertPrepare(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    int rc;

    if (qbjMomentRevertPlan(vm, snap, flags, work) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentRevertOpen(work);
    if (rc == 0)
        rc = qbjMomentRevertLayAll(work);
    virObjectLock(vm);
    return rc < 0 ? -1 : qbjMomentRevertDefine(vm, snap, work);
}

/* --- the change --- */

static int
qbjMomentRevertEnd(virDomainObj *vm)
{
    if (!virDomainObjIsActive(vm))
        return 0;
    qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
    if (!virDomainObjIsActive(vm))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU of domain '%s' has not ended"), vm->def->name);
    return -1;
}

/* The snapshot's overlays are the fresh ones, and it is the current one. */
static int
qbjMomentRevertNote(virDomainObj *vm, virDomainMomentObj *snap, const qbjMomentRevertWork *work)
{
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    size_t i;
    size_t j;

    for (i = 0; i < work->made->len; i++) {
        const qbjUndoLaid *laid = g_ptr_array_index(work->plan->laid, i);

        for (j = 0; j < def->ndisks; j++) {
            virDomainSnapshotDiskDef *disk = &def->disks[j];

            if (disk->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL || STRNEQ(disk->name, laid->disk))
                continue;
            virObjectUnref(disk->src);
            disk->src = virStorageSourceNew();
            disk->src->type = VIR_STORAGE_TYPE_FILE;
            disk->src->format = VIR_STORAGE_FILE_QCOW2;
            disk->src->path = g_strdup(g_ptr_array_index(work->made, i));
        }
    }
    return qbjMomentListSetCurrent(vm, snap);
}

/* QEMU has ended, or there was none. This is the decision. */
static int
qbjMomentRevertDecide(virDomainObj *vm, qbjMomentRevertWork *work)
{
    bool renamed = false;
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveCommit(work->save, &renamed);
    virObjectLock(vm);
    if (rc < 0 && !renamed)
        return -1;
    if (rc < 0) {
        VIR_WARN("vm=%s: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    virDomainObjAssignDef(vm, &work->next, false, NULL);
    return 0;
}

/* The guest of that moment did not come to run: back to the definition that was there. Returns 0, -1: the
 * fresh overlays are needed, or may be after a crash of the host. */
static int
qbjMomentRevertBack(virDomainObj *vm, qbjMomentRevertWork *work)
{
    virErrorPtr reason;
    bool renamed;
    int rc;

    virErrorPreserveLast(&reason);
    rc = qbjDomainPutConfig(vm, work->before, &renamed);
    if (rc < 0)
        VIR_WARN("vm=%s: the definition %s that of the snapshot: %s", vm->def->name,
                 renamed ? "may become again" : "stays", virGetLastErrorMessage());
    if (renamed)
        virDomainObjAssignDef(vm, &work->before, false, NULL);
    virErrorRestore(&reason);
    return rc;
}

static int
qbjMomentRevertStart(virDomainObj *vm, qbjMomentRevertWork *work, unsigned int flags)
{
    bool paused = work->plan->to == QBJ_UNDO_TO_PAUSED;
    qbjVmRestore restore = {
        .path = work->plan->memory,
        .cookie = work->image ? work->image->cookie : NULL,
        .running = !paused,
        .suspended = VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT,
        .fd = work->reader ? qbjHostImageReaderStream(work->reader) : -1,
    };
    qbjVmStartHow how = {
        .paused = paused,
        .fromSnapshot = true,
        .resetNvram = flags & VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM,
        .restore = work->image ? &restore : NULL,
    };

    if (work->plan->to == QBJ_UNDO_TO_SHUTOFF)
        return 0;
    if (work->live)
        virDomainObjAssignDef(vm, &work->live, true, NULL);
    if (qbjVmStart(vm, &how) == 0)
        return 0;
    if (!virDomainObjIsActive(vm) && vm->newDef)
        virDomainObjRemoveTransientDef(vm);
    return -1;
}

/* From the decision on. */
static int
qbjMomentRevertGo(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    int rc;

    if (qbjMomentRevertStart(vm, work, flags) < 0)
        return !virDomainObjIsActive(vm) && qbjMomentRevertBack(vm, work) == 0 ? -1 : -2;
    if ((rc = qbjMomentRevertNote(vm, snap, work)) == 0)
        qbjMomentRevertUnlink(vm, work->plan->unlink);
    return rc == 0 ? 0 : -2;
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

/* The image goes back, the definition with it; the domain stays shut off. A daemon that dies between these
 * two leaves the other definition of the same image. */
static int
qbjMomentRevertInternal(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);

    if (virDomainObjIsActive(vm) || def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL ||
        (flags & (VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED))) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("revert to the internal snapshot '%s' is supported from shut off to shut off only"),
                       snap->def->name);
        return -1;
    }
    if (qbjMomentRevertDefine(vm, snap, work) < 0 || qbjMomentInternalRevert(vm, snap) < 0 ||
        qbjMomentRevertDecide(vm, work) < 0)
        return -1;
    return qbjMomentListSetCurrent(vm, snap);
}

int
qbjMomentRevert(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags)
{
    qbjMomentRevertWork work = { .fd = -1 };
    int rc;

    if (qbjMomentRevertCheck(vm, snap) < 0)
        return -1;
    work.made = g_ptr_array_new_with_free_func(g_free);
    if (virDomainSnapshotIsExternal(snap))
        rc = qbjMomentRevertDo(vm, snap, flags, &work);
    else
        rc = qbjMomentRevertInternal(vm, snap, flags, &work);
    if (rc == -1)
        qbjMomentRevertUnlink(vm, work.made);
    virObjectUnlock(vm);
    qbjMomentRevertClear(&work);        /* a program that still writes the memory is waited for */
    virObjectLock(vm);
    return rc < 0 ? -1 : 0;
}
