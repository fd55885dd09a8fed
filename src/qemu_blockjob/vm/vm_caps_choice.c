#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_caps_choice.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static const qbjVmCaps *
qbjVmCapsChooseBinary(qbjVmCapsCache *cache, const char *binary, const char *archName)
{
    g_autofree char *found = NULL;
    virArch arch = virArchFromHost();
    const qbjVmCaps *caps;

    if (archName && (arch = virArchFromString(archName)) == VIR_ARCH_NONE) {
        virReportError(VIR_ERR_INVALID_ARG, _("unknown architecture: %s"), archName);
        return NULL;
    }

    if (!binary && !(binary = found = qbjVmCapsFindBinary(arch))) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("No QEMU binary is installed for architecture '%s'."),
                       virArchToString(arch));
        return NULL;
    }

    if (!(caps = qbjVmCapsGet(cache, binary)))
        return NULL;

    if (caps->arch != arch) {
        virReportError(VIR_ERR_INVALID_ARG, _("Emulator '%s' does not support arch '%s'"),
                       binary, virArchToString(arch));
        return NULL;
    }

    return caps;
}

static int
qbjVmCapsChooseType(qbjVmCapsChoice *choice, const char *name)
{
    int type;

    if (!name) {
        choice->virtType = choice->caps->kvm ? VIR_DOMAIN_VIRT_KVM : VIR_DOMAIN_VIRT_QEMU;
        return 0;
    }

    if ((type = virDomainVirtTypeFromString(name)) < 0) {
        virReportError(VIR_ERR_INVALID_ARG, _("unknown virttype: %s"), name);
        return -1;
    }

    if (type == VIR_DOMAIN_VIRT_KVM && !choice->caps->kvm) {
        virReportError(VIR_ERR_INVALID_ARG, _("the accel '%s' is not supported by '%s' on this host"),
                       name, choice->caps->binary);
        return -1;
    }

    if (type != VIR_DOMAIN_VIRT_QEMU && type != VIR_DOMAIN_VIRT_KVM) {
        virReportError(VIR_ERR_INVALID_ARG, _("Emulator '%s' does not support virt type '%s'"),
                       choice->caps->binary, name);
        return -1;
    }

    choice->virtType = type;
    return 0;
}

static int
qbjVmCapsChooseMachine(qbjVmCapsChoice *choice, const char *name)
{
    const char *canonical = name ? qbjVmCapsMachine(choice->caps, name) : NULL;
    size_t i;

    for (i = 0; i < choice->caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(choice->caps->machines, i);

        if ((name ? STREQ_NULLABLE(machine->name, canonical) : machine->isDefault) &&
            (qbjVmMachineIsQ35(machine->name) || qbjVmMachineIsI440fx(machine->name))) {
            choice->machine = machine;
            return 0;
        }
    }

    virReportError(VIR_ERR_INVALID_ARG, _("the machine '%s' is not supported by emulator '%s'"),
                   name ? name : "default", choice->caps->binary);
    return -1;
}

int
qbjVmCapsChoose(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine, const char *virttype,
                qbjVmCapsChoice *choice)
{
    qbjVmCapsChoice result = { .caps = qbjVmCapsChooseBinary(cache, binary, arch) };

    if (!result.caps || qbjVmCapsChooseType(&result, virttype) < 0 || qbjVmCapsChooseMachine(&result, machine) < 0)
        return -1;

    result.accel = qbjVmCapsAccelFor(result.caps, result.virtType);
    *choice = result;
    return 0;
}
