#include <config.h>

#include "internal.h"
#include "vm_restore.h"
#include "vm_inside.h"
#include "vm_savestream.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_image.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjsaveimage.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_restore");

/* A guest that is restored and cannot be made to go on is tried again. */
#define QBJ_VM_RESTORE_AGAIN_MS 1000

int
qbjVmRestorePrepare(virDomainObj *vm, const qbjVmRestore *restore)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    g_autoptr(virCPUDef) cpu = NULL;

    if (restore->cookie && virQbjSaveCookieParse(restore->cookie, &cpu) < 0)
        return -1;
    if (cpu) {
        virCPUDefFree(vm->def->cpu);
        vm->def->cpu = g_steal_pointer(&cpu);
    }
    status->save = virQbjStatusSaveNew(true, restore->path, NULL);
    status->save->managed = restore->managed;
    status->save->running = restore->running;
    status->save->revert = restore->revert;
    return 0;
}

bool
qbjVmRestoreIsStream(const qbjVmRestore *restore)
{
    return restore && !restore->inside;
}

static const char *
qbjVmRestoreNode(virDomainObj *vm, const char *target)
{
    const virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, target);

    if (disk && disk->src->nodeformat)
        return disk->src->nodeformat;
    virReportError(VIR_ERR_OPERATION_FAILED, _("there is no disk '%s' to load the guest's state from"), target);
    return NULL;
}

/* The images hold that moment already; QEMU finds that once more, and reads the memory. */
static int
qbjVmRestoreLoadInside(virDomainObj *vm, const qbjVmRestore *restore)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(g_free);
    const char *state = qbjVmRestoreNode(vm, restore->state);
    g_autofree char *stateNode = g_strdup(state);
    size_t i;

    for (i = 0; state && restore->disks[i]; i++) {
        if (!(state = qbjVmRestoreNode(vm, restore->disks[i])))
            return -1;
        g_ptr_array_add(nodes, g_strdup(state));
    }
    g_ptr_array_add(nodes, NULL);
    if (!stateNode)
        return -1;
    return qbjVmInsideRun(vm, QBJ_VM_INSIDE_LOAD, restore->inside, (const char *const *) nodes->pdata, stateNode);
}

int
qbjVmRestoreLoad(virDomainObj *vm, const qbjVmRestore *restore)
{
    int rc = restore->inside ? qbjVmRestoreLoadInside(vm, restore) : qbjVmSaveStreamLoad(vm, restore->fd);

    if (rc < 0)
        return -1;
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    QBJ_DOMAIN_PRIVATE(vm)->status->save->loaded = true;
    return qbjDomainSaveStatus(vm);
}

static int
qbjVmRestoreRemove(virDomainObj *vm, const char *path)
{
    g_autofree char *copy = g_strdup(path);
    int saved;
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostImageRemove(copy);
    saved = errno;
    virObjectLock(vm);
    vm->hasManagedSave = rc < 0 && saved != ENOENT;
    if (!vm->hasManagedSave)
        return 0;
    virReportSystemError(saved, _("Failed to remove managed save file '%s'"), copy);
    return -1;
}

/* In the status file before QEMU is told, as all that clients may rely on. */
static int
qbjVmRestoreRun(virDomainObj *vm)
{
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_RESTORED);
    if (qbjDomainSaveStatus(vm) == 0 && qbjVmSaveStreamCont(vm) == 0)
        return 0;
    if (virDomainObjIsActive(vm))
        virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    return -1;
}

/* A client may have had it go on by now, and stopped it. */
static bool
qbjVmRestoreIsStopped(virDomainObj *vm)
{
    int why;

    return virDomainObjGetState(vm, &why) == VIR_DOMAIN_PAUSED && why == VIR_DOMAIN_PAUSED_USER;
}

int
qbjVmRestoreFinish(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool running = priv->status->save->running && !qbjVmRestoreIsStopped(vm);

    if (priv->status->save->managed && qbjVmRestoreRemove(vm, priv->status->save->path) < 0)
        return -1;
    if (running && qbjVmRestoreRun(vm) < 0) {
        VIR_WARN("Domain '%s' is restored, but does not go on yet: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        if (virDomainObjIsActive(vm))
            qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RESTORE_AGAIN_MS);
        return 0;
    }
    if (!virDomainObjIsActive(vm))
        return 0;
    if (running && !priv->starting)             /* else the start tells it, when it has told of itself */
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT);
    g_clear_pointer(&priv->status->save, virQbjStatusSaveFree);
    qbjDomainSaveStatusOrWarn(vm);
    return 0;
}
