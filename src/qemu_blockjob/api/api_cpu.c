#include <config.h>

#include "internal.h"
#include "api_cpu.h"
#include "api_domain.h"
#include "cpu/cpu.h"
#include "datatypes.h"
#include "virerror.h"
#include "vm_caps.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_COMPARE_FLAGS (VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | VIR_CONNECT_COMPARE_CPU_VALIDATE_XML)
#define QBJ_API_BASELINE_FLAGS (VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES | VIR_CONNECT_BASELINE_CPU_MIGRATABLE)

int
qbjApiCompareCPU(virConnectPtr conn, const char *cpu, unsigned int flags)
{
    g_autoptr(virCPUDef) host = NULL;

    virCheckFlags(QBJ_API_COMPARE_FLAGS, VIR_CPU_COMPARE_ERROR);

    if (virConnectCompareCPUEnsureACL(conn) < 0 || !(host = virCPUProbeHost(virArchFromHost())))
        return VIR_CPU_COMPARE_ERROR;
    virResetLastError();                /* what the probe could not find out would hide a fault of the XML */
    return virCPUCompareXML(host->arch, host, cpu, flags & VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE,
                            flags & VIR_CONNECT_COMPARE_CPU_VALIDATE_XML);
}

/* The list without its end is also a list; the result is freed by the caller. */
static char *
qbjApiBaseline(const char **xmls, unsigned int ncpus, unsigned int flags)
{
    virCPUDef **cpus = virCPUDefListParse(xmls, ncpus, VIR_CPU_TYPE_HOST);
    g_autoptr(virCPUDef) cpu = NULL;
    char *text = NULL;

    if (!cpus)
        return NULL;
    if ((cpu = virCPUBaseline(VIR_ARCH_NONE, cpus, ncpus, NULL, NULL,
                              flags & VIR_CONNECT_BASELINE_CPU_MIGRATABLE)) &&
        (!(flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES) || virCPUExpandFeatures(cpus[0]->arch, cpu) == 0))
        text = virCPUDefFormat(cpu, NULL);
    virCPUDefListFree(cpus);
    return text;
}

char *
qbjApiBaselineCPU(virConnectPtr conn, const char **cpus, unsigned int ncpus, unsigned int flags)
{
    virCheckFlags(QBJ_API_BASELINE_FLAGS, NULL);

    if (virConnectBaselineCPUEnsureACL(conn) < 0)
        return NULL;
    return qbjApiBaseline(cpus, ncpus, flags);
}

int
qbjApiCompareHypervisorCPU(virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                           const char *type, const char *cpu, unsigned int flags)
{
    virCheckFlags(QBJ_API_COMPARE_FLAGS, VIR_CPU_COMPARE_ERROR);

    if (virConnectCompareHypervisorCPUEnsureACL(conn) < 0)
        return VIR_CPU_COMPARE_ERROR;
    return qbjVmCapsCompareCpu(((qbjDriver *) conn->privateData)->caps, emulator, arch, machine, type, cpu,
                               flags & VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE,
                               flags & VIR_CONNECT_COMPARE_CPU_VALIDATE_XML);
}

char *
qbjApiBaselineHypervisorCPU(virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                            const char *type, const char **cpus, unsigned int ncpus, unsigned int flags)
{
    virCheckFlags(QBJ_API_BASELINE_FLAGS, NULL);

    if (virConnectBaselineHypervisorCPUEnsureACL(conn) < 0)
        return NULL;
    return qbjVmCapsBaselineCpu(((qbjDriver *) conn->privateData)->caps, emulator, arch, machine, type, cpus, ncpus,
                                flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
                                flags & VIR_CONNECT_BASELINE_CPU_MIGRATABLE);
}

int
qbjApiGetCPUModelNames(virConnectPtr conn, const char *name, char ***models, unsigned int flags)
{
    virArch arch;

    virCheckFlags(0, -1);

    if (virConnectGetCPUModelNamesEnsureACL(conn) < 0)
        return -1;
    if (!(arch = virArchFromString(name))) {
        virReportError(VIR_ERR_INVALID_ARG, _("cannot find architecture %s"), name);
        return -1;
    }
    return virCPUGetModels(arch, models);
}
