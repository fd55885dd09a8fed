#include <config.h>

#include "internal.h"
#include "moment_revert_parts.h"
#include "domain_save.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"
#include "vm_start.h"
#include "vm_start_check.h"
#include "vm_stop.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_revert_parts");

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

int
qbjMomentRevertDefine(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDef *was = vm->newDef ? vm->newDef : vm->def;
    bool two = vm->persistent && work->memory;
    virDomainDef *then = snap->def->inactiveDom && (two || !work->memory) ? snap->def->inactiveDom : snap->def->dom;
    g_autofree char *path = qbjDomainConfigPath(vm);

    if (!(work->next = qbjMomentRevertDef(vm, then, work)) ||
        (two && !(work->live = qbjMomentRevertDef(vm, snap->def->dom, work))) ||
        !(work->before = virDomainDefCopy(was, xmlopt, NULL, false)))
        return -1;
    if (!vm->persistent)
        return 0;
    if (!(work->text = qbjDomainConfigText(vm, work->next)))
        return -1;
    virObjectUnlock(vm);
    work->save = qbjHostSavePrepare(path, work->text, 0600);
    virObjectLock(vm);
    return work->save ? 0 : -1;
}

int
qbjMomentRevertMay(virDomainObj *vm, const qbjMomentRevertWork *work)
{
    virDomainDef *wanted = work->live ? work->live : work->next;
    g_autoptr(virDomainDef) def = NULL;

    if (work->to == QBJ_UNDO_TO_SHUTOFF)
        return 0;
    if (!vm->persistent && !(QBJ_DOMAIN_PRIVATE(vm)->ended = qbjDomainPrepareEnded(vm)))
        return -1;
    def = virDomainDefCopy(wanted, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false);
    return def ? qbjVmStartCheckAll(vm, def) : -1;
}

/* --- the change --- */

int
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

int
qbjMomentRevertDecide(virDomainObj *vm, qbjMomentRevertWork *work)
{
    bool renamed = false;
    int rc = 0;

    virObjectUnlock(vm);
    if (work->save)
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

int
qbjMomentRevertBack(virDomainObj *vm, qbjMomentRevertWork *work)
{
    virErrorPtr reason;
    bool renamed = true;
    int rc = 0;

    virErrorPreserveLast(&reason);
    if (work->save)
        rc = qbjDomainPutConfig(vm, work->before, &renamed);
    if (rc < 0)
        VIR_WARN("vm=%s: the definition %s that of the snapshot: %s", vm->def->name,
                 renamed ? "may become again" : "stays", virGetLastErrorMessage());
    if (renamed)
        virDomainObjAssignDef(vm, &work->before, false, NULL);
    virErrorRestore(&reason);
    return rc;
}

int
qbjMomentRevertStart(virDomainObj *vm, qbjMomentRevertWork *work, const qbjVmRestore *restore, unsigned int flags)
{
    qbjVmStartHow how = {
        .paused = work->to == QBJ_UNDO_TO_PAUSED,
        .fromSnapshot = true,
        .resetNvram = flags & VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM,
        .restore = restore,
    };

    if (work->to == QBJ_UNDO_TO_SHUTOFF)
        return 0;
    if (QBJ_DOMAIN_PRIVATE(vm)->destroyed) {
        virReportError(VIR_ERR_OPERATION_ABORTED, _("Domain '%s' was destroyed while it was being reverted"),
                       vm->def->name);
        return -1;
    }
    if (work->live)
        virDomainObjAssignDef(vm, &work->live, true, NULL);
    if (qbjVmStart(vm, &how) == 0)
        return 0;
    if (!virDomainObjIsActive(vm) && vm->newDef)
        virDomainObjRemoveTransientDef(vm);
    return -1;
}
