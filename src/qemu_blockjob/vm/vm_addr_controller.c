/* What a PCI controller shows the guest besides its address: model name, chassis and port. Kept in the
 * definition, so that a guest sees the same after each start. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static virDomainControllerPCIModelName
qbjVmAddrModelName(int model)
{
    switch (model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCI_BRIDGE;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_PCI_BRIDGE;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_ROOT_PORT;
    case VIR_DOMAIN_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_I82801B11_BRIDGE;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_UPSTREAM_PORT:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_X3130_UPSTREAM;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_XIO3130_DOWNSTREAM;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCI_EXPANDER_BUS:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PXB;
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_EXPANDER_BUS:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PXB_PCIE;
    default:
        return VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_NONE;
    }
}

/* PCI slot and function make the port number unique: eight functions to a slot. */
static int
qbjVmAddrPort(const virDomainDeviceInfo *info)
{
    return (info->addr.pci.slot << 3) + info->addr.pci.function;
}

/* The bus numbers of expanders go down from the highest, two apart: each has a bridge behind it. */
static int
qbjVmAddrUnusedBusNr(const virDomainDef *def)
{
    int lowest = 256;
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        const virDomainControllerDef *controller = def->controllers[i];

        if (controller->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI && controller->opts.pciopts.busNr != -1)
            lowest = MIN(lowest, controller->opts.pciopts.busNr);
    }

    return lowest - 2;
}

static int
qbjVmAddrSetBusNr(const virDomainDef *def, virDomainControllerDef *controller)
{
    virDomainPCIControllerOpts *opts = &controller->opts.pciopts;

    if (opts->busNr == -1)
        opts->busNr = qbjVmAddrUnusedBusNr(def);
    if (opts->busNr >= 1)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("there are no free bus numbers for a PCI expander bus"));
    return -1;
}

static int
qbjVmAddrSetOptions(const virDomainDef *def, virDomainControllerDef *controller)
{
    virDomainPCIControllerOpts *opts = &controller->opts.pciopts;

    if (opts->modelName == VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_NONE)
        opts->modelName = qbjVmAddrModelName(controller->model);

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE && opts->chassisNr == -1)
        opts->chassisNr = controller->idx;

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT ||
        controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT) {
        if (opts->chassis == -1)
            opts->chassis = controller->idx;
        if (opts->port == -1)
            opts->port = controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT ?
                qbjVmAddrPort(&controller->info) : (int) controller->info.addr.pci.slot;
    }

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_EXPANDER_BUS ||
        controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_EXPANDER_BUS)
        return qbjVmAddrSetBusNr(def, controller);

    return 0;
}

int
qbjVmAddrSetControllerOptions(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI &&
            qbjVmAddrSetOptions(def, def->controllers[i]) < 0)
            return -1;
    }

    return 0;
}
