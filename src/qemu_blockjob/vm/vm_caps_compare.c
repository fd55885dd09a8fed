/* CPUs of other hosts against what QEMU can give a guest on this one. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "virerror.h"
#include "vm_caps_choice.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The CPU that @choice can give at most; NULL with an error reported. */
static const qbjVmCapsCpu *
qbjVmCapsChosenCpu(const qbjVmCapsChoice *choice)
{
    const qbjVmCapsCpu *chosen = qbjVmCapsAccelCpu(choice->accel);

    if (!chosen) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("Emulator '%s' does not tell what CPU it can give a domain of type '%s'."),
                       choice->caps->binary, virDomainVirtTypeToString(choice->virtType));
    }

    return chosen;
}

virCPUCompareResult
qbjVmCapsCompareCpu(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine,
                    const char *virttype, const char *xml, bool fail, bool validate)
{
    qbjVmCapsChoice choice = { NULL };
    const qbjVmCapsCpu *chosen;
    g_autoptr(virCPUDef) cpu = NULL;

    if (qbjVmCapsChoose(cache, binary, arch, machine, virttype, &choice) < 0 ||
        !(chosen = qbjVmCapsChosenCpu(&choice)))
        return VIR_CPU_COMPARE_ERROR;

    cpu = virCPUDefCopy(chosen->cpu);
    return virCPUCompareXML(choice.caps->arch, cpu, xml, fail, validate);
}

char *
qbjVmCapsBaselineCpu(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine,
                     const char *virttype, const char **xmls, unsigned int nxmls, bool expand, bool migratable)
{
    qbjVmCapsChoice choice = { NULL };
    g_autoptr(virCPUDef) cpu = NULL;
    const qbjVmCapsCpu *chosen;
    void *features;
    virCPUDef **cpus;

    if (qbjVmCapsChoose(cache, binary, arch, machine, virttype, &choice) < 0 ||
        !(chosen = qbjVmCapsChosenCpu(&choice)) ||
        !(cpus = virCPUDefListParse(xmls, nxmls, VIR_CPU_TYPE_AUTO)))
        return NULL;

    /* which features can be migrated is QEMU's word here, not that of libvirt's list: so "false" */
    features = migratable ? chosen->migratableFeatures : chosen->features;
    cpu = virCPUBaseline(choice.caps->arch, cpus, nxmls, choice.accel->cpus, features, false);
    virCPUDefListFree(cpus);
    if (!cpu)
        return NULL;

    cpu->fallback = VIR_CPU_FALLBACK_FORBID;
    if (expand && virCPUExpandFeatures(choice.caps->arch, cpu) < 0)
        return NULL;

    return virCPUDefFormat(cpu, NULL);
}
