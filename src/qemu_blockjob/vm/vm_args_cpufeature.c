/* What timers, <features> and devices add to -cpu. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmArgsAppendCpuTimers(virBuffer *buf, const virDomainClockDef *clock)
{
    size_t i;

    for (i = 0; i < clock->ntimers; i++) {
        const virDomainTimerDef *timer = clock->timers[i];

        if (timer->name == VIR_DOMAIN_TIMER_NAME_KVMCLOCK && timer->present != VIR_TRISTATE_BOOL_ABSENT)
            virBufferAsprintf(buf, ",kvmclock=%s", timer->present == VIR_TRISTATE_BOOL_YES ? "on" : "off");
        if (timer->name == VIR_DOMAIN_TIMER_NAME_HYPERVCLOCK && timer->present == VIR_TRISTATE_BOOL_YES)
            virBufferAddLit(buf, ",hv-time=on");
        if (timer->name == VIR_DOMAIN_TIMER_NAME_TSC && timer->frequency > 0)
            virBufferAsprintf(buf, ",tsc-frequency=%llu", timer->frequency);
    }
}

static void
qbjVmArgsAppendHypervFeature(virBuffer *buf, const virDomainDef *def, size_t feature)
{
    g_autofree char *name = g_strdelimit(g_strdup(virDomainHypervTypeToString(feature)), "_", '-');

    if (feature == VIR_DOMAIN_HYPERV_SPINLOCKS) {
        virBufferAsprintf(buf, ",hv-spinlocks=0x%x", def->hyperv_spinlocks);
    } else if (feature == VIR_DOMAIN_HYPERV_VENDOR_ID) {
        qbjVmArgsAppendValue(buf, "hv-vendor-id", def->hyperv_vendor_id);
    } else {
        virBufferAsprintf(buf, ",hv-%s=on", name);
        if (feature == VIR_DOMAIN_HYPERV_STIMER && def->hyperv_stimer_direct == VIR_TRISTATE_SWITCH_ON)
            virBufferAddLit(buf, ",hv-stimer-direct=on");
    }
}

static void
qbjVmArgsAppendHyperv(virBuffer *buf, const virDomainDef *def)
{
    size_t i;

    if (def->features[VIR_DOMAIN_FEATURE_HYPERV] == VIR_DOMAIN_HYPERV_MODE_PASSTHROUGH)
        virBufferAddLit(buf, ",hv-passthrough=on");
    if (def->features[VIR_DOMAIN_FEATURE_HYPERV] == VIR_DOMAIN_HYPERV_MODE_NONE)
        return;

    for (i = 0; i < VIR_DOMAIN_HYPERV_LAST; i++) {
        if (def->hyperv_features[i] == VIR_TRISTATE_SWITCH_ON)
            qbjVmArgsAppendHypervFeature(buf, def, i);
    }
}

/* A panic notifier without a device: the guest writes to a register of Hyper-V. */
static void
qbjVmArgsAppendHypervPanic(virBuffer *buf, const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->npanics; i++) {
        if (def->panics[i]->model == VIR_DOMAIN_PANIC_MODEL_HYPERV) {
            virBufferAddLit(buf, ",hv-crash");
            return;
        }
    }
}

static void
qbjVmArgsAppendKvm(virBuffer *buf, const virDomainDef *def)
{
    const virDomainFeatureKVM *kvm = def->kvm_features;

    if (def->features[VIR_DOMAIN_FEATURE_KVM] != VIR_TRISTATE_SWITCH_ON || !kvm)
        return;

    if (kvm->features[VIR_DOMAIN_KVM_HIDDEN] == VIR_TRISTATE_SWITCH_ON)
        virBufferAddLit(buf, ",kvm=off");
    if (kvm->features[VIR_DOMAIN_KVM_DEDICATED] == VIR_TRISTATE_SWITCH_ON)
        virBufferAddLit(buf, ",kvm-hint-dedicated=on");
    if (kvm->features[VIR_DOMAIN_KVM_POLLCONTROL] == VIR_TRISTATE_SWITCH_ON)
        virBufferAddLit(buf, ",kvm-poll-control=on");
    if (kvm->features[VIR_DOMAIN_KVM_PVIPI] == VIR_TRISTATE_SWITCH_OFF)
        virBufferAddLit(buf, ",kvm-pv-ipi=off");
}

static void
qbjVmArgsAppendSwitchOf(virBuffer *buf, const char *property, int state)
{
    if (state != VIR_TRISTATE_SWITCH_ABSENT)
        virBufferAsprintf(buf, ",%s=%s", property, virTristateSwitchTypeToString(state));
}

static int
qbjVmArgsAppendCpuCache(virBuffer *buf, const virCPUDef *cpu)
{
    if (!cpu || !cpu->cache)
        return 0;

    switch (cpu->cache->mode) {
    case VIR_CPU_CACHE_MODE_EMULATE:
        virBufferAddLit(buf, ",l3-cache=on");
        if (cpu->mode == VIR_CPU_MODE_HOST_PASSTHROUGH || cpu->mode == VIR_CPU_MODE_MAXIMUM)
            virBufferAddLit(buf, ",host-cache-info=off");
        return 0;
    case VIR_CPU_CACHE_MODE_PASSTHROUGH:
        virBufferAddLit(buf, ",host-cache-info=on,l3-cache=off");
        return 0;
    case VIR_CPU_CACHE_MODE_DISABLE:
        virBufferAddLit(buf, ",l3-cache=off");
        if (cpu->mode == VIR_CPU_MODE_HOST_PASSTHROUGH || cpu->mode == VIR_CPU_MODE_MAXIMUM)
            virBufferAddLit(buf, ",host-cache-info=off");
        return 0;
    case VIR_CPU_CACHE_MODE_LAST:
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("CPU cache mode number %d is not supported."), cpu->cache->mode);
        return -1;
    }
}

static void
qbjVmArgsAppendCpuAddressBits(virBuffer *buf, const virCPUDef *cpu)
{
    if (!cpu || !cpu->addr)
        return;

    if (cpu->addr->mode == VIR_CPU_MAX_PHYS_ADDR_MODE_PASSTHROUGH)
        virBufferAddLit(buf, ",host-phys-bits=on");
    else
        virBufferAsprintf(buf, ",phys-bits=%d", cpu->addr->bits);
}

int
qbjVmArgsAppendCpuOfFeatures(virBuffer *buf, const virDomainDef *def)
{
    qbjVmArgsAppendCpuTimers(buf, &def->clock);
    qbjVmArgsAppendSwitchOf(buf, "kvm-pv-eoi", def->apic_eoi);
    qbjVmArgsAppendSwitchOf(buf, "kvm-pv-unhalt", def->features[VIR_DOMAIN_FEATURE_PVSPINLOCK]);
    qbjVmArgsAppendHyperv(buf, def);
    qbjVmArgsAppendHypervPanic(buf, def);
    qbjVmArgsAppendKvm(buf, def);
    qbjVmArgsAppendSwitchOf(buf, "pmu", def->features[VIR_DOMAIN_FEATURE_PMU]);

    if (qbjVmArgsAppendCpuCache(buf, def->cpu) < 0)
        return -1;

    qbjVmArgsAppendCpuAddressBits(buf, def->cpu);
    return 0;
}
