/* The names of a disk in QEMU (11.2, 05/X5). */

#include <config.h>

#include "internal.h"
#include "blocknode.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "virutil.h"
#include "vm_alias.h"
#include "vm_disk.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmAliasScsiModel(const virDomainDef *def, unsigned int idx)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_SCSI && def->controllers[i]->idx == (int) idx)
            return def->controllers[i]->model;
    }

    return -1;
}

/* By place: controller, bus, target and unit, as far as the bus has them. */
static char *
qbjVmAliasPlacedDisk(const virDomainDef *def, const virDomainDiskDef *disk)
{
    const virDomainDeviceDriveAddress *drive = &disk->info.addr.drive;
    const char *prefix = virDomainDiskBusTypeToString(disk->bus);

    if (disk->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_DRIVE)
        return NULL;

    /* of the controllers with one unit per target, only this one is named by three numbers */
    if (disk->bus == VIR_DOMAIN_DISK_BUS_SCSI &&
        qbjVmAliasScsiModel(def, drive->controller) != VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSILOGIC)
        return g_strdup_printf("%s%u-%u-%u-%u", prefix, drive->controller, drive->bus, drive->target, drive->unit);

    return g_strdup_printf("%s%u-%u-%u", prefix, drive->controller, drive->bus, drive->unit);
}

static char *
qbjVmAliasDisk(const virDomainDef *def, const virDomainDiskDef *disk)
{
    int number = virDiskNameToIndex(disk->dst);

    switch (disk->bus) {
    case VIR_DOMAIN_DISK_BUS_VIRTIO:
        return number < 0 ? NULL : g_strdup_printf("virtio-disk%d", number);
    case VIR_DOMAIN_DISK_BUS_USB:
        return number < 0 ? NULL : g_strdup_printf("usb-disk%d", number);
    case VIR_DOMAIN_DISK_BUS_SCSI:
    case VIR_DOMAIN_DISK_BUS_IDE:
    case VIR_DOMAIN_DISK_BUS_SATA:
    case VIR_DOMAIN_DISK_BUS_FDC:
        return qbjVmAliasPlacedDisk(def, disk);
    case VIR_DOMAIN_DISK_BUS_NONE:
    case VIR_DOMAIN_DISK_BUS_XEN:
    case VIR_DOMAIN_DISK_BUS_UML:
    case VIR_DOMAIN_DISK_BUS_SD:
    case VIR_DOMAIN_DISK_BUS_LAST:
    default:
        return NULL;
    }
}

static void
qbjVmAliasSetDiskNodes(virDomainDiskDef *disk)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    char *filter;

    if (!priv)
        return;

    g_free(priv->qomName);
    priv->qomName = qbjVmDiskQomName(disk);

    if ((filter = qbjBlockNodeCopyOnReadName(disk))) {
        g_free(priv->nodeCopyOnRead);
        priv->nodeCopyOnRead = filter;
    }
}

int
qbjVmAliasSetDisk(const virDomainDef *def, virDomainDiskDef *disk)
{
    char *alias = qbjVmAliasDisk(def, disk);

    if (!alias) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Disk '%s' on bus '%s' is not supported by this driver"),
                       disk->dst, virDomainDiskBusTypeToString(disk->bus));
        return -1;
    }

    qbjVmAliasSet(&disk->info, alias);
    qbjVmAliasSetDiskNodes(disk);
    return 0;
}
