/* What a definition as a whole must fulfil before it is stored or started. What of it is *implemented* is vm_support.c's
 * business; here are the contradictions. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmDefValidateType(const virDomainDef *def, const qbjVmCaps *caps)
{
    if (def->os.type != VIR_DOMAIN_OSTYPE_HVM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("OS type '%s' is not supported by this driver"),
                       virDomainOSTypeToString(def->os.type));
        return -1;
    }

    if (def->virtType != VIR_DOMAIN_VIRT_QEMU && !(def->virtType == VIR_DOMAIN_VIRT_KVM && caps->kvm)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Emulator '%s' does not support virt type '%s'"),
                       def->emulator, virDomainVirtTypeToString(def->virtType));
        return -1;
    }

    if (def->os.arch != caps->arch) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Emulator '%s' does not support arch '%s'"),
                       def->emulator, virArchToString(def->os.arch));
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateMachine(const virDomainDef *def, const qbjVmCaps *caps)
{
    unsigned int vcpus = virDomainDefGetVcpusMax(def);
    size_t i;

    if (!qbjVmMachineIsQ35(def->os.machine) && !qbjVmMachineIsI440fx(def->os.machine)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Machine type '%s' is not supported by this driver"),
                       def->os.machine);
        return -1;
    }

    for (i = 0; i < caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(caps->machines, i);

        if (STREQ(machine->name, def->os.machine) && machine->maxCpus > 0 && vcpus > machine->maxCpus) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("Maximum CPUs greater than specified machine type limit %u"), machine->maxCpus);
            return -1;
        }
    }

    return 0;
}

int
qbjVmDefValidate(const virDomainDef *def, const qbjVmCaps *caps)
{
    if (qbjVmDefValidateType(def, caps) < 0)
        return -1;

    return qbjVmDefValidateMachine(def, caps);
}
