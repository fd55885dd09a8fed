/* Controllers: PCI first, by index, for the others are plugged into them; then the others by type. */

#include <config.h>

#include "internal.h"
#include "vm_args_controller.h"

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

static int
qbjVmArgsAddControllersOf(virCommand *cmd, const qbjVmArgsInput *input, virDomainControllerType type)
{
    size_t i;

    for (i = 0; i < input->def->ncontrollers; i++) {
        const virDomainControllerDef *controller = input->def->controllers[i];
        int rc;

        if (controller->type != (int) type)
            continue;
        if (type == VIR_DOMAIN_CONTROLLER_TYPE_USB)
            rc = qbjVmArgsAddUSBController(cmd, input, controller);
        else
            rc = qbjVmArgsAddStorageController(cmd, input, controller);
        if (rc < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddControllers(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainControllerType order[] = {
        VIR_DOMAIN_CONTROLLER_TYPE_USB,
        VIR_DOMAIN_CONTROLLER_TYPE_SCSI,
        VIR_DOMAIN_CONTROLLER_TYPE_IDE,
        VIR_DOMAIN_CONTROLLER_TYPE_SATA,
        VIR_DOMAIN_CONTROLLER_TYPE_VIRTIO_SERIAL,
        /* of those below only the last is supported */
        VIR_DOMAIN_CONTROLLER_TYPE_CCID,
        VIR_DOMAIN_CONTROLLER_TYPE_XENBUS,
        VIR_DOMAIN_CONTROLLER_TYPE_ISA,
        VIR_DOMAIN_CONTROLLER_TYPE_FDC,
    };
    size_t i;

    if (qbjVmArgsAddPCIControllers(cmd, input) < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(order); i++) {
        if (qbjVmArgsAddControllersOf(cmd, input, order[i]) < 0)
            return -1;
    }

    return qbjVmArgsAddFloppyController(cmd, input);
}
