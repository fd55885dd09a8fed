/* Controllers of disks and of virtio-serial ports. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_controller.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static char *
qbjVmArgsScsiControllerDriver(int model)
{
    switch (model) {
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSILOGIC:
        return g_strdup("lsi");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSISAS1068:
        return g_strdup("mptsas1068");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_LSISAS1078:
        return g_strdup("megasas");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VMPVSCSI:
        return g_strdup("pvscsi");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_AM53C974:
        return g_strdup("am53c974");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_DC390:
        return g_strdup("dc-390");
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_SCSI:
        return qbjVmArgsVirtioDriver("virtio-scsi", QBJ_VM_ARGS_VIRTIO_BOTH);
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_TRANSITIONAL:
        return qbjVmArgsVirtioDriver("virtio-scsi", QBJ_VM_ARGS_VIRTIO_TRANSITIONAL);
    case VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_NON_TRANSITIONAL:
        return qbjVmArgsVirtioDriver("virtio-scsi", QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL);
    default:
        return NULL;
    }
}

static bool
qbjVmArgsIsVirtioScsi(int model)
{
    return model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_SCSI ||
           model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_TRANSITIONAL ||
           model == VIR_DOMAIN_CONTROLLER_MODEL_SCSI_VIRTIO_NON_TRANSITIONAL;
}

static bool
qbjVmArgsHasDriverOptions(const virDomainControllerDef *controller)
{
    return controller->queues != 0 || controller->cmd_per_lun != 0 || controller->max_sectors != 0 ||
           controller->ioeventfd != VIR_TRISTATE_SWITCH_ABSENT || controller->iothread != 0 ||
           qbjVmArgsHasVirtioOptions(controller->virtio);
}

static int
qbjVmArgsAddScsiController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    g_autofree char *driver = qbjVmArgsScsiControllerDriver(controller->model);
    g_autoptr(virJSONValue) props = NULL;

    if (!driver)
        return qbjVmArgsRefuseController(controller, "model");
    if (!qbjVmArgsIsVirtioScsi(controller->model) && qbjVmArgsHasDriverOptions(controller))
        return qbjVmArgsRefuseController(controller, "driver");

    if (virJSONValueObjectAdd(&props, "s:driver", driver, NULL) < 0 ||
        qbjVmArgsAddIOThread(&props, controller->iothread) < 0 ||
        qbjVmArgsAddVirtioOptions(&props, controller->virtio) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:id", controller->info.alias,
                              "p:num_queues", controller->queues,
                              "p:cmd_per_lun", controller->cmd_per_lun,
                              "p:max_sectors", controller->max_sectors,
                              "T:ioeventfd", controller->ioeventfd,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static qbjVmArgsVirtioForm
qbjVmArgsSerialForm(int model)
{
    if (model == VIR_DOMAIN_CONTROLLER_MODEL_VIRTIO_SERIAL_VIRTIO_TRANSITIONAL)
        return QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
    if (model == VIR_DOMAIN_CONTROLLER_MODEL_VIRTIO_SERIAL_VIRTIO_NON_TRANSITIONAL)
        return QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;

    return QBJ_VM_ARGS_VIRTIO_BOTH;
}

static int
qbjVmArgsAddSerialController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    g_autofree char *driver = qbjVmArgsVirtioDriver("virtio-serial", qbjVmArgsSerialForm(controller->model));
    g_autoptr(virJSONValue) props = NULL;

    if (virJSONValueObjectAdd(&props, "s:driver", driver, NULL) < 0 ||
        qbjVmArgsAddVirtioOptions(&props, controller->virtio) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:id", controller->info.alias,
                              "k:max_ports", controller->opts.vioserial.ports,
                              "k:vectors", controller->opts.vioserial.vectors,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

static int
qbjVmArgsAddSataController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    g_autoptr(virJSONValue) props = NULL;

    /* the first one of q35 is part of the machine, like the first IDE controller of pc */
    if (controller->idx == 0 && qbjVmMachineIsQ35(input->def->os.machine))
        return 0;

    if (virJSONValueObjectAdd(&props, "s:driver", "ahci", "s:id", controller->info.alias, NULL) < 0)
        return -1;

    return qbjVmArgsAddController(cmd, input, controller, &props);
}

/* The boot order of the drive on @unit, 0 for none. */
static unsigned int
qbjVmArgsFloppyBootIndex(const virDomainDef *def, unsigned int unit)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (disk->bus == VIR_DOMAIN_DISK_BUS_FDC && disk->info.addr.drive.unit == unit)
            return qbjVmArgsBootIndex(def, disk);
    }

    return 0;
}

static bool
qbjVmArgsHasFloppy(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->bus == VIR_DOMAIN_DISK_BUS_FDC)
            return true;
    }

    return false;
}

/* pc's board has the controller, and only -global reaches it. */
static void
qbjVmArgsAddBoardFloppyBoot(virCommand *cmd, const char *property, unsigned int index)
{
    if (index == 0)
        return;

    virCommandAddArg(cmd, "-global");
    virCommandAddArgFormat(cmd, "isa-fdc.%s=%u", property, index);
}

int
qbjVmArgsAddFloppyController(virCommand *cmd, const qbjVmArgsInput *input)
{
    unsigned int first = qbjVmArgsFloppyBootIndex(input->def, 0);
    unsigned int second = qbjVmArgsFloppyBootIndex(input->def, 1);
    g_autoptr(virJSONValue) props = NULL;

    if (!qbjVmArgsHasFloppy(input->def))
        return 0;

    if (!qbjVmMachineIsQ35(input->def->os.machine)) {
        qbjVmArgsAddBoardFloppyBoot(cmd, "bootindexA", first);
        qbjVmArgsAddBoardFloppyBoot(cmd, "bootindexB", second);
        return 0;
    }

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "isa-fdc",
                              "p:bootindexA", first,
                              "p:bootindexB", second,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddStorageController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller)
{
    switch (controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_SCSI:
        return qbjVmArgsAddScsiController(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_TYPE_VIRTIO_SERIAL:
        return qbjVmArgsAddSerialController(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_TYPE_SATA:
        return qbjVmArgsAddSataController(cmd, input, controller);
    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        if (controller->idx == 0 && qbjVmMachineIsI440fx(input->def->os.machine))
            return 0;
        return qbjVmArgsRefuseController(controller, "index");
    case VIR_DOMAIN_CONTROLLER_TYPE_FDC:
        /* comes with its drives: qbjVmArgsAddFloppyController */
        return controller->idx == 0 ? 0 : qbjVmArgsRefuseController(controller, "index");
    default:
        return qbjVmArgsRefuseController(controller, "type");
    }
}
