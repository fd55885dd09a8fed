/* The place of a disk on its controller: buses, targets and units that are there. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"
#include "vm_disk.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjVmDefPlaces qbjVmDefPlaces;
struct _qbjVmDefPlaces {
    virDomainDiskBus disk;
    const char *name;
    unsigned int buses;         /* highest number */
    unsigned int targets;
    unsigned int units;
};

static const qbjVmDefPlaces qbjVmDefKnownPlaces[] = {
    { VIR_DOMAIN_DISK_BUS_IDE, "ide", 1, 0, 1 },
    { VIR_DOMAIN_DISK_BUS_FDC, "fdc", 0, 0, 1 },
    { VIR_DOMAIN_DISK_BUS_SATA, "sata", 0, 0, 5 },
    /* channel 0 only; LUNs are 14 bits */
    { VIR_DOMAIN_DISK_BUS_SCSI, "scsi", 0, 255, 16383 },
};

static int
qbjVmDefCheckPlace(const char *controller, const char *what, unsigned int value, unsigned int highest)
{
    if (value <= highest)
        return 0;

    if (highest == 0)
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("%s must be 0 for %s controller"), what, controller);
    else
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("%s must be at most %u for %s controller"), what, highest,
                       controller);
    return -1;
}

static const virDomainControllerDef *
qbjVmDefFindScsi(const virDomainDef *def, unsigned int idx)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_SCSI && def->controllers[i]->idx == (int) idx)
            return def->controllers[i];
    }

    return NULL;
}

/* Old controllers know one unit at each target, and the unit of the address is that target's number. */
static int
qbjVmDefCheckNarrow(const virDomainDeviceDriveAddress *drive, const virDomainDef *def)
{
    const virDomainControllerDef *controller = qbjVmDefFindScsi(def, drive->controller);

    if (!controller || !qbjVmDiskIsNarrowScsi(controller->model) || drive->target == 0)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("target must be 0 for controller model '%s'"),
                   virDomainControllerModelSCSITypeToString(controller->model));
    return -1;
}

int
qbjVmDefValidateDrive(const virDomainDiskDef *disk, const virDomainDef *def)
{
    const virDomainDeviceDriveAddress *drive = &disk->info.addr.drive;
    size_t i;

    if (disk->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_DRIVE)
        return 0;

    for (i = 0; i < G_N_ELEMENTS(qbjVmDefKnownPlaces); i++) {
        const qbjVmDefPlaces *places = &qbjVmDefKnownPlaces[i];

        if (places->disk == disk->bus &&
            (qbjVmDefCheckPlace(places->name, "bus", drive->bus, places->buses) < 0 ||
             qbjVmDefCheckPlace(places->name, "target", drive->target, places->targets) < 0 ||
             qbjVmDefCheckPlace(places->name, "unit", drive->unit, places->units) < 0))
            return -1;
    }

    return disk->bus == VIR_DOMAIN_DISK_BUS_SCSI ? qbjVmDefCheckNarrow(drive, def) : 0;
}
