/* The place of one device that is plugged into a running domain. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainUSBAddressSet, virDomainUSBAddressSetFree);

static int
qbjVmAddrPlugPCI(virDomainDef *def, virDomainDeviceInfo *info, virDomainPCIConnectFlags connect)
{
    g_autoptr(virDomainPCIAddressSet) addrs = qbjVmAddrReserve(def);

    info->pciConnectFlags = connect | VIR_PCI_CONNECT_HOTPLUGGABLE;
    return addrs ? virDomainPCIAddressEnsureAddr(addrs, info, info->pciConnectFlags) : -1;
}

static int
qbjVmAddrPlugTakeUSB(virDomainDeviceInfo *info, void *opaque)
{
    return virDomainUSBAddressReserve(info, opaque);
}

static int
qbjVmAddrPlugUSB(virDomainDef *def, virDomainDeviceInfo *info)
{
    g_autoptr(virDomainUSBAddressSet) addrs = virDomainUSBAddressSetCreate();

    if (virDomainUSBAddressSetAddControllers(addrs, def) < 0 ||
        virDomainUSBDeviceDefForeach(def, qbjVmAddrPlugTakeUSB, addrs, true) < 0)
        return -1;
    return virDomainUSBAddressEnsure(addrs, info);
}

static bool
qbjVmAddrPlugIsUSB(const virDomainDeviceDef *dev)
{
    return (dev->type == VIR_DOMAIN_DEVICE_DISK && dev->data.disk->bus == VIR_DOMAIN_DISK_BUS_USB) ||
           (dev->type == VIR_DOMAIN_DEVICE_INPUT && dev->data.input->bus == VIR_DOMAIN_INPUT_BUS_USB);
}

int
qbjVmAddrPlug(virDomainDef *def, virDomainDeviceDef *dev)
{
    virDomainPCIConnectFlags connect = qbjVmAddrConnect(def, dev);

    if (connect != 0)
        return qbjVmAddrPlugPCI(def, virDomainDeviceGetInfo(dev), connect);

    return qbjVmAddrPlugIsUSB(dev) ? qbjVmAddrPlugUSB(def, virDomainDeviceGetInfo(dev)) : 0;
}
