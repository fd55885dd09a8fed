/* What of the domain XML this driver acts on: controllers.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportControllerFamilies[] = {
    { "devices/controller",         "type model",   "type model index" },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportControllerRows[] = {
    { "devices/controller:usb:none", .base = "%controller" },
    { "devices/controller:usb:piix3-uhci", .base = "%controller" },
    { "devices/controller:usb:piix4-uhci", .base = "%controller" },
    { "devices/controller:usb:ehci", .base = "%controller" },
    { "devices/controller:usb:ich9-ehci1", .base = "%controller" },
    { "devices/controller:usb:ich9-uhci1", .base = "%companion" },
    { "devices/controller:usb:ich9-uhci2", .base = "%companion" },
    { "devices/controller:usb:ich9-uhci3", .base = "%companion" },
    { "devices/controller:usb:qemu-xhci", .base = "%controller" },
    { "devices/controller:usb:qemu-xhci/@ports", NUMBER },
    { "devices/controller:usb:nec-xhci", .base = "%controller" },
    { "devices/controller:usb:nec-xhci/@ports", NUMBER },
    { "devices/controller:pci:pci-root", .base = "%controller" },
    { "devices/controller:pci:pcie-root", .base = "%controller" },
    { "devices/controller:pci:pcie-root-port", .base = "%controller" },
    { "devices/controller:pci:pcie-root-port/model" },
    { "devices/controller:pci:pcie-root-port/model/@name", "pcie-root-port ioh3420" },
    { "devices/controller:pci:pcie-root-port/target" },
    { "devices/controller:pci:pcie-root-port/target/@chassis", NUMBER },
    { "devices/controller:pci:pcie-root-port/target/@port", NUMBER },
    { "devices/controller:pci:pcie-root-port/target/@hotplug", "on off" },
    { "devices/controller:pci:pci-bridge", .base = "%controller" },
    { "devices/controller:pci:pci-bridge/model" },
    { "devices/controller:pci:pci-bridge/model/@name", "pci-bridge" },
    { "devices/controller:pci:pci-bridge/target" },
    { "devices/controller:pci:pci-bridge/target/@chassisNr", NUMBER },
    { "devices/controller:pci:pcie-to-pci-bridge", .base = "%controller" },
    { "devices/controller:pci:pcie-to-pci-bridge/model" },
    { "devices/controller:pci:pcie-to-pci-bridge/model/@name", "pcie-pci-bridge" },
    /* those of the chipset, which hold no disk of ours */
    { "devices/controller:sata", .base = "%chipset" },
    { "devices/controller:ide", .base = "%chipset" },
    { "%chipset", .base = "%pci" },
    { "%chipset/@type" },
    { "%chipset/@index", "0", NUMBER },
    { "%controller", .base = "%pci" },
    { "%controller/@type" },
    { "%controller/@model" },
    { "%controller/@index", NUMBER },
    { "%companion", .base = "%controller" },
    { "%companion/master" },
    { "%companion/master/@startport", NUMBER },
    { NULL }
};
