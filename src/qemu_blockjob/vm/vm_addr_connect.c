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
qbjVmAddrConnectScsi(const virDomainDef *def, int model)
{
    switch (model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_SCSI:
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_NON_TRANSITIONAL:
        return qbjVmAddrConnectModern(def);
    default:
        return qbjVmAddrPCI;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectDisk(const virDomainDef *def, const virDomainDiskDef *disk)
{
    if (disk->bus != VIR_DOMAIN_DISK_BUS_VIRTIO)
        return 0;
    if (disk->model == VIR_DOMAIN_DISK_MODEL_VIRTIO_TRANSITIONAL)
        return qbjVmAddrPCI;

    return qbjVmAddrConnectModern(def);
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

    case VIR_DOMAIN_CONTROLLER_TYPE_SCSI:
        return qbjVmAddrConnectScsi(def, controller->model);

    case VIR_DOMAIN_CONTROLLER_TYPE_VIRTIO_SERIAL:
        if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_VIRTIO_SERIAL_VIRTIO_TRANSITIONAL)
            return qbjVmAddrPCI;
        return qbjVmAddrConnectModern(def);

    default:
        return 0;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectVideo(const virDomainDef *def, const virDomainVideoDef *video)
{
    switch (video->type) {
    case VIR_DOMAIN_VIDEO_TYPE_NONE:
    case VIR_DOMAIN_VIDEO_TYPE_RAMFB:
        return 0;
    case VIR_DOMAIN_VIDEO_TYPE_VIRTIO:
    case VIR_DOMAIN_VIDEO_TYPE_BOCHS:
        return qbjVmAddrConnectModern(def);
    default:
        return qbjVmAddrPCI;
    }
}

/* A transitional device shows the guest I/O ports, which only conventional slots have. */
static virDomainPCIConnectFlags
qbjVmAddrConnectVirtio(const virDomainDef *def, bool transitional)
{
    return transitional ? qbjVmAddrPCI : qbjVmAddrConnectModern(def);
}

static virDomainPCIConnectFlags
qbjVmAddrConnectBalloon(const virDomainDef *def, const virDomainMemballoonDef *balloon)
{
    switch (balloon->model) {
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO:
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO_TRANSITIONAL:
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO_NON_TRANSITIONAL:
        return qbjVmAddrConnectVirtio(def, balloon->model == VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO_TRANSITIONAL);
    default:
        return 0;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectNet(const virDomainDef *def, const virDomainNetDef *net)
{
    switch (net->model) {
    case VIR_DOMAIN_NET_MODEL_VIRTIO:
    case VIR_DOMAIN_NET_MODEL_VIRTIO_NON_TRANSITIONAL:
    case VIR_DOMAIN_NET_MODEL_E1000E:
    case VIR_DOMAIN_NET_MODEL_UNKNOWN:
        return qbjVmAddrConnectModern(def);
    default:
        return qbjVmAddrPCI;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectSound(const virDomainSoundDef *sound)
{
    switch (sound->model) {
    case VIR_DOMAIN_SOUND_MODEL_ICH6:
    case VIR_DOMAIN_SOUND_MODEL_ICH9:
    case VIR_DOMAIN_SOUND_MODEL_AC97:
    case VIR_DOMAIN_SOUND_MODEL_ES1370:
        return qbjVmAddrPCI;
    default:
        return 0;
    }
}

static virDomainPCIConnectFlags
qbjVmAddrConnectChr(const virDomainChrDef *chr)
{
    return chr->deviceType == VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL &&
           chr->targetType == VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_PCI ? qbjVmAddrPCI : 0;
}

virDomainPCIConnectFlags
qbjVmAddrConnect(const virDomainDef *def, const virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmAddrConnectController(def, dev->data.controller);
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmAddrConnectDisk(def, dev->data.disk);
    case VIR_DOMAIN_DEVICE_CHR:
        return qbjVmAddrConnectChr(dev->data.chr);
    case VIR_DOMAIN_DEVICE_VIDEO:
        return qbjVmAddrConnectVideo(def, dev->data.video);
    case VIR_DOMAIN_DEVICE_MEMBALLOON:
        return qbjVmAddrConnectBalloon(def, dev->data.memballoon);
    case VIR_DOMAIN_DEVICE_NET:
        return qbjVmAddrConnectNet(def, dev->data.net);
    case VIR_DOMAIN_DEVICE_RNG:
        return qbjVmAddrConnectVirtio(def, dev->data.rng->model == VIR_DOMAIN_RNG_MODEL_VIRTIO_TRANSITIONAL);
    case VIR_DOMAIN_DEVICE_VSOCK:
        return qbjVmAddrConnectVirtio(def, dev->data.vsock->model == VIR_DOMAIN_VSOCK_MODEL_VIRTIO_TRANSITIONAL);
    case VIR_DOMAIN_DEVICE_SOUND:
        return qbjVmAddrConnectSound(dev->data.sound);
    case VIR_DOMAIN_DEVICE_WATCHDOG:
        return dev->data.watchdog->model == VIR_DOMAIN_WATCHDOG_MODEL_I6300ESB ? qbjVmAddrPCI : 0;
    case VIR_DOMAIN_DEVICE_INPUT:
        return dev->data.input->bus == VIR_DOMAIN_INPUT_BUS_VIRTIO ? qbjVmAddrConnectModern(def) : 0;
    default:
        return 0;
    }
}
