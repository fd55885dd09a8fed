/* Contradictions within one device. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmDefValidatePCI(const virDomainControllerDef *controller, const virDomainDef *def)
{
    virDomainControllerModelPCI root = qbjVmMachineIsQ35(def->os.machine) ? VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT :
                                                                            VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT;

    if (controller->idx == 0 && controller->model != (int) root) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("The PCI controller with index='0' must be model='%s' for this machine type, but model='%s' "
                         "was found instead"),
                       virDomainControllerModelPCITypeToString(root),
                       virDomainControllerModelPCITypeToString(controller->model));
        return -1;
    }

    /* QEMU makes them in the order of their index */
    if (virDeviceInfoPCIAddressIsPresent(&controller->info) &&
        controller->info.addr.pci.bus >= (unsigned int) controller->idx) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("PCI controller at index %d (0x%02x) has bus='0x%02x', but index must be larger than bus"),
                       controller->idx, controller->idx, controller->info.addr.pci.bus);
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateController(const virDomainControllerDef *controller, const virDomainDef *def)
{
    bool q35 = qbjVmMachineIsQ35(def->os.machine);

    switch (controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_PCI:
        return qbjVmDefValidatePCI(controller, def);

    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        if (q35) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                           _("IDE controllers are unsupported for this QEMU binary or machine type"));
            return -1;
        }
        return 0;

    default:
        return 0;
    }
}

static int
qbjVmDefValidateNet(const virDomainNetDef *net)
{
    if (net->type == VIR_DOMAIN_NET_TYPE_USER && net->driver.virtio.queues > 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("interface type 'user' has one queue and cannot have more"));
        return -1;
    }

    return 0;
}

/* Where there is no device, nothing can act on what is said about it. */
static int
qbjVmDefValidateBalloon(const virDomainMemballoonDef *balloon)
{
    if (balloon->model == VIR_DOMAIN_MEMBALLOON_MODEL_NONE &&
        (balloon->autodeflate != VIR_TRISTATE_SWITCH_ABSENT ||
         balloon->free_page_reporting != VIR_TRISTATE_SWITCH_ABSENT ||
         balloon->period != 0)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("A <memballoon> of model 'none' has no autodeflate, freePageReporting and stats."));
        return -1;
    }

    return 0;
}

int
qbjVmDefValidateDevice(const virDomainDeviceDef *dev, const virDomainDef *def)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmDefValidateDisk(dev->data.disk, def);
    case VIR_DOMAIN_DEVICE_NET:
        return qbjVmDefValidateNet(dev->data.net);
    case VIR_DOMAIN_DEVICE_CHR:
        return qbjVmDefValidateChr(dev->data.chr, def);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmDefValidateController(dev->data.controller, def);
    case VIR_DOMAIN_DEVICE_MEMBALLOON:
        return qbjVmDefValidateBalloon(dev->data.memballoon);
    default:
        return 0;
    }
}
