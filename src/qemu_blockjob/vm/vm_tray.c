#include <config.h>

#include "internal.h"
#include "vm_tray.h"
#include "domain_event.h"
#include "domain_save.h"
#include "virqbjjson.h"

static bool
qbjVmTrayHas(const virDomainDiskDef *disk)
{
    return disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM || disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY;
}

bool
qbjVmTrayAny(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qbjVmTrayHas(def->disks[i]))
            return true;
    }

    return false;
}

/* @device: the name of a device, or the path of one that has none (05/X5) */
static virDomainDiskDef *
qbjVmTrayFind(virDomainObj *vm, const char *device)
{
    size_t i;

    for (i = 0; device && i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qbjVmTrayHas(disk) &&
            (STREQ_NULLABLE(VIR_QBJ_DISK_PRIVATE(disk)->qomName, device) || STREQ_NULLABLE(disk->info.alias, device)))
            return disk;
    }

    return NULL;
}

/* Returns whether that is news. */
static bool
qbjVmTraySet(virDomainDiskDef *disk, bool open)
{
    virDomainDiskTray now = open ? VIR_DOMAIN_DISK_TRAY_OPEN : VIR_DOMAIN_DISK_TRAY_CLOSED;
    bool news = disk->tray_status != now;

    disk->tray_status = now;
    return news;
}

static void
qbjVmTrayTell(virDomainObj *vm, const virDomainDiskDef *disk)
{
    int reason = disk->tray_status == VIR_DOMAIN_DISK_TRAY_OPEN ? VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN :
                                                                  VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE;

    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventTrayChangeNewFromObj(vm, disk->info.alias, reason));
}

void
qbjVmTrayMoved(virDomainObj *vm, virJSONValue *data)
{
    virDomainDiskDef *disk = data ? qbjVmTrayFind(vm, virJSONValueObjectGetString(data, "id")) : NULL;
    bool open;

    if (!disk || virJSONValueObjectGetBoolean(data, "tray-open", &open) < 0)
        return;
    qbjVmTraySet(disk, open);
    qbjDomainSaveStatusOrWarn(vm);
    qbjVmTrayTell(vm, disk);
}

void
qbjVmTrayRead(virDomainObj *vm, virJSONValue *reply, bool tell)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        virDomainDiskDef *disk = qbjVmTrayFind(vm, virJSONValueObjectGetString(entry, "qdev"));
        bool open;

        if (disk && virJSONValueObjectGetBoolean(entry, "tray_open", &open) == 0 && qbjVmTraySet(disk, open) && tell)
            qbjVmTrayTell(vm, disk);
    }
}

void
qbjVmTrayCloseAll(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++)
        def->disks[i]->tray_status = VIR_DOMAIN_DISK_TRAY_CLOSED;
}
