#include <config.h>

#include "internal.h"
#include "vm_plug.h"
#include "vm_bitmaps.h"
#include "vm_confignext.h"
#include "vm_disks.h"
#include "vm_iotune.h"
#include "vm_plug_plan.h"
#include "vm_plug_record.h"
#include "vm_unplug.h"
#include "blocknode.h"
#include "domain_audit.h"
#include "domain_event.h"
#include "domain_qmp.h"
#include "domain_save.h"
#include "engine_inuse.h"
#include "engine_job.h"
#include "host_label.h"
#include "host_secret.h"
#include "viralloc.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virsecureerase.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_plug");

/* --- before anything is done ----------------------------------------------------------------------- */

static int
qbjVmPlugSecrets(virStorageSource *top, const char *libDir, GHashTable *secrets)
{
    uint8_t key[QBJ_HOST_KEY_LEN] = { 0 };
    int rc = -1;

    if (!qbjHostSecretsNeeded(top))
        return 0;
    if (qbjHostSecretReadKey(libDir, key) == 0)
        rc = qbjHostSecretsAdd(top, key, secrets);
    virSecureErase(key, sizeof(key));
    return rc;
}

/* Which bitmaps there are is asked of QEMU, and must not be while a disk is being pulled (protocol H3). */
static int
qbjVmPlugBitmaps(virDomainObj *vm, bool possible)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (possible && qbjEngineJobPulls(vm)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("adding an image that may have dirty bitmaps is not supported beside a pull"));
        return -1;
    }
    status->mayHaveBitmaps = status->mayHaveBitmaps || possible;
    return 0;
}

int
qbjVmPlugImages(virDomainObj *vm, virDomainDiskDef *disk, GHashTable *secrets)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *libDir = g_strdup(priv->status->libDir);
    bool bitmaps = false;
    int rc;

    /* nobody else knows @disk yet, and its storage may hang */
    virObjectUnlock(vm);
    if ((rc = qbjVmDisksProbe(disk, priv->driver->conf)) == 0)
        bitmaps = qbjVmBitmapsPossible(disk->src);
    virObjectLock(vm);
    if (rc < 0 || virDomainObjCheckActive(vm) < 0 || qbjVmPlugBitmaps(vm, bitmaps) < 0)
        return -1;

    qbjVmDisksNumber(disk, priv->status);
    virObjectUnlock(vm);
    rc = qbjVmPlugSecrets(disk->src, libDir, secrets);
    virObjectLock(vm);
    return rc < 0 ? -1 : virDomainObjCheckActive(vm);
}

static int
qbjVmPlugPrepare(virDomainObj *vm, virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(GHashTable) secrets = qbjHostSecretsNew();
    qbjVmArgsInput input = {
        .def = vm->def,
        .caps = qbjVmCapsGet(priv->driver->caps, vm->def->emulator),
        .secrets = secrets,
        .monitorFd = -1,
    };

    if (qbjVmPlugCheck(vm->def, dev) < 0 ||
        (dev->type == VIR_DOMAIN_DEVICE_DISK && qbjVmPlugImages(vm, dev->data.disk, secrets) < 0))
        return -1;
    input.libDir = priv->status->libDir;
    return qbjVmPlugPlanMake(&input, vm->def, dev, plan);
}

/* The controllers, then @dev. */
static int
qbjVmPlugRecordAll(virDomainObj *vm, virDomainDeviceDef *dev, const qbjVmPlugPlan *plan)
{
    size_t n = plan->controllers->len;
    g_autofree virDomainDeviceDef *all = g_new0(virDomainDeviceDef, n + 1);
    size_t i;

    for (i = 0; i < n; i++) {
        all[i].type = VIR_DOMAIN_DEVICE_CONTROLLER;
        all[i].data.controller = g_ptr_array_index(plan->controllers, i);
    }
    all[n] = *dev;
    return qbjVmPlugRecord(vm, all, n + 1);
}

/* --- doing it -------------------------------------------------------------------------------------- */

int
qbjVmPlugRun(virDomainObj *vm, const GPtrArray *commands, bool *unknown)
{
    g_autofree qbjQmpCommand *run = g_new0(qbjQmpCommand, commands->len + 1);
    size_t n = commands->len;
    size_t i;
    int rc;

    if (n == 0)
        return 0;
    for (i = 0; i < n; i++) {
        const qbjVmArgsPlugged *one = g_ptr_array_index(commands, i);

        run[i].execute = one->execute;
        run[i].arguments = one->arguments;
    }
    if ((rc = qbjDomainQmpRun(vm, run, n)) < 0)
        *unknown = true;
    else
        rc = qbjQmpReportFirst(run, n);
    for (i = 0; i < n; i++)
        qbjQmpCommandClear(&run[i]);
    return rc;
}

static int
qbjVmPlugLabel(virDomainObj *vm, virDomainDeviceDef *dev)
{
    virSecurityManager *security = QBJ_DOMAIN_PRIVATE(vm)->driver->security;
    int rc;

    if (dev->type != VIR_DOMAIN_DEVICE_DISK)
        return 0;
    if (virQbjFaultHit("plug-label")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: no label was set");
        return -1;
    }
    virObjectUnlock(vm);                /* the job keeps the definition as it is */
    rc = qbjHostLabelChain(security, vm->def, dev->data.disk->src);
    virObjectLock(vm);
    return rc < 0 ? -1 : virDomainObjCheckActive(vm);
}

static int
qbjVmPlugLimits(virDomainObj *vm, virDomainDeviceDef *dev)
{
    if (dev->type != VIR_DOMAIN_DEVICE_DISK || !virDomainBlockIoTuneInfoHasAny(&dev->data.disk->blkdeviotune))
        return 0;
    return qbjVmIoTuneSet(vm, dev->data.disk, &dev->data.disk->blkdeviotune);
}

/* What is known of how far it came. */
typedef struct _qbjVmPlugState qbjVmPlugState;
struct _qbjVmPlugState {
    bool unknown;               /* QEMU has not answered */
    size_t plugged;             /* devices of the plan that it has */
};

/* In one write, where nothing has to be taken back from the guest when a node cannot be made. */
static int
qbjVmPlugTogether(virDomainObj *vm, const qbjVmPlugPlan *plan, qbjVmPlugState *state)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    size_t i;

    for (i = 0; i < plan->nodes->len; i++)
        g_ptr_array_add(all, g_ptr_array_index(plan->nodes, i));
    g_ptr_array_add(all, g_ptr_array_index(plan->devices, 0));
    if (qbjVmPlugRun(vm, all, &state->unknown) < 0)
        return -1;
    state->plugged = 1;
    return 0;
}

static int
qbjVmPlugOneByOne(virDomainObj *vm, const qbjVmPlugPlan *plan, qbjVmPlugState *state)
{
    if (qbjVmPlugRun(vm, plan->nodes, &state->unknown) < 0)
        return -1;
    while (state->plugged < plan->devices->len) {
        g_autoptr(GPtrArray) one = g_ptr_array_new();

        g_ptr_array_add(one, g_ptr_array_index(plan->devices, state->plugged));
        if (qbjVmPlugRun(vm, one, &state->unknown) < 0)
            return -1;
        state->plugged++;
    }
    return 0;
}

static int
qbjVmPlugCarryOut(virDomainObj *vm, virDomainDeviceDef *dev, const qbjVmPlugPlan *plan, qbjVmPlugState *state)
{
    if (qbjVmPlugLabel(vm, dev) < 0)
        return -1;
    if ((plan->controllers->len == 0 ? qbjVmPlugTogether(vm, plan, state) : qbjVmPlugOneByOne(vm, plan, state)) < 0)
        return -1;
    return qbjVmPlugLimits(vm, dev);
}

/* --- what has become of it ------------------------------------------------------------------------- */

static void
qbjVmPlugInsertDisk(virDomainObj *vm, virDomainDiskDef *disk)
{
    virDomainDiskInsert(vm->def, disk);
    virDomainAuditDisk(vm, NULL, disk->src, "attach", true);
}

void
qbjVmPlugInsert(virDomainObj *vm, virDomainDeviceDef *dev, bool tell)
{
    g_autofree char *alias = g_strdup(virDomainDeviceGetInfo(dev)->alias);

    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        qbjVmPlugInsertDisk(vm, dev->data.disk);
        break;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        virDomainControllerInsert(vm->def, dev->data.controller);
        break;
    case VIR_DOMAIN_DEVICE_RNG:
        VIR_APPEND_ELEMENT(vm->def->rngs, vm->def->nrngs, dev->data.rng);
        break;
    case VIR_DOMAIN_DEVICE_INPUT:
        VIR_APPEND_ELEMENT(vm->def->inputs, vm->def->ninputs, dev->data.input);
        break;
    default:
        return;
    }
    dev->type = VIR_DOMAIN_DEVICE_NONE;         /* it is the definition's now */
    qbjVmPlugListAdd(vm, alias);
    if (tell)
        virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                                 virDomainEventDeviceAddedNewFromObj(vm, alias));
}

static void
qbjVmPlugInsertControllers(virDomainObj *vm, qbjVmPlugPlan *plan, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_CONTROLLER };

        dev.data.controller = g_steal_pointer(&g_ptr_array_index(plan->controllers, i));
        qbjVmPlugInsert(vm, &dev, false);       /* nobody has asked for it */
    }
}

static void
qbjVmPlugKeep(virDomainObj *vm, virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    qbjVmPlugInsertControllers(vm, plan, plan->controllers->len);
    qbjVmPlugInsert(vm, dev, true);
    qbjVmPlugForget(vm);
    /* a daemon that comes finds the record, and the device */
    qbjDomainSaveStatusOrWarn(vm);
}

/* Takes the devices that QEMU has back, the last one first. What the guest keeps is the definition's. Returns
 * -1 when that is @dev itself, or the domain has ended meanwhile: then there is nothing to take back, and
 * vm->def is the persistent one. */
static int
qbjVmPlugUndoDevices(virDomainObj *vm, virDomainDeviceDef *dev, qbjVmPlugPlan *plan, size_t plugged)
{
    size_t n = plan->controllers->len;
    int domainId = vm->def->id;

    if (plugged > n && qbjVmUnplugWithin(vm, virDomainDeviceGetInfo(dev)->alias, QBJ_VM_UNPLUG_MS) < 0) {
        if (vm->def->id != domainId)
            return -1;
        qbjVmPlugInsertControllers(vm, plan, n);
        qbjVmPlugInsert(vm, dev, true);
        return -1;
    }
    for (plugged = MIN(plugged, n); plugged > 0; plugged--) {
        virDomainControllerDef *controller = g_ptr_array_index(plan->controllers, plugged - 1);

        if (qbjVmUnplugWithin(vm, controller->info.alias, QBJ_VM_UNPLUG_MS) < 0) {
            if (vm->def->id != domainId)
                return -1;
            qbjVmPlugInsertControllers(vm, plan, plugged);
            break;
        }
    }
    return 0;
}

/* The record stays until all is done, for whoever comes then. */
static void
qbjVmPlugUndo(virDomainObj *vm, virDomainDeviceDef *dev, qbjVmPlugPlan *plan, const qbjVmPlugState *state)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (state->unknown) {
        qbjVmPlugLater(vm);
        return;
    }
    if (qbjVmPlugUndoDevices(vm, dev, plan, state->plugged) == 0) {
        if (qbjVmUnplugRemoval(vm, dev) < 0) {
            qbjVmPlugLater(vm);
            return;
        }
        qbjVmUnplugLabels(vm, dev);
    }
    if (!virDomainObjIsActive(vm) || !priv->status)
        return;
    qbjVmPlugForget(vm);
    qbjVmConfigNextForget(vm);
    qbjDomainSaveStatusOrWarn(vm);
}

/* What is recorded becomes true, or is taken back. */
static int
qbjVmPlugAttachRecorded(virDomainObj *vm, virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    qbjVmPlugState state = { 0 };
    virErrorPtr reason;

    if (qbjVmPlugCarryOut(vm, dev, plan, &state) == 0) {
        qbjVmPlugKeep(vm, dev, plan);
        return 0;
    }
    if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        qbjEngineInUseExplain(vm, dev->data.disk->dst, dev->data.disk->src);
    virErrorPreserveLast(&reason);
    if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        virDomainAuditDisk(vm, NULL, dev->data.disk->src, "attach", false);
    qbjVmPlugUndo(vm, dev, plan, &state);
    virErrorRestore(&reason);
    return -1;
}

int
qbjVmPlugAttach(virDomainObj *vm, virDomainDeviceDef *dev)
{
    g_auto(qbjVmPlugPlan) plan = { 0 };
    int rc;

    if (qbjVmPlugPrepare(vm, dev, &plan) < 0 || qbjVmPlugRecordAll(vm, dev, &plan) < 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->plugging = true;
    rc = qbjVmPlugAttachRecorded(vm, dev, &plan);
    QBJ_DOMAIN_PRIVATE(vm)->plugging = false;
    return rc;
}
