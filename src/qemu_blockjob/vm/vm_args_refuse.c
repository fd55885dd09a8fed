/* What the definition may hold and no part of the command line knows: refused by name, never left out. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjVmArgsUnknown qbjVmArgsUnknown;
struct _qbjVmArgsUnknown {
    bool used;
    const char *element;        /* as it is written in the XML */
};

static int
qbjVmArgsRefuseUsed(const qbjVmArgsUnknown *unknown, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (unknown[i].used) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Element '%s' is not supported by this driver."),
                           unknown[i].element);
            return -1;
        }
    }

    return 0;
}

static int
qbjVmArgsRefuseDevices(const virDomainDef *def)
{
    const qbjVmArgsUnknown unknown[] = {
        { def->nfss > 0, "filesystem" },
        { def->nhostdevs > 0, "hostdev" },
        { def->redirfilter != NULL, "redirfilter" },
        { def->nsmartcards > 0, "smartcard" },
        { def->nleases > 0, "lease" },
        { def->nhubs > 0, "hub" },
        { def->nshmems > 0, "shmem" },
        { def->nmems > 0, "memory" },
        { def->ntpms > 1, "tpm, a second one" },
        { def->nvram != NULL, "nvram" },
        { def->iommu != NULL, "iommu" },
    };

    return qbjVmArgsRefuseUsed(unknown, G_N_ELEMENTS(unknown));
}

static int
qbjVmArgsRefuseMachine(const virDomainDef *def)
{
    const qbjVmArgsUnknown unknown[] = {
        { def->genidRequested, "genid" },
        { def->keywrap != NULL, "keywrap" },
        { def->sec != NULL, "launchSecurity" },
        { virDomainNumaHasHMAT(def->numa), "numa/interconnects" },
        { virDomainNumatuneHasPlacementAuto(def->numa), "numatune, placement 'auto'" },
        { def->mem.locked, "locked" },
        { def->mem.max_memory > 0, "maxMemory" },
        { def->os.dtb != NULL, "dtb" },
        { def->os.slic_table != NULL, "acpi/table" },
        { def->os.bios.useserial != VIR_TRISTATE_BOOL_ABSENT, "bios useserial" },
        { def->os.smbios_mode != VIR_DOMAIN_SMBIOS_NONE && def->os.smbios_mode != VIR_DOMAIN_SMBIOS_EMULATE &&
          def->os.smbios_mode != VIR_DOMAIN_SMBIOS_SYSINFO,
          "smbios" },
    };

    return qbjVmArgsRefuseUsed(unknown, G_N_ELEMENTS(unknown));
}

/* Features that some part acts on, or that every x86 machine has anyway. */
static bool
qbjVmArgsKnowsFeature(size_t feature)
{
    switch (feature) {
    case VIR_DOMAIN_FEATURE_ACPI:
    case VIR_DOMAIN_FEATURE_APIC:
    case VIR_DOMAIN_FEATURE_PAE:
    case VIR_DOMAIN_FEATURE_PMU:
    case VIR_DOMAIN_FEATURE_VMPORT:
    case VIR_DOMAIN_FEATURE_SMM:
    case VIR_DOMAIN_FEATURE_HYPERV:
    case VIR_DOMAIN_FEATURE_KVM:
    case VIR_DOMAIN_FEATURE_PVSPINLOCK:
    case VIR_DOMAIN_FEATURE_IOAPIC:
    case VIR_DOMAIN_FEATURE_VMCOREINFO:
    case VIR_DOMAIN_FEATURE_TCG:
        return true;
    default:
        return false;
    }
}

static int
qbjVmArgsRefuseFeatures(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < VIR_DOMAIN_FEATURE_LAST; i++) {
        if (def->features[i] != 0 && !qbjVmArgsKnowsFeature(i)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Feature '%s' is not supported by this driver."),
                           virDomainFeatureTypeToString(i));
            return -1;
        }
    }

    return 0;
}

/* QEMU begins with the first vcpus; all others are plugged in. */
static int
qbjVmArgsRefuseVcpus(const virDomainDef *def)
{
    bool fixed = true;
    size_t i;

    for (i = 0; i < def->maxvcpus; i++) {
        const virDomainVcpuDef *vcpu = def->vcpus[i];
        bool boots = vcpu->online && vcpu->hotpluggable != VIR_TRISTATE_BOOL_YES;

        if (boots && !fixed) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("vcpu %zu is not hotpluggable, but one with a lower number is offline or hotpluggable"),
                           i);
            return -1;
        }
        fixed = boots;
    }

    return 0;
}

static int
qbjVmArgsRefuseBase(const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;

    if (def->virtType != VIR_DOMAIN_VIRT_QEMU && def->virtType != VIR_DOMAIN_VIRT_KVM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Domain type '%s' is not supported."),
                       virDomainVirtTypeToString(def->virtType));
        return -1;
    }

    if (def->os.type != VIR_DOMAIN_OSTYPE_HVM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("OS type '%s' is not supported."),
                       virDomainOSTypeToString(def->os.type));
        return -1;
    }

    if (!qbjVmMachineIsQ35(def->os.machine) && !qbjVmMachineIsI440fx(def->os.machine)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Machine type '%s' is not supported."),
                       NULLSTR(def->os.machine));
        return -1;
    }

    if (def->virtType == VIR_DOMAIN_VIRT_KVM && !input->caps->kvm && input->monitorFd >= 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Domain type 'kvm' cannot be started: %s cannot use /dev/kvm."),
                       input->caps->binary);
        return -1;
    }

    return 0;
}

int
qbjVmArgsRefuse(virCommand *cmd G_GNUC_UNUSED, const qbjVmArgsInput *input)
{
    if (qbjVmArgsRefuseBase(input) < 0 ||
        qbjVmArgsRefuseDevices(input->def) < 0 ||
        qbjVmArgsRefuseMachine(input->def) < 0 ||
        qbjVmArgsRefuseFeatures(input->def) < 0 ||
        qbjVmArgsRefuseVcpus(input->def) < 0)
        return -1;

    return 0;
}
