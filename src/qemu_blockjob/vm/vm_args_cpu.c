/* -cpu: model, vendor, features. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Features of libvirt's list that QEMU does not have as CPU properties: they follow from others. */
static const char *const qbjVmArgsCpuNotInQEMU[] = {
    "cmt", "mbm_total", "mbm_local", "osxsave", "ospke", NULL
};

/* QEMU's name of a feature: dashes where libvirt has underscores, and one name that differs. */
static char *
qbjVmArgsCpuFeatureName(const char *name)
{
    if (STREQ(name, "pclmuldq"))
        return g_strdup("pclmulqdq");

    return g_strdelimit(g_strdup(name), "_", '-');
}

static void
qbjVmArgsAppendCpuFeatures(virBuffer *buf, const virCPUDef *cpu)
{
    size_t i;

    for (i = 0; i < cpu->nfeatures; i++) {
        const virCPUFeatureDef *feature = &cpu->features[i];
        g_autofree char *name = NULL;
        bool off = feature->policy == VIR_CPU_FEATURE_DISABLE || feature->policy == VIR_CPU_FEATURE_FORBID;

        if (g_strv_contains(qbjVmArgsCpuNotInQEMU, feature->name))
            continue;

        name = qbjVmArgsCpuFeatureName(feature->name);
        qbjVmArgsAppendValue(buf, name, off ? "off" : "on");
    }
}

static int
qbjVmArgsAppendCpuNamed(virBuffer *buf, const qbjVmArgsInput *input, const virCPUDef *cpu)
{
    const char *const *models = (const char *const *) input->caps->cpuModels;

    if (cpu->match != VIR_CPU_MATCH_EXACT) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Only CPU match 'exact' is supported."));
        return -1;
    }

    if (models && !g_strv_contains(models, cpu->model)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("CPU model '%s' is not known to QEMU binary %s."),
                       cpu->model, input->caps->binary);
        return -1;
    }

    virQEMUBuildBufferEscapeComma(buf, cpu->model);
    if (cpu->vendor_id)
        qbjVmArgsAppendValue(buf, "vendor", cpu->vendor_id);
    return 0;
}

static int
qbjVmArgsAppendCpuPassthrough(virBuffer *buf, const qbjVmArgsInput *input, const virCPUDef *cpu)
{
    /* a 32-bit guest does not have the CPU of a 64-bit host */
    if (input->def->virtType != VIR_DOMAIN_VIRT_KVM || input->def->os.arch != VIR_ARCH_X86_64) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("CPU mode 'host-passthrough' needs a domain of type kvm for x86_64, not %s for %s."),
                       virDomainVirtTypeToString(input->def->virtType), virArchToString(input->def->os.arch));
        return -1;
    }

    virBufferAsprintf(buf, "host,migratable=%s", cpu->migratable == VIR_TRISTATE_SWITCH_OFF ? "off" : "on");
    return 0;
}

static int
qbjVmArgsAppendCpuModel(virBuffer *buf, const qbjVmArgsInput *input, const virCPUDef *cpu)
{
    switch ((virCPUMode) cpu->mode) {
    case VIR_CPU_MODE_CUSTOM:
        return qbjVmArgsAppendCpuNamed(buf, input, cpu);

    case VIR_CPU_MODE_HOST_PASSTHROUGH:
        return qbjVmArgsAppendCpuPassthrough(buf, input, cpu);

    case VIR_CPU_MODE_MAXIMUM:
        virBufferAddLit(buf, "max");
        if (cpu->migratable != VIR_TRISTATE_SWITCH_ABSENT)
            virBufferAsprintf(buf, ",migratable=%s", virTristateSwitchTypeToString(cpu->migratable));
        return 0;

    case VIR_CPU_MODE_HOST_MODEL:
    case VIR_CPU_MODE_LAST:
        break;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("CPU mode '%s' is not supported."),
                   virCPUModeTypeToString(cpu->mode));
    return -1;
}

/* A feature that the accelerator lacks ends QEMU instead of being left out. For KVM, vm_def_cpu.c has
 * compared with the host's CPU, which is what 'partial' means there. */
static bool
qbjVmArgsCpuEnforce(const virDomainDef *def)
{
    if (!def->cpu || def->cpu->mode != VIR_CPU_MODE_CUSTOM)
        return false;

    return def->cpu->check == VIR_CPU_CHECK_FULL ||
           (def->cpu->check == VIR_CPU_CHECK_PARTIAL && def->virtType != VIR_DOMAIN_VIRT_KVM);
}

int
qbjVmArgsAddCpu(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virCPUDef *cpu = input->def->cpu;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (!cpu || (cpu->mode == VIR_CPU_MODE_CUSTOM && !cpu->model))
        virBufferAdd(&buf, input->def->os.arch == VIR_ARCH_X86_64 ? "qemu64" : "qemu32", -1);
    else if (qbjVmArgsAppendCpuModel(&buf, input, cpu) < 0)
        return -1;

    if (cpu)
        qbjVmArgsAppendCpuFeatures(&buf, cpu);
    if (qbjVmArgsAppendCpuOfFeatures(&buf, input->def) < 0)
        return -1;

    if (qbjVmArgsCpuEnforce(input->def))
        virBufferAddLit(&buf, ",enforce=on");

    virCommandAddArgList(cmd, "-cpu", virBufferCurrentContent(&buf), NULL);
    return 0;
}
