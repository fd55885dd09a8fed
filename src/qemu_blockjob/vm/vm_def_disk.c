/* What disks and their controllers get that their elements do not say. */

#include <config.h>

#include "internal.h"
#include "blocknode.h"
#include "vm_def_parts.h"

void
qbjVmDefSetDisk(virDomainDiskDef *disk)
{
    virStorageSource *src;

    if (!virDomainDiskGetDriver(disk))
        virDomainDiskSetDriver(disk, "qemu");

    /* never probed: a guest could write a header into a raw disk and so choose the host's next file */
    if (virDomainDiskGetFormat(disk) == VIR_STORAGE_FILE_NONE &&
        !virStorageSourceIsEmpty(disk->src))
        virDomainDiskSetFormat(disk, VIR_STORAGE_FILE_RAW);

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore)
        qbjBlockNodeSetEngine(src);
}

void
qbjVmDefSetScsiModels(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        virDomainControllerDef *controller = def->controllers[i];

        if (controller->type == VIR_DOMAIN_CONTROLLER_TYPE_SCSI &&
            (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_DEFAULT ||
             controller->model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_AUTO))
            controller->model = VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSILOGIC;
    }
}
