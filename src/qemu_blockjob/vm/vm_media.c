#include <config.h>

#include "internal.h"
#include "vm_media.h"
#include "vm_block.h"
#include "vm_caps.h"
#include "vm_confignext.h"
#include "vm_def.h"
#include "vm_plug.h"
#include "vm_plug_plan.h"
#include "vm_plug_record.h"
#include "vm_unplug.h"
#include "domain_audit.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_inuse.h"
#include "host_label.h"
#include "host_secret.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_media");

/* How long the guest has to unlock its tray. */
#define QBJ_VM_MEDIA_TRAY_MS 5000

/* --- the drive ------------------------------------------------------------------------------------- */

static int
qbjVmMediaCall(virDomainObj *vm, const virDomainDiskDef *disk, const char *execute)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:id", disk->info.alias, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, execute, arguments, NULL);
}

/* A floppy drive has none. */
static bool
qbjVmMediaHasTray(const virDomainDiskDef *disk)
{
    return disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM;
}

static int
qbjVmMediaOpen(virDomainObj *vm, const virDomainDiskDef *disk, bool force, bool *locked)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "blockdev-open-tray" };

    if (virJSONValueObjectAdd(&arguments, "s:id", disk->info.alias, "b:force", force, NULL) < 0)
        return -1;
    if ((*locked = virQbjFaultHit("tray-locked") && !force)) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: the tray is locked");
        return -1;
    }
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    *locked = command.failed && command.errorText && strstr(command.errorText, "is locked");
    if (!command.failed)
        return 0;
    qbjQmpReportError(&command);
    return -1;
}

/* Whether @disk is one of the running domain @domainId: it may have gone with an event that was handled. */
static bool
qbjVmMediaIsThere(virDomainObj *vm, int domainId, const virDomainDiskDef *disk)
{
    size_t i;

    if (vm->def->id != domainId)
        return false;
    for (i = 0; i < vm->def->ndisks; i++) {
        if (vm->def->disks[i] == disk)
            return true;
    }
    return false;
}

/* Whether the tray opens: of one that is locked QEMU asks the guest, and says that all is well (09/H3.4).
 * @disk may have gone. */
static bool
qbjVmMediaAwaitTray(virDomainObj *vm, virDomainDiskDef *disk)
{
    unsigned long long until;
    int domainId = vm->def->id;

    if (virTimeMillisNow(&until) < 0)
        return false;
    until += QBJ_VM_MEDIA_TRAY_MS;
    qbjDomainQueueDrain(vm);
    while (qbjVmMediaIsThere(vm, domainId, disk) && disk->tray_status != VIR_DOMAIN_DISK_TRAY_OPEN &&
           qbjDomainQueueWait(vm, until) == 0)
        ;
    return qbjVmMediaIsThere(vm, domainId, disk) && disk->tray_status == VIR_DOMAIN_DISK_TRAY_OPEN;
}

static int
qbjVmMediaOpenTray(virDomainObj *vm, virDomainDiskDef *disk, bool force)
{
    g_autofree char *target = g_strdup(disk->dst);
    bool locked = false;

    if (!qbjVmMediaHasTray(disk))
        return 0;
    if (qbjVmMediaOpen(vm, disk, force, &locked) < 0 && !locked)
        return -1;
    virResetLastError();
    if (qbjVmMediaAwaitTray(vm, disk))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("the guest has locked the tray of disk '%s', and does not open it"),
                   target);
    return -1;
}

/* How often the tray is opened again for one step. */
#define QBJ_VM_MEDIA_OPENED_MAX 3

/* A step that wants the tray open: a guest that is reset has just closed it, without an event, and it is
 * opened once more, as the client has asked for. Returns 0, -1 with an error reported: @disk may have
 * gone. */
static int
qbjVmMediaStep(virDomainObj *vm, virDomainDiskDef *disk, const char *execute, virJSONValue *arguments,
               bool force)
{
    int opened;

    for (opened = 0; ; opened++) {
        g_auto(qbjQmpCommand) command = { .execute = execute, .arguments = arguments };

        if (virQbjFaultHit("tray-closes"))
            ignore_value(qbjVmMediaCall(vm, disk, "blockdev-close-tray"));
        if (qbjDomainQmpTry(vm, &command) < 0)
            return -1;
        if (!command.failed)
            return 0;
        if (opened == QBJ_VM_MEDIA_OPENED_MAX || !qbjVmMediaHasTray(disk) ||
            !strstr(NULLSTR(command.errorText), "is not open")) {
            qbjQmpReportError(&command);
            return -1;
        }
        if (qbjVmMediaOpenTray(vm, disk, force) < 0)
            return -1;
    }
}

static int
qbjVmMediaTakeOut(virDomainObj *vm, virDomainDiskDef *disk, bool force)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:id", disk->info.alias, NULL) < 0)
        return -1;
    return qbjVmMediaStep(vm, disk, "blockdev-remove-medium", arguments, force);
}

static int
qbjVmMediaPutIn(virDomainObj *vm, virDomainDiskDef *disk, const virStorageSource *src, bool force)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virStorageSourceIsBacking(src) && src->nodeformat &&
        (virJSONValueObjectAdd(&arguments, "s:id", disk->info.alias, "s:node-name", src->nodeformat, NULL) < 0 ||
         qbjVmMediaStep(vm, disk, "blockdev-insert-medium", arguments, force) < 0))
        return -1;
    return qbjVmMediaHasTray(disk) ? qbjVmMediaCall(vm, disk, "blockdev-close-tray") : 0;
}

/* --- images ---------------------------------------------------------------------------------------- */

/* Nodes and rights of a medium that is out. Returns 0, -1 with an error reported. */
static int
qbjVmMediaDrop(virDomainObj *vm, virStorageSource *src)
{
    g_autoptr(GPtrArray) commands = qbjVmPlugPlanRemoveImages(src);
    int rc;

    if (qbjVmUnplugRemoveAll(vm, commands) < 0)
        return -1;
    virObjectUnlock(vm);                /* the job keeps the definition as it is */
    rc = qbjHostLabelRestoreChain(QBJ_DOMAIN_PRIVATE(vm)->driver->security, vm->def, src);
    virObjectLock(vm);
    if (rc < 0) {
        VIR_WARN("Cannot restore the labels of '%s': %s", NULLSTR(src->path), virGetLastErrorMessage());
        virResetLastError();
    }
    return 0;
}

static int
qbjVmMediaLabel(virDomainObj *vm, virStorageSource *src)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostLabelChain(QBJ_DOMAIN_PRIVATE(vm)->driver->security, vm->def, src);
    virObjectLock(vm);
    return rc < 0 ? -1 : virDomainObjCheckActive(vm);
}

static int
qbjVmMediaRecord(virDomainObj *vm, virDomainDiskDef *wanted)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK, .data.disk = wanted };

    if (priv->status->plug || priv->status->medium) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("what became of the last device that was plugged in is not known yet"));
        return -1;
    }
    if (!(priv->status->medium = qbjVmDefFormatDevice(&dev, priv->driver->xmlopt, QBJ_STATUS_FORMAT_FLAGS)))
        return -1;
    if (qbjDomainSaveStatus(vm) == 0)
        return 0;
    g_clear_pointer(&priv->status->medium, g_free);
    return -1;
}

static void
qbjVmMediaForget(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (!status || !virDomainObjIsActive(vm))
        return;
    g_clear_pointer(&status->medium, g_free);
    qbjDomainSaveStatusOrWarn(vm);
}

/* --- what has become of it ------------------------------------------------------------------------- */

/* The medium of @wanted is in. Returns 0, -1 with an error reported. */
static int
qbjVmMediaForward(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted)
{
    virStorageSource *old = disk->src;

    virDomainAuditDisk(vm, old, wanted->src, "update", true);
    disk->src = wanted->src;
    wanted->src = old;
    if (qbjVmMediaDrop(vm, old) < 0) {
        wanted->src = disk->src;        /* so that it is tried again */
        disk->src = old;
        return -1;
    }
    qbjVmMediaForget(vm);
    return 0;
}

/* The name of the node that is in the drive, "" for none. NULL with an error reported. */
static char *
qbjVmMediaAsk(virDomainObj *vm, const virDomainDiskDef *disk)
{
    g_autoptr(qbjVmAsk) ask = qbjVmAskNow(vm, QBJ_VM_ASK(BLOCK));
    virJSONValue *entry = ask ? qbjVmBlockEntry(qbjVmAskGet(ask, QBJ_VM_ASK_BLOCK), disk) : NULL;
    virJSONValue *inserted = entry ? virJSONValueObjectGetObject(entry, "inserted") : NULL;

    if (!ask)
        return NULL;
    if (!entry) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU does not tell what is in drive '%s'"), disk->dst);
        return NULL;
    }
    return g_strdup(inserted ? NULLSTR_EMPTY(virJSONValueObjectGetString(inserted, "node-name")) : "");
}

static int
qbjVmMediaPutBack(virDomainObj *vm, virDomainDiskDef *disk)
{
    bool locked;

    if (qbjVmMediaHasTray(disk) && qbjVmMediaOpen(vm, disk, true, &locked) < 0)
        return -1;
    return qbjVmMediaPutIn(vm, disk, disk->src, true);
}

static int
qbjVmMediaClose(virDomainObj *vm, virDomainDiskDef *disk)
{
    return qbjVmMediaHasTray(disk) && disk->tray_status == VIR_DOMAIN_DISK_TRAY_OPEN
               ? qbjVmMediaCall(vm, disk, "blockdev-close-tray") : 0;
}

/* The new medium is not, or with the drive no more. */
static int
qbjVmMediaBack(virDomainObj *vm, virDomainDiskDef *wanted)
{
    if (qbjVmMediaDrop(vm, wanted->src) < 0)
        return -1;
    qbjVmConfigNextForget(vm);
    qbjVmMediaForget(vm);
    return 0;
}

static bool
qbjVmMediaIsRecorded(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status && status->medium;
}

/* @disk may have gone, before or meanwhile: events are handled. */
static int
qbjVmMediaSettle(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted)
{
    int domainId = vm->def->id;
    bool recorded = qbjVmMediaIsRecorded(vm);
    bool there = qbjVmMediaIsThere(vm, domainId, disk);
    g_autofree char *in = there ? qbjVmMediaAsk(vm, disk) : NULL;

    if (there && !in)
        return -1;
    qbjDomainQueueDrain(vm);            /* what the tray has done is in it */
    if (vm->def->id != domainId || (recorded && !qbjVmMediaIsRecorded(vm)))
        return 0;                       /* ended, or settled by one of the events */
    if (!qbjVmMediaIsThere(vm, domainId, disk))
        return qbjVmMediaBack(vm, wanted);
    if (qbjVmMediaClose(vm, disk) < 0)
        return -1;
    if (STREQ(in, NULLSTR_EMPTY(wanted->src->nodeformat)))
        return qbjVmMediaForward(vm, disk, wanted);
    /* 09/H3.10 D: the old one is put back */
    if (!*in && !virStorageSourceIsEmpty(disk->src) && qbjVmMediaPutBack(vm, disk) < 0)
        return -1;
    return qbjVmMediaBack(vm, wanted);
}

static void
qbjVmMediaSettleOrLater(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted)
{
    if (qbjVmMediaSettle(vm, disk, wanted) == 0)
        return;
    VIR_WARN("The change of the medium in '%s' of domain '%s' is not settled yet: %s", wanted->dst, vm->def->name,
             virGetLastErrorMessage());
    virResetLastError();
    qbjVmPlugLater(vm);
}

static virDomainDiskDef *
qbjVmMediaRead(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    return virDomainDiskDefParse(priv->status->medium, priv->driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
}

void
qbjVmMediaResume(virDomainObj *vm)
{
    g_autoptr(virDomainDiskDef) wanted = NULL;
    virDomainDiskDef *disk;

    if (!QBJ_DOMAIN_PRIVATE(vm)->status->medium || QBJ_DOMAIN_PRIVATE(vm)->plugging)
        return;
    if ((wanted = qbjVmMediaRead(vm)) && (disk = virDomainDiskByTarget(vm->def, wanted->dst))) {
        qbjVmMediaSettleOrLater(vm, disk, wanted);
        return;
    }
    VIR_WARN("A medium that was being changed in domain '%s' cannot be read", vm->def->name);
    virResetLastError();
    qbjVmMediaForget(vm);
}

void
qbjVmMediaRestoreLabels(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(virDomainDiskDef) wanted = priv->status->medium ? qbjVmMediaRead(vm) : NULL;

    if (wanted && qbjHostLabelMayBeSet(wanted->src))
        ignore_value(qbjHostLabelRestoreChain(priv->driver->security, vm->def, wanted->src));
    virResetLastError();
}

/* --- the change ------------------------------------------------------------------------------------ */

/* The new nodes are made before the tray is opened: most of what can fail fails here. */
static int
qbjVmMediaExchange(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, const GPtrArray *nodes,
                   bool force)
{
    bool unknown = false;

    if (qbjVmMediaLabel(vm, wanted->src) < 0)
        return -1;
    if (qbjVmPlugRun(vm, nodes, &unknown) < 0) {
        qbjEngineInUseExplain(vm, wanted->dst, wanted->src);
        return -1;
    }
    if (qbjVmMediaOpenTray(vm, disk, force) < 0 || qbjVmMediaTakeOut(vm, disk, force) < 0)
        return -1;
    return qbjVmMediaPutIn(vm, disk, wanted->src, force);
}

static GPtrArray *
qbjVmMediaNodes(virDomainObj *vm, virDomainDiskDef *wanted)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(GHashTable) secrets = qbjHostSecretsNew();
    qbjVmArgsInput input = {
        .def = vm->def,
        .caps = qbjVmCapsGet(priv->driver->caps, vm->def->emulator),
        .secrets = secrets,
        .monitorFd = -1,
    };

    if (qbjVmPlugImages(vm, wanted, secrets) < 0)
        return NULL;
    if (virStorageSourceIsEmpty(wanted->src))
        return g_ptr_array_new();
    input.libDir = priv->status->libDir;
    return qbjVmArgsPlugMedium(&input, wanted);
}

/* What is recorded becomes true, or is taken back. */
static int
qbjVmMediaCarryOut(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, const GPtrArray *nodes,
                   bool force)
{
    const virStorageSource *old = disk->src;
    int domainId = vm->def->id;
    virErrorPtr reason;

    if (qbjVmMediaExchange(vm, disk, wanted, nodes, force) == 0) {
        if (qbjVmMediaForward(vm, disk, wanted) < 0) {
            virResetLastError();
            qbjVmPlugLater(vm);
        }
        return 0;
    }
    virErrorPreserveLast(&reason);
    if (qbjVmMediaIsThere(vm, domainId, disk))
        virDomainAuditDisk(vm, disk->src, wanted->src, "update", false);
    if (vm->def->id == domainId)
        qbjVmMediaSettleOrLater(vm, disk, wanted);
    if (qbjVmMediaIsThere(vm, domainId, disk) && disk->src != old) {    /* it is in, after all */
        virFreeError(reason);
        virResetLastError();
        return 0;
    }
    virErrorRestore(&reason);
    return -1;
}

int
qbjVmMediaChange(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, bool force)
{
    g_autoptr(GPtrArray) nodes = qbjVmMediaNodes(vm, wanted);
    int rc;

    if (!nodes || qbjVmMediaRecord(vm, wanted) < 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->plugging = true;
    rc = qbjVmMediaCarryOut(vm, disk, wanted, nodes, force);
    QBJ_DOMAIN_PRIVATE(vm)->plugging = false;
    return rc;
}
