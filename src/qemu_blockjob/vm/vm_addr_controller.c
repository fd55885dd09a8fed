/* What a PCI controller shows the guest besides its address: model name, chassis and port. Kept in the
 * definition, so that a guest sees the same after each start. */

#include <config.h>

#include "internal.h"
#include "vm_addr_parts.h"

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

static void
qbjVmAddrSetOptions(virDomainControllerDef *controller)
{
    virDomainPCIControllerOpts *opts = &controller->opts.pciopts;

    if (opts->modelName == VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_NONE)
        opts->modelName = qbjVmAddrModelName(controller->model);

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE && opts->chassisNr == -1)
        opts->chassisNr = controller->idx;

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT) {
        if (opts->chassis == -1)
            opts->chassis = controller->idx;
        if (opts->port == -1)
            opts->port = qbjVmAddrPort(&controller->info);
    }
}

void
qbjVmAddrSetControllerOptions(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI)
            qbjVmAddrSetOptions(def->controllers[i]);
    }
}
