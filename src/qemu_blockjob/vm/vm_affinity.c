#include <config.h>

#include "internal.h"
#include "vm_affinity.h"
#include "vm_cgroup.h"
#include "vm_thread.h"
#include "virprocess.h"

int
qbjVmAffinitySetVcpu(virDomainObj *vm, unsigned int vcpu)
{
    virDomainVcpuDef *def = virDomainDefGetVcpu(vm->def, vcpu);
    virBitmap *map = def && def->cpumask ? def->cpumask : vm->def->cpumask;
    pid_t thread = qbjVmThreadOfVcpu(vm, vcpu);

    /* without KVM one thread can be all vcpus: the process's own is the emulator's */
    if (thread == 0 || thread == vm->pid)
        return 0;
    /* the group first: a change of its CPUs is one of its threads' affinity, too */
    if (qbjVmCgroupThread(vm, VIR_CGROUP_THREAD_VCPU, vcpu, thread) < 0)
        return -1;
    return map ? virProcessSetAffinity(thread, map, false) : 0;
}

int
qbjVmAffinitySetEmulator(virDomainObj *vm)
{
    virBitmap *map = vm->def->cputune.emulatorpin ? vm->def->cputune.emulatorpin : vm->def->cpumask;
    g_autofree pid_t *threads = NULL;
    size_t n = 0;
    size_t i;

    if (!map)
        return 0;
    if (qbjVmCgroupPinEmulator(vm, map) < 0)
        return -1;
    if (virProcessGetPids(vm->pid, &n, &threads) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        /* a thread of the pool may have ended meanwhile, and a new one is as its maker */
        if (qbjVmThreadIsEmulator(vm, threads[i]) &&
            virProcessSetAffinity(threads[i], map, threads[i] != vm->pid) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmAffinitySetIOThread(virDomainObj *vm, const virDomainIOThreadIDDef *iothread)
{
    virBitmap *map = iothread->cpumask ? iothread->cpumask : vm->def->cpumask;

    if (!iothread->thread_id)
        return 0;
    if (qbjVmCgroupThread(vm, VIR_CGROUP_THREAD_IOTHREAD, iothread->iothread_id, iothread->thread_id) < 0)
        return -1;
    return map ? virProcessSetAffinity(iothread->thread_id, map, false) : 0;
}

static int
qbjVmAffinitySetIOThreads(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < vm->def->niothreadids; i++) {
        if (qbjVmAffinitySetIOThread(vm, vm->def->iothreadids[i]) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmAffinitySetAll(virDomainObj *vm)
{
    size_t i;

    if (qbjVmCgroupBindEmulator(vm) < 0 || qbjVmAffinitySetIOThreads(vm) < 0)
        return -1;
    for (i = 0; i < vm->def->maxvcpus; i++) {
        if (qbjVmAffinitySetVcpu(vm, i) < 0)
            return -1;
    }
    return qbjVmAffinitySetEmulator(vm);
}
