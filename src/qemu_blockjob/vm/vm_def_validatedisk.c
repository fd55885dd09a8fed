/* Contradictions between the settings of one disk. */

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

    /* the drivers of network protocols have no such option */
    if (disk->iomode != VIR_DOMAIN_DISK_IO_DEFAULT && !virStorageSourceIsEmpty(disk->src) &&
        !virStorageSourceIsLocalStorage(disk->src)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("attribute 'io' is not supported for network disk '%s'"),
                       disk->dst);
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateDriver(const virDomainDiskDef *disk)
{
    const char *driver = virDomainDiskGetDriver(disk);

    if (STREQ_NULLABLE(driver, "qemu"))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("unsupported driver name '%s' for disk '%s'"),
                   NULLSTR(driver), disk->dst);
    return -1;
}

/* QEMU throttles a medium, not a drive. */
static int
qbjVmDefValidateIotune(const virDomainDiskDef *disk)
{
    if (!virDomainBlockIoTuneInfoHasAny(&disk->blkdeviotune) || !virStorageSourceIsEmpty(disk->src))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element 'iotune' is not supported for disk '%s' without a medium"),
                   disk->dst);
    return -1;
}

/* What the device of the guest can be, on which bus. */
static int
qbjVmDefValidateKind(const virDomainDiskDef *disk)
{
    bool ata = disk->bus == VIR_DOMAIN_DISK_BUS_IDE || disk->bus == VIR_DOMAIN_DISK_BUS_SATA;

    if (disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO &&
        (disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM || disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("disk type of '%s' does not support ejectable media"),
                       disk->dst);
        return -1;
    }

    if (ata && disk->device == VIR_DOMAIN_DISK_DEVICE_DISK && disk->src->readonly) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("readonly %s disks are not supported"),
                       virDomainDiskBusTypeToString(disk->bus));
        return -1;
    }

    /* QEMU's only drive on this bus is a stick */
    if (disk->bus == VIR_DOMAIN_DISK_BUS_USB && disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM &&
        virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("an empty cdrom on bus 'usb' is not supported for disk '%s'"),
                       disk->dst);
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateIdentity(const virDomainDiskDef *disk)
{
    bool scsi = disk->bus == VIR_DOMAIN_DISK_BUS_SCSI;
    bool ata = disk->bus == VIR_DOMAIN_DISK_BUS_IDE || disk->bus == VIR_DOMAIN_DISK_BUS_SATA;

    if (disk->wwn && !scsi && disk->bus != VIR_DOMAIN_DISK_BUS_IDE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Only ide and scsi disk support wwn"));
        return -1;
    }
    if ((disk->vendor || disk->product) && !scsi) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Only scsi disk supports vendor and product"));
        return -1;
    }
    if (disk->rotation_rate != 0 && !scsi && !ata) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("rotation rate is only valid for SCSI/IDE/SATA bus"));
        return -1;
    }
    if (disk->geometry.trans != VIR_DOMAIN_DISK_TRANS_DEFAULT && disk->bus != VIR_DOMAIN_DISK_BUS_IDE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("CHS translation mode can only be set for 'ide' bus not '%s'"),
                       virDomainDiskBusTypeToString(disk->bus));
        return -1;
    }

    return 0;
}

/* The host's own device answers, so nothing can be chosen. */
static int
qbjVmDefValidateLun(const virDomainDiskDef *disk)
{
    const char *what = NULL;

    if (disk->device != VIR_DOMAIN_DISK_DEVICE_LUN)
        return 0;

    if (disk->serial)
        what = "serial";
    else if (disk->wwn)
        what = "wwn";
    else if (disk->vendor || disk->product)
        what = "vendor or product";
    else if (disk->rotation_rate != 0)
        what = "rotation_rate";
    else if (disk->copy_on_read == VIR_TRISTATE_SWITCH_ON)
        what = "copy_on_read";
    else if (disk->geometry.cylinders != 0)
        what = "geometry";
    else if (disk->blockio.logical_block_size != 0 || disk->blockio.physical_block_size != 0)
        what = "blockio";

    if (!what)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("scsi-block 'lun' devices do not support the %s property"), what);
    return -1;
}

static int
qbjVmDefValidateIOThread(const virDomainDiskDef *disk, const virDomainDef *def)
{
    if (disk->iothread == 0)
        return 0;

    if (disk->bus != VIR_DOMAIN_DISK_BUS_VIRTIO) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("IOThreads not available for bus %s target %s"),
                       virDomainDiskBusTypeToString(disk->bus), disk->dst);
        return -1;
    }
    if (!virDomainIOThreadIDFind(def, disk->iothread)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Disk iothread '%u' not defined in iothreadid"), disk->iothread);
        return -1;
    }

    return 0;
}

/* Two guests that write to one qcow2 image destroy it. */
static int
qbjVmDefValidateSharing(const virDomainDiskDef *disk)
{
    if (disk->src->shared && !disk->src->readonly && disk->src->format != VIR_STORAGE_FILE_RAW) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("shared access for disk '%s' requires use of supported storage format"), disk->dst);
        return -1;
    }
    if (disk->copy_on_read == VIR_TRISTATE_SWITCH_ON && disk->src->readonly) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("copy_on_read is not compatible with read-only disk '%s'"),
                       disk->dst);
        return -1;
    }

    return 0;
}

int
qbjVmDefValidateDisk(const virDomainDiskDef *disk, const virDomainDef *def)
{
    if (qbjVmDefValidateDriver(disk) < 0 ||
        qbjVmDefValidateKind(disk) < 0 ||
        qbjVmDefValidateSerial(disk) < 0 ||
        qbjVmDefValidateIo(disk) < 0 ||
        qbjVmDefValidateIotune(disk) < 0 ||
        qbjVmDefValidateIdentity(disk) < 0 ||
        qbjVmDefValidateLun(disk) < 0 ||
        qbjVmDefValidateIOThread(disk, def) < 0 ||
        qbjVmDefValidateSharing(disk) < 0)
        return -1;

    return qbjVmDefValidateDrive(disk, def);
}
