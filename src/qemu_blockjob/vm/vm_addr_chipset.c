/* Devices that sit in fixed places because the machine's chipset has them there: pc's PIIX3, q35's ICH9,
 * the display. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr_parts.h"
#include "vm_caps.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjVmAddrFixed qbjVmAddrFixed;
struct _qbjVmAddrFixed {
    virDomainControllerType type;
    int idx;
    int model;                  /* -1: any */
    unsigned int slot;
    unsigned int function;
    const char *name;           /* in the error, when the definition wants it elsewhere */
};

static const qbjVmAddrFixed qbjVmAddrFixedPC[] = {
    { VIR_DOMAIN_CONTROLLER_TYPE_IDE, 0, -1, 0x01, 1, N_("Primary IDE controller") },
    { VIR_DOMAIN_CONTROLLER_TYPE_USB, 0, VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX3_UHCI, 0x01, 2,
      N_("PIIX3 USB controller at index 0") },
};

static const qbjVmAddrFixed qbjVmAddrFixedQ35[] = {
    { VIR_DOMAIN_CONTROLLER_TYPE_SATA, 0, -1, 0x1f, 2, N_("Primary SATA controller") },
};

/* The rest of the multifunction devices of the chipset, which no definition shows. */
static const virPCIDeviceAddress qbjVmAddrTakenPC[] = {
    { .slot = 0x01, .function = 0 },    /* ISA bridge */
    { .slot = 0x01, .function = 3 },    /* power management */
};

static const virPCIDeviceAddress qbjVmAddrTakenQ35[] = {
    { .slot = 0x1f, .function = 0 },    /* ISA bridge */
    { .slot = 0x1f, .function = 3 },    /* SMBus */
};

static bool
qbjVmAddrIsFixed(const virDomainControllerDef *controller, const qbjVmAddrFixed *fixed)
{
    return controller->type == (int) fixed->type && controller->idx == fixed->idx &&
           (fixed->model == -1 || controller->model == fixed->model);
}

static int
qbjVmAddrSetFixed(virDomainDeviceInfo *info, const qbjVmAddrFixed *fixed)
{
    const virPCIDeviceAddress wanted = { .slot = fixed->slot, .function = fixed->function };

    if (!virDeviceInfoPCIAddressIsPresent(info)) {
        info->type = VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI;
        info->addr.pci = wanted;
        return 0;
    }

    if (!virPCIDeviceAddressEqual(&info->addr.pci, &wanted)) {
        virReportError(VIR_ERR_XML_ERROR, _("%s must have PCI address 0:0:%x.%x"),
                       _(fixed->name), fixed->slot, fixed->function);
        return -1;
    }

    return 0;
}

int
qbjVmAddrSetChipset(virDomainDef *def)
{
    bool q35 = qbjVmMachineIsQ35(def->os.machine);
    const qbjVmAddrFixed *table = q35 ? qbjVmAddrFixedQ35 : qbjVmAddrFixedPC;
    size_t count = q35 ? G_N_ELEMENTS(qbjVmAddrFixedQ35) : G_N_ELEMENTS(qbjVmAddrFixedPC);
    size_t i;
    size_t j;

    for (i = 0; i < def->ncontrollers; i++) {
        for (j = 0; j < count; j++) {
            if (qbjVmAddrIsFixed(def->controllers[i], &table[j]) &&
                qbjVmAddrSetFixed(&def->controllers[i]->info, &table[j]) < 0)
                return -1;
        }
    }

    return 0;
}

static int
qbjVmAddrReserveTaken(virDomainPCIAddressSet *addrs, const virPCIDeviceAddress *taken, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        virPCIDeviceAddress addr = taken[i];

        if (virDomainPCIAddressReserveAddr(addrs, &addr, VIR_PCI_CONNECT_TYPE_PCI_DEVICE, 0) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmAddrPlace(virDomainPCIAddressSet *addrs, virDomainDeviceInfo *info, virPCIDeviceAddress addr)
{
    if (virDomainPCIAddressReserveAddr(addrs, &addr, info->pciConnectFlags, 0) < 0)
        return -1;

    /* in a dry run too: the real one then finds it named */
    info->type = VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI;
    info->addr.pci = addr;
    return 0;
}

/* A real ICH9 has two USB 2 controllers of four functions each. The others of a group follow their UHCI 1
 * (vm_addr_order.c); a group without it, and the third group, go wherever there is room. */
static int
qbjVmAddrPlaceICH9USB(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    const virPCIDeviceAddress places[] = { { .slot = 0x1d }, { .slot = 0x1a } };
    size_t i;
    size_t j;

    for (i = 0; i < def->ncontrollers; i++) {
        virDomainControllerDef *controller = def->controllers[i];

        if (controller->type != VIR_DOMAIN_CONTROLLER_TYPE_USB ||
            controller->model != VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI1 ||
            !virDeviceInfoPCIAddressIsWanted(&controller->info))
            continue;

        for (j = 0; j < G_N_ELEMENTS(places); j++) {
            virPCIDeviceAddress addr = places[j];

            if (virDomainPCIAddressSlotInUse(addrs, &addr))
                continue;
            if (qbjVmAddrPlace(addrs, &controller->info, addr) < 0)
                return -1;
            break;
        }
    }

    return 0;
}

/* On real boards the bridge to conventional PCI is here, too. */
static int
qbjVmAddrPlaceDMIBridge(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    virPCIDeviceAddress addr = { .slot = 0x1e };
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        virDomainControllerDef *controller = def->controllers[i];

        if (controller->type != VIR_DOMAIN_CONTROLLER_TYPE_PCI || controller->idx == 0 ||
            controller->model != VIR_DOMAIN_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE ||
            !virDeviceInfoPCIAddressIsWanted(&controller->info))
            continue;
        if (virDomainPCIAddressSlotInUse(addrs, &addr))
            return 0;
        return qbjVmAddrPlace(addrs, &controller->info, addr);
    }

    return 0;
}

/* The first display adapter goes where firmware and guests expect it, if nothing else was put there by
 * name. */
static int
qbjVmAddrPlaceVideo(virDomainDef *def, virDomainPCIAddressSet *addrs, unsigned int slot)
{
    virPCIDeviceAddress addr = { .slot = slot };
    virDomainDeviceInfo *info;

    if (def->nvideos == 0 || def->videos[0]->info.pciConnectFlags == 0)
        return 0;

    info = &def->videos[0]->info;
    if (!virDeviceInfoPCIAddressIsWanted(info))
        return 0;

    if (virDomainPCIAddressSlotInUse(addrs, &addr))
        return virDomainPCIAddressReserveNextAddr(addrs, info, info->pciConnectFlags, -1);

    return qbjVmAddrPlace(addrs, info, addr);
}

/* The sound chip of the ICH9. */
static int
qbjVmAddrPlaceSound(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    const virPCIDeviceAddress addr = { .slot = 0x1b };
    size_t i;

    for (i = 0; i < def->nsounds; i++) {
        virPCIDeviceAddress wanted = addr;

        if (def->sounds[i]->model != VIR_DOMAIN_SOUND_MODEL_ICH9 ||
            !virDeviceInfoPCIAddressIsWanted(&def->sounds[i]->info))
            continue;
        if (virDomainPCIAddressSlotInUse(addrs, &wanted))
            return 0;
        return qbjVmAddrPlace(addrs, &def->sounds[i]->info, addr);
    }

    return 0;
}

int
qbjVmAddrReserveChipset(virDomainDef *def, virDomainPCIAddressSet *addrs)
{
    if (qbjVmMachineIsQ35(def->os.machine)) {
        if (qbjVmAddrReserveTaken(addrs, qbjVmAddrTakenQ35, G_N_ELEMENTS(qbjVmAddrTakenQ35)) < 0 ||
            qbjVmAddrPlaceICH9USB(def, addrs) < 0 ||
            qbjVmAddrPlaceSound(def, addrs) < 0 ||
            qbjVmAddrPlaceDMIBridge(def, addrs) < 0)
            return -1;
        return qbjVmAddrPlaceVideo(def, addrs, 0x01);
    }

    if (qbjVmMachineIsI440fx(def->os.machine)) {
        if (qbjVmAddrReserveTaken(addrs, qbjVmAddrTakenPC, G_N_ELEMENTS(qbjVmAddrTakenPC)) < 0)
            return -1;
        return qbjVmAddrPlaceVideo(def, addrs, 0x02);
    }

    return 0;
}
