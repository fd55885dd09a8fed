/* The -device of a disk: driver and place by its bus, then what all drivers take alike. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "virstring.h"
#include "vm_args_disk.h"
#include "vm_disk.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static qbjVmArgsVirtioForm
qbjVmArgsDiskForm(const virDomainDiskDef *disk)
{
    if (disk->model == VIR_DOMAIN_DISK_MODEL_VIRTIO_TRANSITIONAL)
        return QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
    if (disk->model == VIR_DOMAIN_DISK_MODEL_VIRTIO_NON_TRANSITIONAL)
        return QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;

    return QBJ_VM_ARGS_VIRTIO_BOTH;
}

static int
qbjVmArgsAddVirtioBlk(virJSONValue **props, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    g_autofree char *driver = qbjVmArgsVirtioDriver("virtio-blk", qbjVmArgsDiskForm(disk));

    if (virJSONValueObjectAdd(props, "s:driver", driver, NULL) < 0 ||
        qbjVmArgsAddIOThread(props, disk->iothread) < 0 ||
        qbjVmArgsAddVirtioOptions(props, disk->virtio) < 0 ||
        virJSONValueObjectAdd(props,
                              "T:ioeventfd", disk->ioeventfd,
                              "T:event_idx", disk->event_idx,
                              "p:num-queues", disk->queues,
                              "p:queue-size", disk->queue_size,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddAddress(props, input->def, &disk->info);
}

static const char *
qbjVmArgsScsiDriver(const virDomainDiskDef *disk)
{
    switch (disk->device) {
    case VIR_DOMAIN_DISK_DEVICE_LUN:
        return "scsi-block";
    case VIR_DOMAIN_DISK_DEVICE_CDROM:
        return "scsi-cd";
    case VIR_DOMAIN_DISK_DEVICE_DISK:
    case VIR_DOMAIN_DISK_DEVICE_FLOPPY:
    case VIR_DOMAIN_DISK_DEVICE_LAST:
    default:
        return "scsi-hd";
    }
}

/* Without a name of its own, a guest that lists disks by identification page would see none. A passed
 * through device has its own. */
static int
qbjVmArgsAddScsiName(virJSONValue **props, const virDomainDiskDef *disk)
{
    g_autofree char *name = NULL;

    if (disk->device == VIR_DOMAIN_DISK_DEVICE_LUN)
        return 0;

    name = disk->serial ? g_strdup(disk->serial) : g_strdup_printf("drive-%s", disk->info.alias);
    return virJSONValueObjectAdd(props, "s:device_id", name, NULL);
}

static int
qbjVmArgsAddScsi(virJSONValue **props, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    const virDomainDeviceDriveAddress *drive = &disk->info.addr.drive;
    const virDomainControllerDef *controller =
        qbjVmArgsFindController(input->def, VIR_DOMAIN_CONTROLLER_TYPE_SCSI, drive->controller);
    g_autofree char *bus = NULL;
    int rc;

    if (!controller)
        return -1;

    bus = g_strdup_printf("%s.0", controller->info.alias);
    if (virJSONValueObjectAdd(props, "s:driver", qbjVmArgsScsiDriver(disk), "s:bus", bus, NULL) < 0)
        return -1;

    if (qbjVmDiskIsNarrowScsi(controller->model)) {
        rc = virJSONValueObjectAdd(props, "u:scsi-id", drive->unit, NULL);
    } else {
        rc = virJSONValueObjectAdd(props,
                                   "u:channel", drive->bus,
                                   "u:scsi-id", drive->target,
                                   "u:lun", drive->unit,
                                   NULL);
    }

    return rc < 0 ? -1 : qbjVmArgsAddScsiName(props, disk);
}

static const char *
qbjVmArgsAtaDriver(const virDomainDiskDef *disk)
{
    return disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM ? "ide-cd" : "ide-hd";
}

static int
qbjVmArgsAddIde(virJSONValue **props, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    const virDomainDeviceDriveAddress *drive = &disk->info.addr.drive;
    const virDomainControllerDef *controller =
        qbjVmArgsFindController(input->def, VIR_DOMAIN_CONTROLLER_TYPE_IDE, drive->controller);
    g_autofree char *bus = NULL;

    if (!controller)
        return -1;

    bus = g_strdup_printf("%s.%u", controller->info.alias, drive->bus);
    return virJSONValueObjectAdd(props,
                                 "s:driver", qbjVmArgsAtaDriver(disk),
                                 "s:bus", bus,
                                 "u:unit", drive->unit,
                                 NULL);
}

/* One disk to a bus: a port of the controller. */
static int
qbjVmArgsAddSata(virJSONValue **props, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    const virDomainDeviceDriveAddress *drive = &disk->info.addr.drive;
    const virDomainControllerDef *controller =
        qbjVmArgsFindController(input->def, VIR_DOMAIN_CONTROLLER_TYPE_SATA, drive->controller);
    g_autofree char *bus = NULL;

    if (!controller)
        return -1;

    bus = g_strdup_printf("%s.%u", controller->info.alias, drive->unit);
    return virJSONValueObjectAdd(props, "s:driver", qbjVmArgsAtaDriver(disk), "s:bus", bus, NULL);
}

static int
qbjVmArgsAddDiskBus(virJSONValue **props, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    switch (disk->bus) {
    case VIR_DOMAIN_DISK_BUS_VIRTIO:
        return qbjVmArgsAddVirtioBlk(props, input, disk);
    case VIR_DOMAIN_DISK_BUS_SCSI:
        return qbjVmArgsAddScsi(props, input, disk);
    case VIR_DOMAIN_DISK_BUS_IDE:
        return qbjVmArgsAddIde(props, input, disk);
    case VIR_DOMAIN_DISK_BUS_SATA:
        return qbjVmArgsAddSata(props, input, disk);
    case VIR_DOMAIN_DISK_BUS_USB:
        if (virJSONValueObjectAdd(props, "s:driver", "usb-storage", NULL) < 0)
            return -1;
        return qbjVmArgsAddAddress(props, input->def, &disk->info);
    case VIR_DOMAIN_DISK_BUS_FDC:
        return virJSONValueObjectAdd(props,
                                     "s:driver", "floppy",
                                     "u:unit", disk->info.addr.drive.unit,
                                     NULL);
    case VIR_DOMAIN_DISK_BUS_NONE:
    case VIR_DOMAIN_DISK_BUS_XEN:
    case VIR_DOMAIN_DISK_BUS_UML:
    case VIR_DOMAIN_DISK_BUS_SD:
    case VIR_DOMAIN_DISK_BUS_LAST:
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This setting of '%s' is not supported for disk '%s'."),
                       "bus", disk->dst);
        return -1;
    }
}

/* Whether the guest sees a volatile write cache; without a cache mode QEMU's default stands. */
static const char *
qbjVmArgsWriteCache(const virDomainDiskDef *disk)
{
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_LUN)
        return NULL;

    switch (disk->cachemode) {
    case VIR_DOMAIN_DISK_CACHE_DISABLE:
    case VIR_DOMAIN_DISK_CACHE_WRITEBACK:
    case VIR_DOMAIN_DISK_CACHE_UNSAFE:
        return "on";
    case VIR_DOMAIN_DISK_CACHE_WRITETHRU:
    case VIR_DOMAIN_DISK_CACHE_DIRECTSYNC:
        return "off";
    case VIR_DOMAIN_DISK_CACHE_DEFAULT:
    case VIR_DOMAIN_DISK_CACHE_LAST:
    default:
        return NULL;
    }
}

static const char *
qbjVmArgsErrorPolicy(virDomainDiskErrorPolicy policy)
{
    if (policy == VIR_DOMAIN_DISK_ERROR_POLICY_DEFAULT)
        return NULL;
    if (policy == VIR_DOMAIN_DISK_ERROR_POLICY_ENOSPACE)
        return "enospc";

    return virDomainDiskErrorPolicyTypeToString(policy);
}

/* The policy for reads, which has no "enospace" and follows the one for writes when it is not given. */
static const char *
qbjVmArgsReadErrorPolicy(const virDomainDiskDef *disk)
{
    if (disk->rerror_policy != VIR_DOMAIN_DISK_ERROR_POLICY_DEFAULT)
        return qbjVmArgsErrorPolicy(disk->rerror_policy);
    if (disk->error_policy == VIR_DOMAIN_DISK_ERROR_POLICY_ENOSPACE)
        return NULL;

    return qbjVmArgsErrorPolicy(disk->error_policy);
}

/* The image's node, or the filter above it; NULL for a drive without medium. */
static const char *
qbjVmArgsDriveNode(const virDomainDiskDef *disk)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);

    if (virStorageSourceIsEmpty(disk->src))
        return NULL;

    return priv && priv->nodeCopyOnRead ? priv->nodeCopyOnRead : disk->src->nodeformat;
}

/* The boot order of floppies is a property of their controller (vm_args_controller.c). */
static unsigned int
qbjVmArgsDiskBootIndex(const virDomainDef *def, const virDomainDiskDef *disk)
{
    return disk->bus == VIR_DOMAIN_DISK_BUS_FDC ? 0 : qbjVmArgsBootIndex(def, disk);
}

static int
qbjVmArgsAddDiskIdentity(virJSONValue **props, const virDomainDiskDef *disk)
{
    unsigned long long wwn = 0;
    virTristateSwitch removable = VIR_TRISTATE_SWITCH_ABSENT;

    if (disk->wwn && virStrToLong_ullp(disk->wwn, NULL, 16, &wwn) < 0) {
        virReportError(VIR_ERR_XML_ERROR, _("The wwn '%s' of disk '%s' is not a number."), disk->wwn, disk->dst);
        return -1;
    }

    /* QEMU's own default would be to tell the guest so for every stick; stock says no unless asked */
    if (disk->bus == VIR_DOMAIN_DISK_BUS_USB)
        removable = disk->removable == VIR_TRISTATE_SWITCH_ON ? VIR_TRISTATE_SWITCH_ON : VIR_TRISTATE_SWITCH_OFF;

    return virJSONValueObjectAdd(props,
                                 "P:wwn", wwn,
                                 "p:rotation_rate", disk->rotation_rate,
                                 "S:vendor", disk->vendor,
                                 "S:product", disk->product,
                                 "T:removable", removable,
                                 NULL);
}

static int
qbjVmArgsAddDiskRest(virJSONValue **props, const virDomainDiskDef *disk)
{
    const char *trans = NULL;

    if (disk->geometry.trans != VIR_DOMAIN_DISK_TRANS_DEFAULT)
        trans = virDomainDiskGeometryTransTypeToString(disk->geometry.trans);

    return virJSONValueObjectAdd(props,
                                 "S:write-cache", qbjVmArgsWriteCache(disk),
                                 "p:cyls", disk->geometry.cylinders,
                                 "p:heads", disk->geometry.heads,
                                 "p:secs", disk->geometry.sectors,
                                 "S:bios-chs-trans", trans,
                                 "S:serial", disk->serial,
                                 "S:werror", qbjVmArgsErrorPolicy(disk->error_policy),
                                 "S:rerror", qbjVmArgsReadErrorPolicy(disk),
                                 NULL);
}

int
qbjVmArgsAddDiskDevice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    g_autoptr(virJSONValue) props = NULL;

    if (qbjVmArgsAddDiskBus(&props, input, disk) < 0)
        return -1;

    if (virJSONValueObjectAdd(&props,
                              "B:share-rw", disk->src->shared,
                              "S:drive", qbjVmArgsDriveNode(disk),
                              "s:id", disk->info.alias,
                              "p:bootindex", qbjVmArgsDiskBootIndex(input->def, disk),
                              "p:logical_block_size", disk->blockio.logical_block_size,
                              "p:physical_block_size", disk->blockio.physical_block_size,
                              NULL) < 0 ||
        qbjVmArgsAddDiskIdentity(&props, disk) < 0 ||
        qbjVmArgsAddDiskRest(&props, disk) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}
