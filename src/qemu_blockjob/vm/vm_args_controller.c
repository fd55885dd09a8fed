/* Controllers: PCI first, by index, for the others are plugged into them. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsRefuseController(const virDomainControllerDef *controller, const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("This %s of the %s controller with index %d is not supported."),
                   what, virDomainControllerTypeToString(controller->type), controller->idx);
    return -1;
}

static int
qbjVmArgsAddController(virCommand *cmd, const qbjVmArgsInput *input,
                       const virDomainControllerDef *controller, virJSONValue **props)
{
    if (qbjVmArgsAddAddress(props, input->def, &controller->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", *props);
}

static int
qbjVmArgsAddRootPort(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    g_autoptr(virJSONValue) props = NULL;
    const char *driver;

    switch (opts->modelName) {
    case VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_ROOT_PORT:
        driver = "pcie-root-port";
        break;
    case VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_IOH3420:
        driver = "ioh3420";
        break;
    default:
        return qbjVmArgsRefuseController(controller, "model name");
    }

    if (virJSONValueObjectAdd(&props,
                              "s:driver", driver,
                              "j:port", opts->port,
                              "j:chassis", opts->chassis,
                              "s:id", controller->info.alias,
                              "T:hotplug", opts->hotplug,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static int
qbjVmArgsAddPCIBridge(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    g_autoptr(virJSONValue) props = NULL;

    if (opts->modelName != VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCI_BRIDGE)
        return qbjVmArgsRefuseController(controller, "model name");

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "pci-bridge",
                              "j:chassis_nr", opts->chassisNr,
                              "s:id", controller->info.alias,
                              "T:shpc", opts->hotplug,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static int
qbjVmArgsAddPCIeToPCIBridge(virCommand *cmd, const qbjVmArgsInput *input,
                            const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    g_autoptr(virJSONValue) props = NULL;

    if (opts->modelName != VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_PCI_BRIDGE)
        return qbjVmArgsRefuseController(controller, "model name");
    if (opts->hotplug != VIR_TRISTATE_SWITCH_ABSENT)
        return qbjVmArgsRefuseController(controller, "hotplug");

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "pcie-pci-bridge",
                              "s:id", controller->info.alias,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static int
qbjVmArgsAddPCIController(virCommand *cmd, const qbjVmArgsInput *input,
                          const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;

    if (opts->pcihole64 || opts->numaNode != -1 || opts->busNr != -1 || opts->targetIndex != -1)
        return qbjVmArgsRefuseController(controller, "pcihole64, node, busNr or index");

    switch ((virDomainControllerModelPCI) controller->model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT:
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT:
        /* part of the machine */
        return opts->hotplug == VIR_TRISTATE_SWITCH_ABSENT ? 0 : qbjVmArgsRefuseController(controller, "hotplug");
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT:
        return qbjVmArgsAddRootPort(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE:
        return qbjVmArgsAddPCIBridge(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE:
        return qbjVmArgsAddPCIeToPCIBridge(cmd, input, controller);
    default:
        return qbjVmArgsRefuseController(controller, "model");
    }
}

static const char *
qbjVmArgsUSBDriver(int model)
{
    switch (model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX3_UHCI:
        return "piix3-usb-uhci";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX4_UHCI:
        return "piix4-usb-uhci";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_EHCI:
        return "usb-ehci";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_EHCI1:
        return "ich9-usb-ehci1";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI1:
        return "ich9-usb-uhci1";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI2:
        return "ich9-usb-uhci2";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_ICH9_UHCI3:
        return "ich9-usb-uhci3";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_NEC_XHCI:
        return "nec-usb-xhci";
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_QEMU_XHCI:
        return "qemu-xhci";
    default:
        return NULL;
    }
}

/* A companion has no bus of its own and therefore no id; it hangs at the first controller of its index. */
static int
qbjVmArgsAddUSBCompanion(virJSONValue **props, const virDomainDef *def, const virDomainControllerDef *controller)
{
    g_autofree char *bus = NULL;
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        const virDomainControllerDef *master = def->controllers[i];

        if (master->type == VIR_DOMAIN_CONTROLLER_TYPE_USB && master->idx == controller->idx &&
            master->info.mastertype == VIR_DOMAIN_CONTROLLER_MASTER_NONE) {
            bus = g_strdup_printf("%s.0", master->info.alias);
            return virJSONValueObjectAdd(props,
                                         "s:masterbus", bus,
                                         "u:firstport", controller->info.master.usb.startport,
                                         NULL);
        }
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("USB controller with index %d names a master, but no controller with this index is one."),
                   controller->idx);
    return -1;
}

static int
qbjVmArgsAddUSBController(virCommand *cmd, const qbjVmArgsInput *input,
                          const virDomainControllerDef *controller)
{
    bool xhci = controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_NEC_XHCI ||
                controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_QEMU_XHCI;
    const char *driver = qbjVmArgsUSBDriver(controller->model);
    g_autoptr(virJSONValue) props = NULL;

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_NONE)
        return 0;
    if (!driver)
        return qbjVmArgsRefuseController(controller, "model");
    if (controller->opts.usbopts.ports != -1 && !xhci)
        return qbjVmArgsRefuseController(controller, "ports");

    if (virJSONValueObjectAdd(&props,
                              "s:driver", driver,
                              "k:p2", controller->opts.usbopts.ports,
                              "k:p3", controller->opts.usbopts.ports,
                              NULL) < 0)
        return -1;

    if (controller->info.mastertype == VIR_DOMAIN_CONTROLLER_MASTER_USB) {
        if (qbjVmArgsAddUSBCompanion(&props, input->def, controller) < 0)
            return -1;
    } else if (virJSONValueObjectAdd(&props, "s:id", controller->info.alias, NULL) < 0) {
        return -1;
    }

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static int
qbjVmArgsAddOtherController(virCommand *cmd, const qbjVmArgsInput *input,
                            const virDomainControllerDef *controller)
{
    switch ((virDomainControllerType) controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_PCI:
        return 0;
    case VIR_DOMAIN_CONTROLLER_TYPE_USB:
        return qbjVmArgsAddUSBController(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_TYPE_SATA:
        /* the first one of q35 is part of the machine, like the first IDE controller of pc */
        if (controller->idx == 0 && qbjVmMachineIsQ35(input->def->os.machine))
            return 0;
        return qbjVmArgsRefuseController(controller, "index");
    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        if (controller->idx == 0 && qbjVmMachineIsI440fx(input->def->os.machine))
            return 0;
        return qbjVmArgsRefuseController(controller, "index");
    default:
        return qbjVmArgsRefuseController(controller, "type");
    }
}

static gint
qbjVmArgsCompareIndex(gconstpointer a, gconstpointer b)
{
    const virDomainControllerDef *const *first = a;
    const virDomainControllerDef *const *second = b;

    return (*first)->idx - (*second)->idx;
}

/* By index: a bridge may only be plugged into one that QEMU has seen before. */
static int
qbjVmArgsAddPCIControllers(virCommand *cmd, const qbjVmArgsInput *input)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    size_t i;

    for (i = 0; i < input->def->ncontrollers; i++) {
        if (input->def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI)
            g_ptr_array_add(sorted, input->def->controllers[i]);
    }
    g_ptr_array_sort(sorted, qbjVmArgsCompareIndex);

    for (i = 0; i < sorted->len; i++) {
        if (qbjVmArgsAddPCIController(cmd, input, g_ptr_array_index(sorted, i)) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddControllers(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    if (qbjVmArgsAddPCIControllers(cmd, input) < 0)
        return -1;

    for (i = 0; i < input->def->ncontrollers; i++) {
        if (qbjVmArgsAddOtherController(cmd, input, input->def->controllers[i]) < 0)
            return -1;
    }

    return 0;
}
