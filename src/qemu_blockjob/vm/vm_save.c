#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "vm_save.h"
#include "vm_dumpstream.h"
#include "vm_restore.h"
#include "vm_saveimage.h"
#include "vm_savestream.h"
#include "vm_stop.h"
#include "domain_operation.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_image.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_save");

char *
qbjVmSaveManagedPath(virDomainObj *vm)
{
    return g_strdup_printf("%s/%s.save", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->saveDir, vm->def->name);
}

static int
qbjVmSaveFindOne(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    g_autofree char *path = qbjVmSaveManagedPath(vm);

    vm->hasManagedSave = virFileExists(path);
    return 0;
}

void
qbjVmSaveFindManaged(qbjDriver *driver)
{
    virDomainObjListForEach(driver->domains, false, qbjVmSaveFindOne, NULL);
}

/* --- the record --- */

static int
qbjVmSaveRecord(virDomainObj *vm, const qbjVmSaveRequest *request, const char *path, const char *part)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    virErrorPtr reason;

    status->save = virQbjStatusSaveNew(false, path, part);
    status->save->managed = request->managed;
    status->save->running = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    status->save->started = QBJ_DOMAIN_PRIVATE(vm)->operation->started;
    if (qbjDomainSaveStatus(vm) == 0)
        return 0;
    virErrorPreserveLast(&reason);
    g_clear_pointer(&status->save, virQbjStatusSaveFree);
    qbjDomainSaveStatusOrWarn(vm);      /* it may be in the file, and only not be known to be durable */
    virErrorRestore(&reason);
    return -1;
}

/* So that whoever finds the record knows its file from another image at that path. */
static int
qbjVmSaveRecordFile(virDomainObj *vm, const qbjHostImage *file)
{
    virQbjStatusSave *save = QBJ_DOMAIN_PRIVATE(vm)->status->save;
    qbjHostImageId id = qbjHostImageGetId(file);

    save->device = id.device;
    save->inode = id.inode;
    return qbjDomainSaveStatus(vm);
}

/* The record's file is complete, which it is when it has its name: the save is done. The lock is dropped. */
static bool
qbjVmSaveIsNamed(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    const virQbjStatusSave *save = status ? status->save : NULL;
    qbjHostImageId id = { save ? save->device : 0, save ? save->inode : 0 };
    g_autofree char *path = save ? g_strdup(save->path) : NULL;
    bool named;

    if (!id.inode)
        return false;
    virObjectUnlock(vm);
    named = qbjHostImageIsComplete(path, id);
    virObjectLock(vm);
    return named;
}

/* The lock is dropped. */
static void
qbjVmSaveRemove(virDomainObj *vm, const char *part)
{
    g_autofree char *copy = g_strdup(part);

    virObjectUnlock(vm);
    if (unlink(copy) < 0 && errno != ENOENT)
        VIR_WARN("Failed to remove '%s': %s", copy, g_strerror(errno));
    virObjectLock(vm);
}

/* The guest of a dump may run on, and then be stopped by QEMU, which has perhaps not been told yet, or by its
 * disks. */
static bool
qbjVmSaveDumpStands(virDomainObj *vm)
{
    int why;
    int state = virDomainObjGetState(vm, &why);

    return state == VIR_DOMAIN_RUNNING ||
           (state == VIR_DOMAIN_PAUSED && (why == VIR_DOMAIN_PAUSED_DUMP || why == VIR_DOMAIN_PAUSED_UNKNOWN));
}

/* Whether the guest stands still, as QEMU says: the event of a stop that it has carried out without an answer
 * may not have been looked at. -1: QEMU does not answer. */
static int
qbjVmSaveStands(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;
    int state = virDomainObjGetState(vm, NULL);
    bool running = true;

    if (state != VIR_DOMAIN_RUNNING)
        return state == VIR_DOMAIN_PAUSED;
    if (qbjDomainQmpCall(vm, "query-status", NULL, &reply) < 0)
        return -1;
    ignore_value(virJSONValueObjectGetBoolean(reply, "running", &running));
    return !running;
}

/* The guest goes on, if it ran before. Gives false when QEMU does not answer. */
static bool
qbjVmSaveContinue(virDomainObj *vm, virDomainRunningReason reason)
{
    bool running = QBJ_DOMAIN_PRIVATE(vm)->status->save->running;
    bool dump = QBJ_DOMAIN_PRIVATE(vm)->status->save->dump;
    int stands;

    if (virQbjFaultHit("vm-save-back") || qbjVmSaveStreamCancel(vm) < 0 ||
        (dump && qbjVmDumpStreamDrop(vm) < 0))
        return false;
    if (!running && virDomainObjIsActive(vm))
        qbjVmSaveStreamActivate(vm);
    if (!running || (stands = dump ? qbjVmSaveDumpStands(vm) : qbjVmSaveStands(vm)) == 0)
        return true;
    return stands > 0 && qbjVmSaveStreamGoOn(vm, reason) == 0;
}

/* The file goes last: no other one has its identity before the guest goes on. */
bool
qbjVmSaveBack(virDomainObj *vm, virDomainRunningReason reason)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->status || !priv->status->save)
        return true;
    if (!qbjVmSaveContinue(vm, reason)) {
        VIR_WARN("Domain '%s' cannot go on after a save that failed, tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
        return false;
    }
    if (priv->status)
        qbjVmSaveRemove(vm, priv->status->save->part);
    if (!priv->status)
        return true;
    g_clear_pointer(&priv->status->save, virQbjStatusSaveFree);
    qbjDomainSaveStatusOrWarn(vm);
    return true;
}

/* --- the save --- */

/* *@named: the file has its name, so the guest must not go on any more. */
static int
qbjVmSaveWrite(virDomainObj *vm, qbjHostImage *file, bool *named)
{
    int rc;

    if (!file || qbjDomainOperationCheck(vm) < 0 || qbjVmSaveRecordFile(vm, file) < 0 ||
        qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_SAVE) < 0 || qbjVmSaveStreamBegin(vm, file) < 0 ||
        qbjVmSaveStreamWait(vm) < 0 || qbjDomainOperationCheck(vm) < 0)
        return -1;

    virObjectUnlock(vm);
    rc = virQbjFaultHit("vm-save") ? -1 : qbjHostImageFinish(file, NULL, named);
    virObjectLock(vm);
    return rc;
}

/* Returns 0, also when only the durability of the name is not known: the file is there, and complete. */
static int
qbjVmSaveAll(virDomainObj *vm, qbjHostImage *file)
{
    bool named = false;

    if (qbjVmSaveWrite(vm, file, &named) == 0)
        return 0;
    if (!named)
        return -1;
    VIR_WARN("Domain '%s' is saved, but its folder cannot be synced: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return 0;
}

/* The lock is dropped: programs may not end before storage that hangs does. */
static void
qbjVmSaveClose(virDomainObj *vm, qbjHostImage *file)
{
    virObjectUnlock(vm);
    qbjHostImageFree(file);
    virObjectLock(vm);
}

static void
qbjVmSaveEnd(virDomainObj *vm, qbjHostImage *file, bool managed)
{
    qbjDomainOperationEnd(vm, true);
    if (managed)
        vm->hasManagedSave = true;
    qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
    qbjVmSaveClose(vm, file);
}

/* The guest first: it does not wait for programs. */
static void
qbjVmSaveFailed(virDomainObj *vm, qbjHostImage *file, const char *part)
{
    virErrorPtr reason;
    bool back;

    virErrorPreserveLast(&reason);
    qbjDomainOperationEnd(vm, false);
    back = qbjVmSaveBack(vm, VIR_DOMAIN_RUNNING_SAVE_CANCELED);
    qbjVmSaveClose(vm, file);
    if (!virDomainObjIsActive(vm))
        qbjVmSaveRemove(vm, part);
    else if (!back)
        qbjDomainTimerStart(vm, NULL, 0, 1000);
    virErrorRestore(&reason);
}

static int
qbjVmSaveCheckRecord(virDomainObj *vm)
{
    if (!QBJ_DOMAIN_PRIVATE(vm)->status->save)
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("an earlier save of the domain is still being taken back"));
    return -1;
}

int
qbjVmSave(virDomainObj *vm, const qbjVmSaveRequest *request)
{
    g_autoptr(virQbjSaveImage) image = NULL;
    g_autofree char *path = NULL;
    g_autofree char *part = NULL;
    qbjHostImage *file;

    if (qbjVmSaveImageNames(vm, request->path, &path, &part) < 0 || virDomainObjCheckActive(vm) < 0 ||
        qbjVmSaveCheckRecord(vm) < 0 || qbjDomainCheckRead(vm) < 0 || qbjVmSaveStreamCheck(vm) < 0 ||
        !(image = qbjVmSaveImageNew(vm, request->xml, request->running, request->format)))
        return -1;

    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SAVE);
    if (qbjVmSaveRecord(vm, request, path, part) < 0) {
        qbjDomainOperationEnd(vm, false);
        return -1;
    }
    file = qbjVmSaveImageCreate(vm, path, part, image, request->bypass);
    if (qbjVmSaveAll(vm, file) < 0) {
        qbjVmSaveFailed(vm, file, part);
        return -1;
    }
    qbjVmSaveEnd(vm, file, request->managed);
    return 0;
}

/* --- another daemon --- */

static int
qbjVmSaveResumeRestore(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    const virQbjStatusSave *save = priv->status->save;

    if (!save->loaded) {
        VIR_WARN("Domain '%s' was being %s, with its memory in '%s', when the daemon ended; that has to be done again",
                 vm->def->name, save->revert ? "reverted to a snapshot" : "restored", save->path);
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        return 0;
    }
    return qbjVmRestoreFinish(vm);
}

int
qbjVmSaveResume(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool written;

    if (priv->operation || !priv->status || !priv->status->save)
        return 0;
    if (priv->status->save->restore)
        return qbjVmSaveResumeRestore(vm);
    if (priv->status->save->dump)
        return qbjVmSaveBack(vm, VIR_DOMAIN_RUNNING_UNPAUSED) ? 0 : -1;
    if (qbjVmSaveStreamIsWritten(vm, &written) < 0)
        return -1;
    /* nothing but the end of the process is missing */
    if (written && virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PAUSED && qbjVmSaveIsNamed(vm)) {
        vm->hasManagedSave = vm->hasManagedSave || (priv->status && priv->status->save->managed);
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
        return 0;
    }
    return qbjVmSaveBack(vm, VIR_DOMAIN_RUNNING_SAVE_CANCELED) ? 0 : -1;
}

bool
qbjVmSaveGone(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->status || !priv->status->save || priv->status->save->restore)
        return false;
    if (!priv->status->save->dump && qbjVmSaveIsNamed(vm))
        return priv->status != NULL;
    if (priv->status)
        qbjVmSaveRemove(vm, priv->status->save->part);
    return false;
}
