#include <config.h>

#include "internal.h"
#include "vm_devices.h"
#include "vm_balloon.h"
#include "vm_cpu.h"
#include "vm_firmware.h"
#include "vm_graphics.h"
#include "vm_net.h"
#include "vm_small.h"
#include "vm_tpm.h"
#include "virfile.h"

int
qbjVmDevicesPrepare(virDomainObj *vm, qbjVmDevices *devices)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    if (qbjVmCpuExpand(QBJ_DOMAIN_PRIVATE(vm)->driver->caps, vm->def) < 0 || qbjVmGraphicsPrepare(vm) < 0)
        return -1;

    if (qbjVmFirmwareMakeNvram(vm->def, conf->privileged ? conf->user : (uid_t) -1,
                               conf->privileged ? conf->group : (gid_t) -1, devices->resetNvram) < 0)
        return -1;
    if (qbjVmTpmStart(vm) < 0)
        return -1;
    if (qbjVmVsockOpen(vm->def, &devices->vsockFd) < 0)
        return -1;

    return qbjVmNetOpen(vm, &devices->nets);
}

void
qbjVmDevicesClose(virDomainObj *vm, qbjVmDevices *devices)
{
    qbjVmNetClose(vm->def, &devices->nets);
    VIR_FORCE_CLOSE(devices->vsockFd);
}

int
qbjVmDevicesSetup(virDomainObj *vm)
{
    if (qbjVmCpuReadBack(vm) < 0 || qbjVmGraphicsSetup(vm) < 0 || qbjVmNetSetup(vm) < 0)
        return -1;

    return !virDomainDefHasMemballoon(vm->def) || vm->def->memballoon->period <= 0
               ? 0
               : qbjVmBalloonSetPeriod(vm, vm->def->memballoon->period);
}

void
qbjVmDevicesReconnect(virDomainObj *vm)
{
    qbjVmNetReconnect(vm);
}

void
qbjVmDevicesRelease(virDomainObj *vm)
{
    qbjVmTpmStop(vm);
    qbjVmNetRelease(vm);
    qbjVmGraphicsRelease(vm->def);
}
