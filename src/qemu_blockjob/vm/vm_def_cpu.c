/* Names of features; and <cpu check='partial'> and 'full': the host's CPU must be able to do what the
 * guest is promised. Under KVM that is asked here, before the start; the rest QEMU is told to look at
 * itself (vm_args_cpu.c). */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "virerror.h"
#include "virthread.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Of QEMU's properties and of libvirt's features. */
#define QBJ_VM_DEF_CPU_NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static virCPUDef *qbjVmDefHostCpu;      /* NULL when it is not known; it does not change while we run */

static int
qbjVmDefHostCpuOnceInit(void)
{
    qbjVmDefHostCpu = virCPUProbeHost(virArchFromHost());
    return 0;
}
VIR_ONCE_GLOBAL_INIT(qbjVmDefHostCpu);

const virCPUDef *
qbjVmDefGetHostCpu(void)
{
    return qbjVmDefHostCpuInitialize() < 0 ? NULL : qbjVmDefHostCpu;
}

/* A name is the key of an option of -cpu, where nothing can be escaped. */
int
qbjVmDefValidateCpu(const virDomainDef *def)
{
    size_t i;

    for (i = 0; def->cpu && i < def->cpu->nfeatures; i++) {
        const char *name = def->cpu->features[i].name;

        if (!*name || name[strspn(name, QBJ_VM_DEF_CPU_NAME)]) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("The CPU feature '%s' is not a name that QEMU can have"),
                           name);
            return -1;
        }
    }

    return 0;
}

int
qbjVmDefCheckCpu(const virDomainDef *def)
{
    const virCPUDef *cpu = def->cpu;

    if (def->virtType != VIR_DOMAIN_VIRT_KVM || !cpu || cpu->mode != VIR_CPU_MODE_CUSTOM ||
        (cpu->check != VIR_CPU_CHECK_PARTIAL && cpu->check != VIR_CPU_CHECK_FULL))
        return 0;

    if (qbjVmDefHostCpuInitialize() < 0)
        return -1;

    /* VIR_CPU_COMPARE_INCOMPATIBLE is reported as an error, all others are good */
    return virCPUCompare(def->os.arch, qbjVmDefHostCpu, def->cpu, true) < 0 ? -1 : 0;
}
