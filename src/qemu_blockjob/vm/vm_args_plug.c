#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_controller.h"
#include "vm_args_disk.h"
#include "vm_args_plug.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static const struct {
    const char *option;
    const char *execute;
} qbjVmArgsPlugOptions[] = {
    { "-object", "object-add" },
    { "-blockdev", "blockdev-add" },
    { "-device", "device_add" },
};

void
qbjVmArgsPluggedFree(qbjVmArgsPlugged *one)
{
    if (!one)
        return;
    virJSONValueFree(one->arguments);
    g_free(one);
}

static const char *
qbjVmArgsPlugFind(const char *option)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmArgsPlugOptions); i++) {
        if (STREQ(qbjVmArgsPlugOptions[i].option, option))
            return qbjVmArgsPlugOptions[i].execute;
    }

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("option '%s' cannot be given to a running QEMU"), option);
    return NULL;
}

static int
qbjVmArgsPlugAppend(GPtrArray *commands, const char *option, const char *text)
{
    qbjVmArgsPlugged *one = g_new0(qbjVmArgsPlugged, 1);

    g_ptr_array_add(commands, one);
    if (!(one->execute = qbjVmArgsPlugFind(option)))
        return -1;

    one->arguments = virJSONValueFromString(text);
    return one->arguments ? 0 : -1;
}

/* QEMU's JSON options are the arguments of the commands. */
static GPtrArray *
qbjVmArgsPlugCommands(virCommand *cmd)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func((GDestroyNotify) qbjVmArgsPluggedFree);
    g_auto(GStrv) args = NULL;
    size_t i;

    if (virCommandGetArgList(cmd, &args) < 0)
        return NULL;
    for (i = 0; args[i] && args[i + 1]; i += 2) {
        if (qbjVmArgsPlugAppend(commands, args[i], args[i + 1]) < 0)
            return NULL;
    }

    return g_steal_pointer(&commands);
}

static int
qbjVmArgsPlugDevice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmArgsAddDisk(cmd, input, dev->data.disk);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjVmArgsAddStorageController(cmd, input, dev->data.controller);
    case VIR_DOMAIN_DEVICE_RNG:
        return qbjVmArgsAddRng(cmd, input->def, dev->data.rng);
    case VIR_DOMAIN_DEVICE_INPUT:
        return qbjVmArgsAddInput(cmd, input->def, dev->data.input);
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged by this driver"),
                       virDomainDeviceTypeToString(dev->type));
        return -1;
    }
}

GPtrArray *
qbjVmArgsPlug(const qbjVmArgsInput *input, const virDomainDeviceDef *dev)
{
    g_autoptr(virCommand) cmd = virCommandNew("plug");

    return qbjVmArgsPlugDevice(cmd, input, dev) < 0 ? NULL : qbjVmArgsPlugCommands(cmd);
}

GPtrArray *
qbjVmArgsPlugMedium(const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    g_autoptr(virCommand) cmd = virCommandNew("plug");

    return qbjVmArgsAddChain(cmd, input, disk) < 0 ? NULL : qbjVmArgsPlugCommands(cmd);
}
