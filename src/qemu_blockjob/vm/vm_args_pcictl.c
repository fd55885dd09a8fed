/* PCI controllers: bridges, root ports, switches, expanders. The root itself is part of the machine; what it
 * can be told goes through -global. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_controller.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjVmArgsPCIModel qbjVmArgsPCIModel;
struct _qbjVmArgsPCIModel {
    virDomainControllerModelPCI model;
    virDomainControllerPCIModelName name;
    const char *driver;
};

static const qbjVmArgsPCIModel qbjVmArgsPCIModels[] = {
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_ROOT_PORT,
      "pcie-root-port" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_IOH3420, "ioh3420" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCI_BRIDGE, "pci-bridge" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PCIE_PCI_BRIDGE,
      "pcie-pci-bridge" },
    { VIR_DOMAIN_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_I82801B11_BRIDGE,
      "i82801b11-bridge" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_UPSTREAM_PORT, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_X3130_UPSTREAM,
      "x3130-upstream" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT,
      VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_XIO3130_DOWNSTREAM, "xio3130-downstream" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCI_EXPANDER_BUS, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PXB, "pxb" },
    { VIR_DOMAIN_CONTROLLER_MODEL_PCIE_EXPANDER_BUS, VIR_DOMAIN_CONTROLLER_PCI_MODEL_NAME_PXB_PCIE, "pxb-pcie" },
};

static const char *
qbjVmArgsPCIDriver(const virDomainControllerDef *controller)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmArgsPCIModels); i++) {
        if (controller->model == (int) qbjVmArgsPCIModels[i].model &&
            controller->opts.pciopts.modelName == qbjVmArgsPCIModels[i].name)
            return qbjVmArgsPCIModels[i].driver;
    }

    return NULL;
}

static bool
qbjVmArgsIsPCIExpander(int model)
{
    return model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_EXPANDER_BUS ||
           model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_EXPANDER_BUS;
}

/* What one kind of controller takes and another has not. Names it, or NULL. */
static const char *
qbjVmArgsPCIUnknown(const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    int model = controller->model;

    if (opts->pcihole64)
        return "pcihole64";
    if (opts->targetIndex != -1)
        return "target index";
    if (!qbjVmArgsIsPCIExpander(model) && (opts->numaNode != -1 || opts->busNr != -1))
        return "node or busNr";
    if (opts->hotplug != VIR_TRISTATE_SWITCH_ABSENT && model != VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT)
        return "hotplug";

    return NULL;
}

static int
qbjVmArgsAddPCIProperties(virJSONValue **props, const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_BRIDGE)
        return virJSONValueObjectAdd(props, "j:chassis_nr", opts->chassisNr, NULL);

    if (qbjVmArgsIsPCIExpander(controller->model))
        return virJSONValueObjectAdd(props, "j:bus_nr", opts->busNr, NULL);

    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT_PORT ||
        controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT)
        return virJSONValueObjectAdd(props, "j:port", opts->port, "j:chassis", opts->chassis, NULL);

    return 0;
}

static int
qbjVmArgsAddPCIBridge(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    const char *driver = qbjVmArgsPCIDriver(controller);
    const char *unknown = qbjVmArgsPCIUnknown(controller);
    g_autoptr(virJSONValue) props = NULL;

    if (!driver || unknown)
        return qbjVmArgsRefuseController(controller, unknown ? unknown : "model or its name");

    if (virJSONValueObjectAdd(&props, "s:driver", driver, NULL) < 0 ||
        qbjVmArgsAddPCIProperties(&props, controller) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:id", controller->info.alias,
                              "k:numa_node", opts->numaNode,
                              "T:hotplug", opts->hotplug,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

int
qbjVmArgsAddPCIController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    /* part of the machine */
    if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT ||
        controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT)
        return 0;

    return qbjVmArgsAddPCIBridge(cmd, input, controller);
}

static int
qbjVmArgsAddPCIRoot(virCommand *cmd, const virDomainControllerDef *controller)
{
    const virDomainPCIControllerOpts *opts = &controller->opts.pciopts;
    bool q35 = controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT;

    if (opts->numaNode != -1 || opts->busNr != -1 || opts->targetIndex != -1)
        return qbjVmArgsRefuseController(controller, "node, busNr or index");
    if (q35 && opts->hotplug != VIR_TRISTATE_SWITCH_ABSENT)
        return qbjVmArgsRefuseController(controller, "hotplug");

    if (opts->pcihole64) {
        virCommandAddArg(cmd, "-global");
        virCommandAddArgFormat(cmd, "%s.pci-hole64-size=%luK", q35 ? "q35-pcihost" : "i440FX-pcihost",
                               opts->pcihole64size);
    }
    if (opts->hotplug != VIR_TRISTATE_SWITCH_ABSENT) {
        virCommandAddArg(cmd, "-global");
        virCommandAddArgFormat(cmd, "PIIX4_PM.acpi-root-pci-hotplug=%s", virTristateSwitchTypeToString(opts->hotplug));
    }

    return 0;
}

int
qbjVmArgsAddPCIRoots(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->ncontrollers; i++) {
        const virDomainControllerDef *controller = input->def->controllers[i];

        if (controller->type == VIR_DOMAIN_CONTROLLER_TYPE_PCI &&
            (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT ||
             controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT) &&
            qbjVmArgsAddPCIRoot(cmd, controller) < 0)
            return -1;
    }

    return 0;
}
