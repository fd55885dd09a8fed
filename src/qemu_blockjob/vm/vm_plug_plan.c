#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "vm_addr.h"
#include "vm_def.h"
#include "vm_plug_plan.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjVmPlugPlanClear(qbjVmPlugPlan *plan)
{
    g_clear_pointer(&plan->controllers, g_ptr_array_unref);
    g_clear_pointer(&plan->nodes, g_ptr_array_unref);
    g_clear_pointer(&plan->devices, g_ptr_array_unref);
    g_clear_pointer(&plan->made, g_ptr_array_unref);
}

/* --- what may be ----------------------------------------------------------------------------------- */

static int
qbjVmPlugCheckBus(const virDomainDiskDef *disk)
{
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("floppy device hotplug isn't supported"));
        return -1;
    }
    if (disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO || disk->bus == VIR_DOMAIN_DISK_BUS_SCSI ||
        disk->bus == VIR_DOMAIN_DISK_BUS_USB)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("disk bus '%s' cannot be hotplugged"),
                   virDomainDiskBusTypeToString(disk->bus));
    return -1;
}

static int
qbjVmPlugCheckDisk(virDomainDef *def, virDomainDiskDef *disk)
{
    size_t i;

    if (qbjVmPlugCheckBus(disk) < 0)
        return -1;
    for (i = 0; i < def->ndisks; i++) {
        if (virDomainDiskDefCheckDuplicateInfo(def->disks[i], disk) < 0)
            return -1;
    }
    if (disk->device != VIR_DOMAIN_DISK_DEVICE_CDROM && virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_NO_SOURCE, _("missing source information for device %s"), disk->dst);
        return -1;
    }
    /* one on PCI or USB is found to be in use when it is taken */
    if (disk->bus == VIR_DOMAIN_DISK_BUS_SCSI && virDomainDefHasDeviceAddress(def, &disk->info)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("Domain already contains a disk with that address"));
        return -1;
    }
    return 0;
}

/* A board's own keyboard and mouse are no devices of QEMU's. */
static int
qbjVmPlugCheckInput(const virDomainInputDef *input)
{
    if (input->bus == VIR_DOMAIN_INPUT_BUS_USB || input->bus == VIR_DOMAIN_INPUT_BUS_VIRTIO)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("input device on bus '%s' cannot be hot plugged."),
                   virDomainInputBusTypeToString(input->bus));
    return -1;
}

/* One that the client has not numbered gets the next number. */
static void
qbjVmPlugNumberController(const virDomainDef *def, virDomainControllerDef *controller)
{
    if (controller->idx >= 0)
        return;
    for (controller->idx = 0; virDomainControllerFind(def, controller->type, controller->idx) >= 0;)
        controller->idx++;
}

static int
qbjVmPlugCheckController(const virDomainDef *def, virDomainControllerDef *controller)
{
    if (controller->type != VIR_DOMAIN_CONTROLLER_TYPE_SCSI) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' controller cannot be hot plugged."),
                       virDomainControllerTypeToString(controller->type));
        return -1;
    }
    qbjVmPlugNumberController(def, controller);
    if (virDomainControllerFind(def, controller->type, controller->idx) >= 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("target %s:%d already exists"),
                       virDomainControllerTypeToString(controller->type), controller->idx);
        return -1;
    }
    return 0;
}

static int
qbjVmPlugCheckKind(virDomainDef *def, virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmPlugCheckDisk(def, dev->data.disk);
    case VIR_DOMAIN_DEVICE_INPUT:
        return qbjVmPlugCheckInput(dev->data.input);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmPlugCheckController(def, dev->data.controller);
    case VIR_DOMAIN_DEVICE_RNG:
        return 0;
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged by this driver"),
                       virDomainDeviceTypeToString(dev->type));
        return -1;
    }
}

/* One that a user has given; the others are given later. */
static int
qbjVmPlugCheckAlias(virDomainDef *def, virDomainDeviceDef *dev)
{
    const virDomainDeviceInfo *info = virDomainDeviceGetInfo(dev);
    virDomainDeviceDef other = { .type = VIR_DOMAIN_DEVICE_NONE };

    if (!info || !info->alias || virDomainDefFindDevice(def, info->alias, &other, false) < 0)
        return 0;
    virReportError(VIR_ERR_XML_ERROR, _("non unique alias detected: %s"), info->alias);
    return -1;
}

int
qbjVmPlugCheck(virDomainDef *def, virDomainDeviceDef *dev)
{
    if (qbjVmPlugCheckKind(def, dev) < 0 || qbjVmPlugCheckAlias(def, dev) < 0)
        return -1;
    return virDomainDefCompatibleDevice(def, dev, NULL, VIR_DOMAIN_DEVICE_ACTION_ATTACH, true);
}

/* --- the plan -------------------------------------------------------------------------------------- */

/* A new controller is of the kind that the guest has a driver for. */
static int
qbjVmPlugScsiModel(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_SCSI)
            return def->controllers[i]->model;
    }
    return VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSILOGIC;
}

/* The device_add is the last command of each device. */
static int
qbjVmPlugPlanCommands(const qbjVmArgsInput *input, const virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    GPtrArray *commands = qbjVmArgsPlug(input, dev);
    size_t i;

    if (!commands)
        return -1;
    g_ptr_array_add(plan->made, commands);
    for (i = 0; i < commands->len; i++)
        g_ptr_array_add(i + 1 == commands->len ? plan->devices : plan->nodes, g_ptr_array_index(commands, i));
    return 0;
}

/* It is in @def until qbjVmPlugTakeControllers(). */
static int
qbjVmPlugAddController(const qbjVmArgsInput *input, virDomainDef *def, unsigned int idx, qbjVmPlugPlan *plan)
{
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_CONTROLLER };

    dev.data.controller = virDomainControllerDefNew(VIR_DOMAIN_CONTROLLER_TYPE_SCSI);
    g_ptr_array_add(plan->controllers, dev.data.controller);
    dev.data.controller->idx = idx;
    dev.data.controller->model = qbjVmPlugScsiModel(def);
    if (qbjVmAddrPlug(def, &dev) < 0 || qbjVmDefAssignAlias(def, &dev) < 0 ||
        qbjVmPlugPlanCommands(input, &dev, plan) < 0)
        return -1;
    virDomainControllerInsert(def, dev.data.controller);
    return 0;
}

static int
qbjVmPlugAddControllers(const qbjVmArgsInput *input, virDomainDef *def, const virDomainDiskDef *disk,
                        qbjVmPlugPlan *plan)
{
    unsigned int idx;

    if (disk->bus != VIR_DOMAIN_DISK_BUS_SCSI)
        return 0;
    for (idx = 0; idx <= disk->info.addr.drive.controller; idx++) {
        if (virDomainControllerFind(def, VIR_DOMAIN_CONTROLLER_TYPE_SCSI, idx) < 0 &&
            qbjVmPlugAddController(input, def, idx, plan) < 0)
            return -1;
    }
    return 0;
}

static void
qbjVmPlugTakeControllers(virDomainDef *def, const qbjVmPlugPlan *plan)
{
    size_t i;
    size_t j;

    for (i = 0; i < plan->controllers->len; i++) {
        for (j = def->ncontrollers; j > 0; j--) {
            if (def->controllers[j - 1] == g_ptr_array_index(plan->controllers, i))
                virDomainControllerRemove(def, j - 1);
        }
    }
}

static int
qbjVmPlugPlanDevice(const qbjVmArgsInput *input, virDomainDef *def, virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    if ((dev->type == VIR_DOMAIN_DEVICE_DISK && qbjVmPlugAddControllers(input, def, dev->data.disk, plan) < 0) ||
        qbjVmAddrPlug(def, dev) < 0 || qbjVmDefAssignAlias(def, dev) < 0)
        return -1;
    return qbjVmPlugPlanCommands(input, dev, plan);
}

int
qbjVmPlugPlanMake(const qbjVmArgsInput *input, virDomainDef *def, virDomainDeviceDef *dev, qbjVmPlugPlan *plan)
{
    int rc;

    plan->controllers = g_ptr_array_new_with_free_func((GDestroyNotify) virDomainControllerDefFree);
    plan->nodes = g_ptr_array_new();
    plan->devices = g_ptr_array_new();
    plan->made = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
    rc = qbjVmPlugPlanDevice(input, def, dev, plan);
    qbjVmPlugTakeControllers(def, plan);
    return rc;
}

/* --- what is taken away ---------------------------------------------------------------------------- */

static void
qbjVmPlugRemove(GPtrArray *commands, const char *execute, const char *key, const char *name)
{
    g_autofree char *field = g_strdup_printf("s:%s", key);
    qbjVmArgsPlugged *one;

    if (!name)
        return;
    one = g_new0(qbjVmArgsPlugged, 1);
    one->execute = execute;
    ignore_value(virJSONValueObjectAdd(&one->arguments, field, name, NULL));
    g_ptr_array_add(commands, one);
}

static void
qbjVmPlugRemoveSecrets(GPtrArray *commands, const virStorageSource *src)
{
    virQbjStoragePrivate *priv = (virQbjStoragePrivate *) src->privateData;
    size_t i;

    for (i = 0; priv && i < VIR_QBJ_SECRET_LAST; i++)
        qbjVmPlugRemove(commands, "object-del", "id", priv->secretAlias[i]);
}

static void
qbjVmPlugRemoveChain(GPtrArray *commands, const virStorageSource *top)
{
    const virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src) && src->nodeformat; src = src->backingStore) {
        qbjVmPlugRemove(commands, "blockdev-del", "node-name", src->nodeformat);
        if (src->sliceStorage)
            qbjVmPlugRemove(commands, "blockdev-del", "node-name", src->sliceStorage->nodename);
        qbjVmPlugRemove(commands, "blockdev-del", "node-name", src->nodestorage);
        qbjVmPlugRemoveSecrets(commands, src);
    }
}

static GPtrArray *
qbjVmPlugRemovals(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify) qbjVmArgsPluggedFree);
}

GPtrArray *
qbjVmPlugPlanRemoveImages(const virStorageSource *top)
{
    GPtrArray *commands = qbjVmPlugRemovals();

    qbjVmPlugRemoveChain(commands, top);
    return commands;
}

GPtrArray *
qbjVmPlugPlanRemoval(const virDomainDeviceDef *dev)
{
    GPtrArray *commands = qbjVmPlugRemovals();

    if (dev->type == VIR_DOMAIN_DEVICE_DISK) {
        virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(dev->data.disk);

        qbjVmPlugRemove(commands, "blockdev-del", "node-name", priv ? priv->nodeCopyOnRead : NULL);
        qbjVmPlugRemoveChain(commands, dev->data.disk->src);
    } else if (dev->type == VIR_DOMAIN_DEVICE_RNG) {
        g_autofree char *object = g_strdup_printf("obj%s", dev->data.rng->info.alias);

        qbjVmPlugRemove(commands, "object-del", "id", object);
    }
    return commands;
}
