/* USB ports of devices. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainUSBAddressSet, virDomainUSBAddressSetFree);

static bool
qbjVmAddrWantsPort(const virDomainDeviceInfo *info)
{
    return info->type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE ||
           (info->type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_USB && info->addr.usb.port[0] == 0);
}

static int
qbjVmAddrCountDevice(virDomainDeviceInfo *info G_GNUC_UNUSED, void *opaque)
{
    ++*(size_t *) opaque;
    return 0;
}

/* The stock driver adds hubs when the controllers' ports are used up. */
static int
qbjVmAddrCheckPorts(virDomainDef *def)
{
    size_t needed = 0;

    ignore_value(virDomainUSBDeviceDefForeach(def, qbjVmAddrCountDevice, &needed, true));

    if (needed > virDomainUSBAddressCountAllPorts(def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("%zu USB devices need more ports than the USB controllers have, and USB hubs are not "
                         "supported by this driver"), needed);
        return -1;
    }

    return 0;
}

static int
qbjVmAddrReservePort(virDomainDeviceInfo *info, void *opaque)
{
    return qbjVmAddrWantsPort(info) ? 0 : virDomainUSBAddressReserve(info, opaque);
}

static int
qbjVmAddrAssignPort(virDomainDeviceInfo *info, void *opaque)
{
    return qbjVmAddrWantsPort(info) ? virDomainUSBAddressAssign(opaque, info) : 0;
}

int
qbjVmAddrAssignUSB(virDomainDef *def)
{
    g_autoptr(virDomainUSBAddressSet) addrs = virDomainUSBAddressSetCreate();

    if (virDomainUSBAddressSetAddControllers(addrs, def) < 0 ||
        qbjVmAddrCheckPorts(def) < 0)
        return -1;

    if (virDomainUSBDeviceDefForeach(def, qbjVmAddrReservePort, addrs, false) < 0)
        return -1;

    return virDomainUSBDeviceDefForeach(def, qbjVmAddrAssignPort, addrs, false);
}
