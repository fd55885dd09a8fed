/* In which order free PCI slots are given out (11.3). */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmAddrAssignOne(virDomainPCIAddressSet *addrs, virDomainDeviceInfo *info)
{
    if (info->pciConnectFlags == 0 || !virDeviceInfoPCIAddressIsWanted(info))
        return 0;

    return virDomainPCIAddressReserveNextAddr(addrs, info, info->pciConnectFlags, -1);
}

static int
qbjVmAddrAssignPCIControllers(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI &&
            qbjVmAddrAssignOne(addrs, &def->controllers[i]->info) < 0)
            return -1;
    }

    return 0;
}

static bool
qbjVmAddrIsUSBCompanion(const virDomainControllerDef *controller)
{
    return controller->type == VIR_DOMAIN_CONTROLLER_TYPE_USB && IS_USB2_CONTROLLER(controller);
}

/* The four functions of one ICH9 USB controller share a slot. */
static unsigned int
qbjVmAddrUSBFunction(const virDomainControllerDef *controller)
{
    switch (controller->model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_EHCI1:
        return 7;
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI2:
        return 1;
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI3:
        return 2;
    default:
        return 0;
    }
}

/* A sibling that has an address already. */
static const virDomainControllerDef *
qbjVmAddrFindCompanion(const virDomainDef *def, const virDomainControllerDef *controller)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        const virDomainControllerDef *other = def->controllers[i];

        if (other != controller && qbjVmAddrIsUSBCompanion(other) && other->idx == controller->idx &&
            virDeviceInfoPCIAddressIsPresent(&other->info))
            return other;
    }

    return NULL;
}

/* A dry run stores no addresses; there the first of a group stands for its slot. */
static bool
qbjVmAddrIsFirstCompanion(const virDomainDef *def, const virDomainControllerDef *controller)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (qbjVmAddrIsUSBCompanion(def->controllers[i]) && def->controllers[i]->idx == controller->idx)
            return def->controllers[i] == controller;
    }

    return true;
}

static int
qbjVmAddrAssignUSBCompanion(virDomainDef *def, virDomainPCIAddressSet *addrs, virDomainControllerDef *controller)
{
    const virDomainControllerDef *sibling = qbjVmAddrFindCompanion(def, controller);
    unsigned int function = qbjVmAddrUSBFunction(controller);
    virPCIDeviceAddress addr;

    if (!virDeviceInfoPCIAddressIsWanted(&controller->info))
        return 0;

    if (!sibling) {
        if (addrs->dryRun && !qbjVmAddrIsFirstCompanion(def, controller))
            return 0;
        return virDomainPCIAddressReserveNextAddr(addrs, &controller->info, controller->info.pciConnectFlags, function);
    }

    addr = sibling->info.addr.pci;
    addr.function = function;
    addr.multi = VIR_TRISTATE_SWITCH_ABSENT;
    if (virDomainPCIAddressReserveAddr(addrs, &addr, VIR_PCI_CONNECT_TYPE_PCI_DEVICE, 0) < 0)
        return -1;

    if (!addrs->dryRun) {
        controller->info.type = VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI;
        controller->info.addr.pci = addr;
    }
    return 0;
}

static int
qbjVmAddrAssignControllers(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        virDomainControllerDef *controller = def->controllers[i];
        int rc = 0;

        if (qbjVmAddrIsUSBCompanion(controller))
            rc = qbjVmAddrAssignUSBCompanion(def, addrs, controller);
        else if (controller->type != VIR_DOMAIN_CONTROLLER_TYPE_PCI)
            rc = qbjVmAddrAssignOne(addrs, &controller->info);

        if (rc < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignDisks(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->disks[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignVideos(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->nvideos; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->videos[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignNets(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->nets[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignSounds(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->nsounds; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->sounds[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignRngs(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->nrngs; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->rngs[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignInputs(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->ninputs; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->inputs[i]->info) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrAssignSerials(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        if (qbjVmAddrAssignOne(addrs, &def->serials[i]->info) < 0)
            return -1;
    }

    return 0;
}

/* What comes behind the disks. */
static int
qbjVmAddrAssignLast(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    if ((def->memballoon && qbjVmAddrAssignOne(addrs, &def->memballoon->info) < 0) ||
        qbjVmAddrAssignRngs(def, addrs) < 0 ||
        (def->watchdog && qbjVmAddrAssignOne(addrs, &def->watchdog->info) < 0) ||
        qbjVmAddrAssignVideos(def, addrs) < 0 ||
        qbjVmAddrAssignInputs(def, addrs) < 0 ||
        qbjVmAddrAssignSerials(def, addrs) < 0 ||
        (def->vsock && qbjVmAddrAssignOne(addrs, &def->vsock->info) < 0))
        return -1;

    return 0;
}

int
qbjVmAddrAssignAll(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    if (qbjVmAddrAssignPCIControllers(def, addrs) < 0 ||
        qbjVmAddrAssignNets(def, addrs) < 0 ||
        qbjVmAddrAssignSounds(def, addrs) < 0 ||
        qbjVmAddrAssignControllers(def, addrs) < 0 ||
        qbjVmAddrAssignDisks(def, addrs) < 0)
        return -1;

    return qbjVmAddrAssignLast(def, addrs);
}
