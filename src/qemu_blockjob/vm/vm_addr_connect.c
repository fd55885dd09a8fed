/* Which PCI slots a device can be plugged into: conventional ones, PCI Express ones, or the root bus only
 * (11.3). */

#include <config.h>

#include "internal.h"
#include "vm_addr.h"

/* AUTOASSIGN keeps them off the root bus of q35, where nothing can be plugged in or out later. */
static const virDomainPCIConnectFlags qbjVmAddrPCI = VIR_PCI_CONNECT_TYPE_PCI_DEVICE | VIR_PCI_CONNECT_AUTOASSIGN;
static const virDomainPCIConnectFlags qbjVmAddrPCIe = VIR_PCI_CONNECT_TYPE_PCIE_DEVICE | VIR_PCI_CONNECT_AUTOASSIGN;

static bool
qbjVmAddrHasPCIeRoot(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI && def->controllers[i]->idx == 0)
            return def->controllers[i]->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT;
    }

    return false;
}

/* Devices that exist in both forms: QEMU decides by the slot. */
static virDomainPCIConnectFlags
qbjVmAddrConnectModern(const virDomainDef *def)
{
    return qbjVmAddrHasPCIeRoot(def) ? qbjVmAddrPCIe : qbjVmAddrPCI;
}

static virDomainPCIConnectFlags
qbjVmAddrConnectController(const virDomainDef *def, const virDomainControllerDef *controller)
{
    switch (controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_PCI:
        return virDomainPCIControllerModelToConnectType(controller->model);

    case VIR_DOMAIN_CONTROLLER_TYPE_USB:
        if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_NONE)
            return 0;
        if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_QEMU_XHCI ||
            controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_NEC_XHCI)
            return qbjVmAddrConnectModern(def);
        return qbjVmAddrPCI;

    case VIR_DOMAIN_CONTROLLER_TYPE_SATA:
    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        return qbjVmAddrPCI;

    default:
        return 0;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectVideo(const virDomainDef *def, const virDomainVideoDef *video)
{
    switch (video->type) {
    case VIR_DOMAIN_VIDEO_TYPE_NONE:
        return 0;
    case VIR_DOMAIN_VIDEO_TYPE_VIRTIO:
        return qbjVmAddrConnectModern(def);
    default:
        return qbjVmAddrPCI;
    }
}

virDomainPCIConnectFlags
qbjVmAddrConnect(const virDomainDef *def, const virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmAddrConnectController(def, dev->data.controller);
    case VIR_DOMAIN_DEVICE_DISK:
        return dev->data.disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO ? qbjVmAddrConnectModern(def) : 0;
    case VIR_DOMAIN_DEVICE_VIDEO:
        return qbjVmAddrConnectVideo(def, dev->data.video);
    case VIR_DOMAIN_DEVICE_MEMBALLOON:
        return dev->data.memballoon->model == VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO ? qbjVmAddrConnectModern(def) : 0;
    default:
        return 0;
    }
}
