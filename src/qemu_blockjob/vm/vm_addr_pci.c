/* PCI addresses: a set with one bus per controller, chipset slots taken first, then what the definition
 * names, then everybody else in the stock driver's order. It is filled twice: a dry run finds how many
 * buses are needed. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr.h"
#include "vm_addr_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmAddrMarkConnect(virDomainDef *def, virDomainDeviceDef *dev, virDomainDeviceInfo *info,
                     void *opaque G_GNUC_UNUSED)
{
    info->pciConnectFlags = qbjVmAddrConnect(def, dev);
    /* root ports without ABI of their own share slots, eight to one */
    if (info->pciConnectFlags & VIR_PCI_CONNECT_TYPE_PCIE_ROOT_PORT)
        info->pciConnectFlags |= VIR_PCI_CONNECT_AGGREGATE_SLOT;
    return 0;
}

static int
qbjVmAddrHighestBus(const virDomainDef *def)
{
    int highest = -1;
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI)
            highest = MAX(highest, def->controllers[i]->idx);
    }

    return highest;
}

static int
qbjVmAddrSetBuses(virDomainPCIAddressSet *addrs, const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        const virDomainControllerDef *controller = def->controllers[i];
        bool hotplug = controller->opts.pciopts.hotplug != VIR_TRISTATE_SWITCH_OFF;

        if (controller->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI &&
            virDomainPCIAddressBusSetModel(&addrs->buses[controller->idx], controller->model, hotplug) < 0)
            return -1;
    }

    /* indexes that the definition leaves out below its highest: the dry run's guess is the machine's usual
     * bridge */
    for (i = 1; i < addrs->nbuses; i++) {
        virDomainControllerModelPCI usual = addrs->buses[0].model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT ?
            VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT : VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE;

        if (addrs->buses[i].flags == 0 && virDomainPCIAddressBusSetModel(&addrs->buses[i], usual, true) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrReserveNamed(virDomainDef *def G_GNUC_UNUSED, virDomainDeviceDef *dev G_GNUC_UNUSED,
                      virDomainDeviceInfo *info, void *opaque)
{
    virDomainPCIAddressSet *addrs = opaque;

    if (!virDeviceInfoPCIAddressIsPresent(info))
        return 0;

    return virDomainPCIAddressReserveAddr(addrs, &info->addr.pci, info->pciConnectFlags, info->isolationGroup);
}

virDomainPCIAddressSet *
qbjVmAddrSetNew(virDomainDef *def, size_t nbuses, bool dryRun)
{
    g_autoptr(virDomainPCIAddressSet) addrs = virDomainPCIAddressSetAlloc(nbuses, VIR_PCI_ADDRESS_EXTENSION_NONE);

    addrs->dryRun = dryRun;
    addrs->isPCIeToPCIBridgeSupported = true;

    if (qbjVmAddrSetBuses(addrs, def) < 0 ||
        virDomainDeviceInfoIterate(def, qbjVmAddrReserveNamed, addrs) < 0)
        return NULL;

    return g_steal_pointer(&addrs);
}

/* One hotpluggable slot more than is needed; nothing is added where the user laid out the buses or needs
 * none. */
static int
qbjVmAddrReserveSpare(virDomainPCIAddressSet *addrs, size_t nbuses)
{
    virDomainDeviceInfo spare = { .pciConnectFlags = VIR_PCI_CONNECT_HOTPLUGGABLE };
    size_t i;

    if (addrs->buses[0].model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT) {
        if (nbuses > 1 || addrs->nbuses == nbuses)
            return 0;
        spare.pciConnectFlags |= VIR_PCI_CONNECT_TYPE_PCIE_DEVICE;
    } else {
        for (i = 0; i < addrs->nbuses; i++) {
            if (!virDomainPCIAddressBusIsFullyReserved(&addrs->buses[i]))
                break;
        }
        /* where the user switched hotplug off there is nothing to keep free */
        if (i == addrs->nbuses || !(addrs->buses[0].flags & VIR_PCI_CONNECT_HOTPLUGGABLE))
            return 0;
        spare.pciConnectFlags |= VIR_PCI_CONNECT_TYPE_PCI_DEVICE;
    }

    return virDomainPCIAddressReserveNextAddr(addrs, &spare, spare.pciConnectFlags, -1);
}

/* Adds the controllers that a dry run found missing. */
static int
qbjVmAddrAddBuses(virDomainDef *def, size_t nbuses)
{
    g_autoptr(virDomainPCIAddressSet) addrs = qbjVmAddrSetNew(def, nbuses, true);
    size_t i;

    if (!addrs ||
        qbjVmAddrReserveChipset(def, addrs) < 0 ||
        qbjVmAddrAssignAll(def, addrs) < 0 ||
        qbjVmAddrReserveSpare(addrs, nbuses) < 0)
        return -1;

    for (i = 1; i < addrs->nbuses; i++) {
        if (virDomainDefMaybeAddController(def, VIR_DOMAIN_CONTROLLER_TYPE_PCI, i, addrs->buses[i].model) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmAddrAssign(virDomainDef *def)
{
    g_autoptr(virDomainPCIAddressSet) addrs = NULL;
    int highest = qbjVmAddrHighestBus(def);

    if (highest < 0)
        return 0;

    if (qbjVmAddrSetChipset(def) < 0 ||
        virDomainDeviceInfoIterate(def, qbjVmAddrMarkConnect, NULL) < 0 ||
        qbjVmAddrAddBuses(def, highest + 1) < 0)
        return -1;

    /* the new controllers need their own connections */
    if (virDomainDeviceInfoIterate(def, qbjVmAddrMarkConnect, NULL) < 0)
        return -1;

    addrs = qbjVmAddrSetNew(def, qbjVmAddrHighestBus(def) + 1, false);
    if (!addrs ||
        qbjVmAddrReserveChipset(def, addrs) < 0 ||
        qbjVmAddrAssignAll(def, addrs) < 0)
        return -1;

    if (qbjVmAddrSetControllerOptions(def) < 0)
        return -1;
    virDomainPCIAddressSetAllMulti(def);
    return 0;
}

static int
qbjVmAddrCheckPresent(virDomainDef *def G_GNUC_UNUSED, virDomainDeviceDef *dev, virDomainDeviceInfo *info,
                      void *opaque G_GNUC_UNUSED)
{
    if (!virDeviceInfoPCIAddressIsWanted(info) || info->pciConnectFlags == 0)
        return 0;

    virReportError(VIR_ERR_INTERNAL_ERROR, _("A device of type '%s' has no PCI address."),
                   virDomainDeviceTypeToString(dev->type));
    return -1;
}

virDomainPCIAddressSet *
qbjVmAddrReserve(virDomainDef *def)
{
    g_autoptr(virDomainPCIAddressSet) addrs = NULL;

    if (virDomainDeviceInfoIterate(def, qbjVmAddrMarkConnect, NULL) < 0 ||
        virDomainDeviceInfoIterate(def, qbjVmAddrCheckPresent, NULL) < 0)
        return NULL;

    addrs = qbjVmAddrSetNew(def, MAX(qbjVmAddrHighestBus(def), 0) + 1, false);
    if (!addrs || qbjVmAddrReserveChipset(def, addrs) < 0)
        return NULL;

    return g_steal_pointer(&addrs);
}
