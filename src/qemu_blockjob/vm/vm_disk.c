#include <config.h>

#include "internal.h"
#include "vm_disk.h"

bool
qbjVmDiskIsNarrowScsi(int model)
{
    return model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSILOGIC ||
           model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_AM53C974 ||
           model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_DC390;
}

/* The back-end is in a child of the device that the guest sees: for usb-storage in the SCSI disk behind
 * it. */
char *
qbjVmDiskQomName(const virDomainDiskDef *disk)
{
    const char *alias = disk->info.alias;

    if (disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO)
        return g_strdup_printf("/machine/peripheral/%s/virtio-backend", alias);
    if (disk->bus == VIR_DOMAIN_DISK_BUS_USB)
        return g_strdup_printf("/machine/peripheral/%s/%s.0/legacy[0]", alias, alias);

    return g_strdup(alias);
}
