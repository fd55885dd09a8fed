#include <config.h>

#include "internal.h"
#include "vm_tune.h"
#include "vm_cgroup.h"
#include "vm_thread.h"
#include "hypervisor/domain_cgroup.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What the kernel gives a group that nobody has said anything about. */
#define QBJ_VM_TUNE_SHARES 1024
#define QBJ_VM_TUNE_PERIOD 100000
#define QBJ_VM_TUNE_NO_QUOTA (-1)

typedef enum {
    QBJ_VM_TUNE_WEIGHT,
    QBJ_VM_TUNE_GLOBAL,
    QBJ_VM_TUNE_EMULATOR,
    QBJ_VM_TUNE_VCPU,
    QBJ_VM_TUNE_IOTHREAD,

    QBJ_VM_TUNE_LAST
} qbjVmTunePart;

typedef struct _qbjVmTuneBandwidth qbjVmTuneBandwidth;
struct _qbjVmTuneBandwidth {
    unsigned long long period;
    long long quota;
};

static qbjVmTuneBandwidth
qbjVmTuneBandwidthOf(const virDomainCputune *tune, qbjVmTunePart part)
{
    const qbjVmTuneBandwidth all[QBJ_VM_TUNE_LAST] = {
        [QBJ_VM_TUNE_GLOBAL] = { tune->global_period, tune->global_quota },
        [QBJ_VM_TUNE_EMULATOR] = { tune->emulator_period, tune->emulator_quota },
        [QBJ_VM_TUNE_VCPU] = { tune->period, tune->quota },
        [QBJ_VM_TUNE_IOTHREAD] = { tune->iothread_period, tune->iothread_quota },
    };
    qbjVmTuneBandwidth bandwidth = all[part];

    if (!bandwidth.period)
        bandwidth.period = QBJ_VM_TUNE_PERIOD;
    if (bandwidth.quota <= 0)
        bandwidth.quota = QBJ_VM_TUNE_NO_QUOTA;
    return bandwidth;
}

static unsigned long long
qbjVmTuneSharesOf(const virDomainCputune *tune)
{
    return tune->sharesSpecified ? tune->shares : QBJ_VM_TUNE_SHARES;
}

/* --- the groups of a part -------------------------------------------------------------------------- */

/* Calls @act for the group of each thread of @part; stops at the first failure. */
static int
qbjVmTuneEach(virDomainObj *vm, qbjVmTunePart part, int (*act)(virCgroup *group, qbjVmTuneBandwidth *bandwidth),
              qbjVmTuneBandwidth *bandwidth)
{
    size_t n = part == QBJ_VM_TUNE_VCPU ? vm->def->maxvcpus
                                        : part == QBJ_VM_TUNE_IOTHREAD ? vm->def->niothreadids : 1;
    size_t i;

    if (part == QBJ_VM_TUNE_GLOBAL)
        return act(QBJ_DOMAIN_PRIVATE(vm)->cgroup, bandwidth);
    for (i = 0; i < n; i++) {
        g_autoptr(virCgroup) group = NULL;
        pid_t thread = part == QBJ_VM_TUNE_VCPU ? qbjVmThreadOfVcpu(vm, i) : 0;

        if (part == QBJ_VM_TUNE_VCPU && (thread == 0 || thread == vm->pid))
            continue;
        if (part == QBJ_VM_TUNE_EMULATOR)
            group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_EMULATOR, 0);
        else if (part == QBJ_VM_TUNE_VCPU)
            group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_VCPU, i);
        else
            group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_IOTHREAD, vm->def->iothreadids[i]->iothread_id);
        if (!group || act(group, bandwidth) < 0)
            return -1;
    }
    return 0;
}

static int
qbjVmTuneWrite(virCgroup *group, qbjVmTuneBandwidth *bandwidth)
{
    return virCgroupSetupCpuPeriodQuota(group, bandwidth->period, bandwidth->quota);
}

static int
qbjVmTuneRead(virCgroup *group, qbjVmTuneBandwidth *bandwidth)
{
    return virCgroupGetCpuPeriodQuota(group, &bandwidth->period, &bandwidth->quota);
}

/* --- reading --------------------------------------------------------------------------------------- */

int
qbjVmTuneReadCpu(virDomainObj *vm, virDomainCputune *tune)
{
    qbjVmTuneBandwidth read[QBJ_VM_TUNE_LAST];
    virDomainCputune found = { .sharesSpecified = true };
    qbjVmTunePart part;

    if (virCgroupGetCpuShares(QBJ_DOMAIN_PRIVATE(vm)->cgroup, &found.shares) < 0)
        return -1;
    for (part = QBJ_VM_TUNE_GLOBAL; part < QBJ_VM_TUNE_LAST; part++) {
        read[part] = qbjVmTuneBandwidthOf(&vm->def->cputune, part);
        if (qbjVmTuneEach(vm, part, qbjVmTuneRead, &read[part]) < 0)
            return -1;
    }
    found.global_period = read[QBJ_VM_TUNE_GLOBAL].period;
    found.global_quota = read[QBJ_VM_TUNE_GLOBAL].quota;
    found.emulator_period = read[QBJ_VM_TUNE_EMULATOR].period;
    found.emulator_quota = read[QBJ_VM_TUNE_EMULATOR].quota;
    found.period = read[QBJ_VM_TUNE_VCPU].period;
    found.quota = read[QBJ_VM_TUNE_VCPU].quota;
    found.iothread_period = read[QBJ_VM_TUNE_IOTHREAD].period;
    found.iothread_quota = read[QBJ_VM_TUNE_IOTHREAD].quota;
    *tune = found;
    return 0;
}

/* --- setting --------------------------------------------------------------------------------------- */

static bool
qbjVmTuneDiffers(qbjVmTunePart part, const virDomainCputune *a, const virDomainCputune *b)
{
    qbjVmTuneBandwidth left;
    qbjVmTuneBandwidth right;

    if (part == QBJ_VM_TUNE_WEIGHT)
        return qbjVmTuneSharesOf(a) != qbjVmTuneSharesOf(b);
    left = qbjVmTuneBandwidthOf(a, part);
    right = qbjVmTuneBandwidthOf(b, part);
    return left.period != right.period || left.quota != right.quota;
}

static int
qbjVmTuneSetPart(virDomainObj *vm, qbjVmTunePart part, const virDomainCputune *tune)
{
    qbjVmTuneBandwidth bandwidth;

    if (part == QBJ_VM_TUNE_WEIGHT)
        return virCgroupSetCpuShares(QBJ_DOMAIN_PRIVATE(vm)->cgroup, qbjVmTuneSharesOf(tune));
    bandwidth = qbjVmTuneBandwidthOf(tune, part);
    return qbjVmTuneEach(vm, part, qbjVmTuneWrite, &bandwidth);
}

int
qbjVmTuneSetCpu(virDomainObj *vm, const virDomainCputune *wanted)
{
    const virDomainCputune *before = &vm->def->cputune;
    virErrorPtr reason = NULL;
    int part;

    for (part = 0; part < QBJ_VM_TUNE_LAST; part++) {
        if (qbjVmTuneDiffers(part, before, wanted) && qbjVmTuneSetPart(vm, part, wanted) < 0)
            break;
    }
    if (part == QBJ_VM_TUNE_LAST)
        return 0;

    virErrorPreserveLast(&reason);
    for (; part >= 0; part--) {
        if (qbjVmTuneDiffers(part, before, wanted))
            ignore_value(qbjVmTuneSetPart(vm, part, before));
    }
    virErrorRestore(&reason);
    return -1;
}
