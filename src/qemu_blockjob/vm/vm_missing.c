#include <config.h>

#include "internal.h"
#include "vm_missing.h"
#include "vm_alias.h"
#include "domain_event.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_missing");

static bool
qbjVmMissingIsRemovable(const virDomainDiskDef *disk)
{
    return disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM || disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY;
}

bool
qbjVmMissingMay(const virDomainDiskDef *disk, bool restored)
{
    switch (disk->startupPolicy) {
    case VIR_DOMAIN_STARTUP_POLICY_OPTIONAL:
        return qbjVmMissingIsRemovable(disk) || !restored;
    case VIR_DOMAIN_STARTUP_POLICY_REQUISITE:
        return qbjVmMissingIsRemovable(disk) && restored;
    case VIR_DOMAIN_STARTUP_POLICY_DEFAULT:
    case VIR_DOMAIN_STARTUP_POLICY_MANDATORY:
    case VIR_DOMAIN_STARTUP_POLICY_LAST:
    default:
        return false;
    }
}

static void
qbjVmMissingTell(virDomainObj *vm, const virDomainDiskDef *disk, int reason)
{
    VIR_WARN("Domain '%s' starts without '%s' of disk '%s': %s", vm->def->name,
             NULLSTR(virDomainDiskGetSource(disk)), disk->dst, virGetLastErrorMessage());
    virResetLastError();
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventDiskChangeNewFromObj(vm, virDomainDiskGetSource(disk), NULL,
                                                                disk->info.alias, reason));
}

int
qbjVmMissingLeaveOut(virDomainObj *vm, size_t i)
{
    virDomainDiskDef *disk = vm->def->disks[i];

    if (qbjVmAliasSetDisk(vm->def, disk) < 0)           /* it is in the event */
        return -1;
    if (qbjVmMissingIsRemovable(disk)) {
        qbjVmMissingTell(vm, disk, VIR_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START);
        virDomainDiskEmptySource(disk);
        disk->startupPolicy = VIR_DOMAIN_STARTUP_POLICY_DEFAULT;         /* it was that of the source */
    } else {
        qbjVmMissingTell(vm, disk, VIR_DOMAIN_EVENT_DISK_DROP_MISSING_ON_START);
        virDomainDiskDefFree(virDomainDiskRemove(vm->def, i));
    }
    return 0;
}
