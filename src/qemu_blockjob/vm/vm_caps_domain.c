/* The answer to virConnectGetDomainCapabilities: what a definition for this driver may hold. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "domain_capabilities.h"
#include "virhostcpu.h"
#include "vm_caps_choice.h"
#include "vm_caps_devices.h"

static int
qbjVmCapsMaxVcpus(const qbjVmCapsChoice *choice)
{
    int max = choice->machine->maxCpus;

    if (choice->virtType == VIR_DOMAIN_VIRT_KVM) {
        int host = virHostCPUGetKVMMaxVCPUs();

        if (host > 0 && host < max)
            return host;
    }

    return max;
}

/* Models that both libvirt and QEMU know, in QEMU's order. */
static virDomainCapsCPUModels *
qbjVmCapsModels(virArch arch, const qbjVmCapsAccel *accel)
{
    virDomainCapsCPUModels *models;
    g_auto(GStrv) names = NULL;
    size_t i;

    if (virCPUGetModels(arch, &names) < 0)
        return NULL;

    models = virDomainCapsCPUModelsNew(accel->cpus->nmodels);
    for (i = 0; i < accel->cpus->nmodels; i++) {
        const virDomainCapsCPUModel *model = &accel->cpus->models[i];

        if (g_strv_contains((const char *const *) names, model->name)) {
            virDomainCapsCPUModelsAdd(models, model->name, model->usable, NULL, model->deprecated,
                                      virCPUGetVendorForModel(arch, model->name));
        }
    }

    return models;
}

static int
qbjVmCapsFillCpu(virDomainCaps *caps, const qbjVmCapsChoice *choice)
{
    const qbjVmCapsCpu *cpu = qbjVmCapsAccelCpu(choice->accel);

    if (choice->virtType == VIR_DOMAIN_VIRT_KVM && choice->caps->arch == virArchFromHost()) {
        caps->cpu.hostPassthrough = true;
        caps->cpu.hostPassthroughMigratable.report = true;
        VIR_DOMAIN_CAPS_ENUM_SET(caps->cpu.hostPassthroughMigratable, VIR_TRISTATE_SWITCH_ON, VIR_TRISTATE_SWITCH_OFF);
    }

    caps->cpu.maximum = true;
    caps->cpu.maximumMigratable.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->cpu.maximumMigratable, VIR_TRISTATE_SWITCH_ON, VIR_TRISTATE_SWITCH_OFF);

    if (cpu)
        caps->cpu.hostModel = virCPUDefCopy(cpu->cpu);
    if (!(caps->cpu.custom = qbjVmCapsModels(choice->caps->arch, choice->accel)))
        return -1;

    return 0;
}

char *
qbjVmCapsDomain(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine, const char *virttype)
{
    g_autoptr(virDomainCaps) caps = NULL;
    qbjVmCapsChoice choice = { NULL };

    if (qbjVmCapsChoose(cache, binary, arch, machine, virttype, &choice) < 0)
        return NULL;

    caps = virDomainCapsNew(choice.caps->binary, choice.machine->name, choice.caps->arch, choice.virtType);
    caps->maxvcpus = qbjVmCapsMaxVcpus(&choice);
    if (qbjVmCapsFillCpu(caps, &choice) < 0 || qbjVmCapsFillParts(caps, choice.caps, choice.accel) < 0)
        return NULL;

    return virDomainCapsFormat(caps);
}
