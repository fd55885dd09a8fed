/* USB ports of input devices. */

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

/* The stock driver adds hubs when the controllers' ports are used up. */
static int
qbjVmAddrCheckPorts(virDomainDef *def)
{
    size_t needed = 0;
    size_t i;

    for (i = 0; i < def->ninputs; i++)
        needed += def->inputs[i]->bus == VIR_DOMAIN_INPUT_BUS_USB;

    if (needed > virDomainUSBAddressCountAllPorts(def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("%zu USB devices need more ports than the USB controllers have, and USB hubs are not "
                         "supported by this driver"), needed);
        return -1;
    }

    return 0;
}

int
qbjVmAddrAssignUSB(virDomainDef *def)
{
    g_autoptr(virDomainUSBAddressSet) addrs = virDomainUSBAddressSetCreate();
    size_t i;

    if (virDomainUSBAddressSetAddControllers(addrs, def) < 0 ||
        qbjVmAddrCheckPorts(def) < 0)
        return -1;

    for (i = 0; i < def->ninputs; i++) {
        if (def->inputs[i]->bus == VIR_DOMAIN_INPUT_BUS_USB && !qbjVmAddrWantsPort(&def->inputs[i]->info) &&
            virDomainUSBAddressReserve(&def->inputs[i]->info, addrs) < 0)
            return -1;
    }

    for (i = 0; i < def->ninputs; i++) {
        if (def->inputs[i]->bus == VIR_DOMAIN_INPUT_BUS_USB && qbjVmAddrWantsPort(&def->inputs[i]->info) &&
            virDomainUSBAddressAssign(addrs, &def->inputs[i]->info) < 0)
            return -1;
    }

    return 0;
}
