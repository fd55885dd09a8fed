/* USB controllers. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_controller.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

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
    case VIR_DOMAIN_CONTROLLER_MODEL_USB_PCI_OHCI:
        return "pci-ohci";
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

int
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
