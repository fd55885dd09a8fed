/* Contradictions within one device. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The serial number goes to QEMU as it is; a sane one has no need for more. */
static int
qbjVmDefValidateSerial(const virDomainDiskDef *disk)
{
    if (disk->serial && strspn(disk->serial, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-_.+ ") != strlen(disk->serial)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("driver serial '%s' contains unsafe characters"), disk->serial);
        return -1;
    }

    return 0;
}

/* QEMU refuses native AIO on a file that is opened with the host's page cache. */
static int
qbjVmDefValidateIo(const virDomainDiskDef *disk)
{
    if (disk->iomode == VIR_DOMAIN_DISK_IO_NATIVE &&
        disk->cachemode != VIR_DOMAIN_DISK_CACHE_DEFAULT &&
        disk->cachemode != VIR_DOMAIN_DISK_CACHE_DISABLE &&
        disk->cachemode != VIR_DOMAIN_DISK_CACHE_DIRECTSYNC) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("io='native' needs either no disk cache or directsync cache mode"));
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateDisk(const virDomainDiskDef *disk)
{
    const char *driver = virDomainDiskGetDriver(disk);

    if (STRNEQ_NULLABLE(driver, "qemu")) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("unsupported driver name '%s' for disk '%s'"),
                       NULLSTR(driver), disk->dst);
        return -1;
    }

    if (disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO &&
        (disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM || disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("disk type of '%s' does not support ejectable media"),
                       disk->dst);
        return -1;
    }

    if (qbjVmDefValidateSerial(disk) < 0)
        return -1;

    return qbjVmDefValidateIo(disk);
}

static int
qbjVmDefValidatePCI(const virDomainControllerDef *controller, const virDomainDef *def)
{
    virDomainControllerModelPCI root = qbjVmMachineIsQ35(def->os.machine) ? VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT :
                                                                            VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT;

    if (controller->idx == 0 && controller->model != (int) root) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("The PCI controller with index='0' must be model='%s' for this machine type, but model='%s' "
                         "was found instead"),
                       virDomainControllerModelPCITypeToString(root),
                       virDomainControllerModelPCITypeToString(controller->model));
        return -1;
    }

    /* QEMU makes them in the order of their index */
    if (virDeviceInfoPCIAddressIsPresent(&controller->info) &&
        controller->info.addr.pci.bus >= (unsigned int) controller->idx) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("PCI controller at index %d (0x%02x) has bus='0x%02x', but index must be larger than bus"),
                       controller->idx, controller->idx, controller->info.addr.pci.bus);
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateController(const virDomainControllerDef *controller, const virDomainDef *def)
{
    bool q35 = qbjVmMachineIsQ35(def->os.machine);

    switch (controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_PCI:
        return qbjVmDefValidatePCI(controller, def);

    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        if (q35) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                           _("IDE controllers are unsupported for this QEMU binary or machine type"));
            return -1;
        }
        return 0;

    case VIR_DOMAIN_CONTROLLER_TYPE_SATA:
        if (!q35) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("SATA controllers are not supported by this driver on '%s'"),
                           def->os.machine);
            return -1;
        }
        return 0;

    default:
        return 0;
    }
}

/* Where there is no device, nothing can act on what is said about it. */
static int
qbjVmDefValidateBalloon(const virDomainMemballoonDef *balloon)
{
    if (balloon->model == VIR_DOMAIN_MEMBALLOON_MODEL_NONE &&
        (balloon->autodeflate != VIR_TRISTATE_SWITCH_ABSENT ||
         balloon->free_page_reporting != VIR_TRISTATE_SWITCH_ABSENT ||
         balloon->period != 0)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("A <memballoon> of model 'none' has no autodeflate, freePageReporting and stats."));
        return -1;
    }

    return 0;
}

int
qbjVmDefValidateDevice(const virDomainDeviceDef *dev, const virDomainDef *def)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmDefValidateDisk(dev->data.disk);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmDefValidateController(dev->data.controller, def);
    case VIR_DOMAIN_DEVICE_MEMBALLOON:
        return qbjVmDefValidateBalloon(dev->data.memballoon);
    default:
        return 0;
    }
}
