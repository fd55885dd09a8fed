/* -machine, -accel, -smp. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmArgsAppendSwitch(virBuffer *buf, const char *key, int state)
{
    if (state != VIR_TRISTATE_SWITCH_ABSENT)
        virBufferAsprintf(buf, ",%s=%s", key, virTristateSwitchTypeToString(state));
}

static void
qbjVmArgsAppendIrqchip(virBuffer *buf, const virDomainDef *def)
{
    switch (def->features[VIR_DOMAIN_FEATURE_IOAPIC]) {
    case VIR_DOMAIN_IOAPIC_QEMU:
        virBufferAddLit(buf, ",kernel_irqchip=split");
        break;
    case VIR_DOMAIN_IOAPIC_KVM:
        virBufferAddLit(buf, ",kernel_irqchip=on");
        break;
    default:
        break;
    }
}

static void
qbjVmArgsAddAccel(virCommand *cmd, const virDomainDef *def)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    const virDomainFeatureKVM *kvm = def->kvm_features;

    if (def->virtType == VIR_DOMAIN_VIRT_KVM) {
        virBufferAddLit(&buf, "kvm");
        if (def->features[VIR_DOMAIN_FEATURE_KVM] == VIR_TRISTATE_SWITCH_ON && kvm &&
            kvm->features[VIR_DOMAIN_KVM_DIRTY_RING] == VIR_TRISTATE_SWITCH_ON)
            virBufferAsprintf(&buf, ",dirty-ring-size=%u", kvm->dirty_ring_size);
    } else {
        virBufferAddLit(&buf, "tcg");
        /* KiB in the definition, MiB for QEMU */
        if (def->features[VIR_DOMAIN_FEATURE_TCG] == VIR_TRISTATE_SWITCH_ON && def->tcg_features)
            virBufferAsprintf(&buf, ",tb-size=%llu", def->tcg_features->tb_cache >> 10);
    }

    virCommandAddArgList(cmd, "-accel", virBufferCurrentContent(&buf), NULL);
}

int
qbjVmArgsAddTseg(virCommand *cmd, const qbjVmArgsInput *input)
{
    if (!input->def->tseg_specified)
        return 0;

    if (!qbjVmMachineIsQ35(input->def->os.machine)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("SMM TSEG is only supported with q35 machine type"));
        return -1;
    }

    virCommandAddArg(cmd, "-global");
    virCommandAddArgFormat(cmd, "mch.extended-tseg-mbytes=%llu", input->def->tseg_size >> 20);
    return 0;
}

int
qbjVmArgsAddVmcoreinfo(virCommand *cmd, const qbjVmArgsInput *input)
{
    g_autoptr(virJSONValue) props = NULL;

    if (input->def->features[VIR_DOMAIN_FEATURE_VMCOREINFO] != VIR_TRISTATE_SWITCH_ON)
        return 0;
    if (virJSONValueObjectAdd(&props, "s:driver", "vmcoreinfo", NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddMachine(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    bool core = input->dumpGuestCore;

    virBufferAsprintf(&buf, "%s,usb=off", def->os.machine);
    qbjVmArgsAppendSwitch(&buf, "vmport", def->features[VIR_DOMAIN_FEATURE_VMPORT]);
    qbjVmArgsAppendSwitch(&buf, "smm", def->features[VIR_DOMAIN_FEATURE_SMM]);
    if (def->mem.dump_core != VIR_TRISTATE_SWITCH_ABSENT)
        core = def->mem.dump_core == VIR_TRISTATE_SWITCH_ON;
    qbjVmArgsAppendIrqchip(&buf, def);
    virBufferAsprintf(&buf, ",dump-guest-core=%s", core ? "on" : "off");
    if (def->mem.nosharepages)
        virBufferAddLit(&buf, ",mem-merge=off");
    if (virDomainNumaGetNodeCount(def->numa) == 0)
        virBufferAddLit(&buf, ",memory-backend=" QBJ_VM_ARGS_RAM_ID);
    qbjVmArgsAppendFlash(&buf, def);

    virCommandAddArgList(cmd, "-machine", virBufferCurrentContent(&buf), NULL);
    qbjVmArgsAddAccel(cmd, def);
    return 0;
}

/* Those that QEMU begins with; hotpluggable ones follow before the guest does anything. */
static unsigned int
qbjVmArgsBootVcpus(const virDomainDef *def)
{
    unsigned int count = 0;
    size_t i;

    for (i = 0; i < def->maxvcpus; i++)
        count += def->vcpus[i]->online && def->vcpus[i]->hotpluggable != VIR_TRISTATE_BOOL_YES;
    return count;
}

int
qbjVmArgsAddSmp(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    const virCPUDef *cpu = def->cpu;
    unsigned int online = qbjVmArgsBootVcpus(def);
    unsigned int max = virDomainDefGetVcpusMax(def);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAsprintf(&buf, "%u", online);
    if (online != max)
        virBufferAsprintf(&buf, ",maxcpus=%u", max);

    if (cpu && cpu->sockets != 0) {
        virBufferAsprintf(&buf, ",sockets=%u", cpu->sockets);
        if (cpu->dies != 0)
            virBufferAsprintf(&buf, ",dies=%u", cpu->dies);
        virBufferAsprintf(&buf, ",cores=%u,threads=%u", cpu->cores, cpu->threads);
    } else {
        virBufferAsprintf(&buf, ",sockets=%u,cores=1,threads=1", max);
    }

    virCommandAddArgList(cmd, "-smp", virBufferCurrentContent(&buf), NULL);
    return 0;
}
