/* Helpers of the command line parts: JSON options, plain option values, device addresses. */

#include <config.h>

#include "internal.h"
#include "domain_addr.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmArgsAddJSON(virCommand *cmd, const char *option, virJSONValue *props)
{
    g_autofree char *text = virJSONValueToString(props, false);

    if (!text)
        return -1;

    virCommandAddArgList(cmd, option, text, NULL);
    return 0;
}

void
qbjVmArgsAppendValue(virBuffer *buf, const char *key, const char *value)
{
    virBufferAsprintf(buf, ",%s=", key);
    virQEMUBuildBufferEscapeComma(buf, value);
}

bool
qbjVmArgsHasVirtioOptions(const virDomainVirtioOptions *options)
{
    return options &&
           (options->iommu != VIR_TRISTATE_SWITCH_ABSENT || options->ats != VIR_TRISTATE_SWITCH_ABSENT ||
            options->packed != VIR_TRISTATE_SWITCH_ABSENT || options->page_per_vq != VIR_TRISTATE_SWITCH_ABSENT);
}

const virDomainControllerDef *
qbjVmArgsFindController(const virDomainDef *def, virDomainControllerType type, unsigned int idx)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == (int) type && def->controllers[i]->idx == (int) idx)
            return def->controllers[i];
    }

    virReportError(VIR_ERR_INTERNAL_ERROR, _("There is no %s controller with index %u for a device address."),
                   virDomainControllerTypeToString(type), idx);
    return NULL;
}

/* The root bus belongs to the machine and has QEMU's name; all others are named by their controller's
 * alias. */
static const char *
qbjVmArgsPCIBus(const virDomainControllerDef *controller)
{
    switch (controller->model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT:
        return "pcie.0";
    case VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT:
        return "pci.0";
    default:
        return controller->info.alias;
    }
}

static int
qbjVmArgsAddPCIAddress(virJSONValue **props, const virDomainDef *def, const virDomainDeviceInfo *info)
{
    const virPCIDeviceAddress *pci = &info->addr.pci;
    const virDomainControllerDef *controller;
    g_autofree char *addr = NULL;

    if (pci->domain != 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Only PCI domain 0 is supported."));
        return -1;
    }

    if (!(controller = qbjVmArgsFindController(def, VIR_DOMAIN_CONTROLLER_TYPE_PCI, pci->bus)))
        return -1;

    if (pci->function != 0)
        addr = g_strdup_printf("0x%x.0x%x", pci->slot, pci->function);
    else
        addr = g_strdup_printf("0x%x", pci->slot);

    return virJSONValueObjectAdd(props,
                                 "s:bus", qbjVmArgsPCIBus(controller),
                                 "T:multifunction", pci->multi,
                                 "s:addr", addr,
                                 NULL);
}

static int
qbjVmArgsAddUSBAddress(virJSONValue **props, const virDomainDef *def, const virDomainDeviceInfo *info)
{
    const virDomainControllerDef *controller;
    g_auto(virBuffer) port = VIR_BUFFER_INITIALIZER;
    g_autofree char *bus = NULL;

    if (!(controller = qbjVmArgsFindController(def, VIR_DOMAIN_CONTROLLER_TYPE_USB, info->addr.usb.bus)))
        return -1;

    bus = g_strdup_printf("%s.0", controller->info.alias);
    virDomainUSBAddressPortFormatBuf(&port, info->addr.usb.port);

    return virJSONValueObjectAdd(props,
                                 "s:bus", bus,
                                 "S:port", virBufferCurrentContent(&port),
                                 NULL);
}

static bool
qbjVmArgsHasRom(const virDomainDeviceInfo *info)
{
    return info->romenabled != VIR_TRISTATE_BOOL_ABSENT || info->rombar != VIR_TRISTATE_SWITCH_ABSENT || info->romfile;
}

/* The number that names the device in the guest, and its option ROM. */
static int
qbjVmArgsAddPCIExtras(virJSONValue **props, const virDomainDeviceInfo *info)
{
    if (virJSONValueObjectAdd(props, "p:acpi-index", info->acpiIndex, NULL) < 0)
        return -1;

    if (info->romenabled == VIR_TRISTATE_BOOL_NO)
        return virJSONValueObjectAdd(props, "s:romfile", "", NULL);

    if (info->rombar != VIR_TRISTATE_SWITCH_ABSENT &&
        virJSONValueObjectAdd(props, "i:rombar", info->rombar == VIR_TRISTATE_SWITCH_ON, NULL) < 0)
        return -1;

    return virJSONValueObjectAdd(props, "S:romfile", info->romfile, NULL);
}

int
qbjVmArgsAddAddress(virJSONValue **props, const virDomainDef *def, const virDomainDeviceInfo *info)
{
    bool pci = info->type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI;

    if ((!pci && (info->acpiIndex != 0 || qbjVmArgsHasRom(info))) || info->loadparm) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("The elements acpi, rom and loadparm of device '%s' are not supported."),
                       NULLSTR(info->alias));
        return -1;
    }

    switch (info->type) {
    case VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE:
        return 0;
    case VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI:
        if (qbjVmArgsAddPCIAddress(props, def, info) < 0)
            return -1;
        return qbjVmArgsAddPCIExtras(props, info);
    case VIR_DOMAIN_DEVICE_ADDRESS_TYPE_USB:
        return qbjVmArgsAddUSBAddress(props, def, info);
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Address type '%s' of device '%s' is not supported."),
                       virDomainDeviceAddressTypeToString(info->type), NULLSTR(info->alias));
        return -1;
    }
}
