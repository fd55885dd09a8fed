#include <config.h>

#include "internal.h"
#include "vm_tune.h"
#include "vm_cgroup.h"
#include "vm_thread.h"
#include "hypervisor/domain_cgroup.h"
#include "hypervisor/domain_driver.h"
#include "viralloc.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* --- memory ---------------------------------------------------------------------------------------- */

/* The limit of memory and swap together is never below that of memory: written before it and after it, one of
 * the two succeeds whichever of the numbers has to move first. */
static void
qbjVmTuneUndoMemory(virCgroup *cgroup, const virDomainMemtune *before)
{
    ignore_value(virCgroupSetMemSwapHardLimit(cgroup, before->swap_hard_limit));
    ignore_value(virCgroupSetMemoryHardLimit(cgroup, before->hard_limit));
    ignore_value(virCgroupSetMemorySoftLimit(cgroup, before->soft_limit));
    ignore_value(virCgroupSetMemSwapHardLimit(cgroup, before->swap_hard_limit));
}

int
qbjVmTuneSetMemory(virDomainObj *vm, virTypedParameterPtr params, int nparams)
{
    virCgroup *cgroup = QBJ_DOMAIN_PRIVATE(vm)->cgroup;
    virDomainMemtune before = vm->def->mem;
    virErrorPtr reason = NULL;

    if (virDomainCgroupSetMemoryLimitParameters(cgroup, vm, vm->def, NULL, params, nparams) == 0)
        return 0;
    virErrorPreserveLast(&reason);
    if (vm->def->mem.hard_limit != before.hard_limit || vm->def->mem.soft_limit != before.soft_limit ||
        vm->def->mem.swap_hard_limit != before.swap_hard_limit)
        qbjVmTuneUndoMemory(cgroup, &before);
    vm->def->mem.hard_limit = before.hard_limit;
    vm->def->mem.soft_limit = before.soft_limit;
    vm->def->mem.swap_hard_limit = before.swap_hard_limit;
    virErrorRestore(&reason);
    return -1;
}

/* --- block I/O ------------------------------------------------------------------------------------- */

static virBlkioDevice *
qbjVmTuneCopyDevices(const virDomainBlkiotune *blkio)
{
    virBlkioDevice *copy = g_new0(virBlkioDevice, blkio->ndevices + 1);
    size_t i;

    for (i = 0; i < blkio->ndevices; i++) {
        copy[i] = blkio->devices[i];
        copy[i].path = g_strdup(blkio->devices[i].path);
    }
    return copy;
}

static virBlkioDevice *
qbjVmTuneFindDevice(const virDomainBlkiotune *blkio, const char *path)
{
    size_t i;

    for (i = 0; i < blkio->ndevices; i++) {
        if (STREQ(blkio->devices[i].path, path))
            return &blkio->devices[i];
    }
    return NULL;
}

/* One device from what it has been set to, @now, back to @before; 0: no limit. */
static void
qbjVmTuneUndoDevice(virCgroup *cgroup, const virBlkioDevice *now, const virBlkioDevice *before)
{
    virBlkioDevice back = before ? *before : (virBlkioDevice) { 0 };

    if (now->weight != back.weight)
        ignore_value(virCgroupSetupBlkioDeviceWeight(cgroup, now->path, &back.weight));
    if (now->riops != back.riops)
        ignore_value(virCgroupSetupBlkioDeviceReadIops(cgroup, now->path, &back.riops));
    if (now->wiops != back.wiops)
        ignore_value(virCgroupSetupBlkioDeviceWriteIops(cgroup, now->path, &back.wiops));
    if (now->rbps != back.rbps)
        ignore_value(virCgroupSetupBlkioDeviceReadBps(cgroup, now->path, &back.rbps));
    if (now->wbps != back.wbps)
        ignore_value(virCgroupSetupBlkioDeviceWriteBps(cgroup, now->path, &back.wbps));
}

/* Whatever of @params has been written by now. */
static void
qbjVmTuneUndoBlkio(virCgroup *cgroup, virTypedParameterPtr params, int nparams, const virDomainBlkiotune *before,
                   unsigned int weight)
{
    int i;

    if (weight)
        ignore_value(virCgroupSetBlkioWeight(cgroup, weight));
    for (i = 0; i < nparams; i++) {
        virBlkioDevice *devices = NULL;
        size_t n = 0;
        size_t j;

        if (params[i].type == VIR_TYPED_PARAM_STRING)
            ignore_value(virDomainDriverParseBlkioDeviceStr(params[i].value.s, params[i].field, &devices, &n));
        for (j = 0; j < n; j++)
            qbjVmTuneUndoDevice(cgroup, &devices[j], qbjVmTuneFindDevice(before, devices[j].path));
        virBlkioDeviceArrayClear(devices, n);
        g_free(devices);
    }
}

int
qbjVmTuneSetBlkio(virDomainObj *vm, virTypedParameterPtr params, int nparams)
{
    virCgroup *cgroup = QBJ_DOMAIN_PRIVATE(vm)->cgroup;
    virDomainBlkiotune *blkio = &vm->def->blkio;
    virDomainBlkiotune before = { blkio->weight, blkio->ndevices, qbjVmTuneCopyDevices(blkio) };
    virErrorPtr reason = NULL;
    unsigned int weight = 0;
    int rc;

    if (virCgroupGetBlkioWeight(cgroup, &weight) < 0)      /* not every kernel has one */
        virResetLastError();
    if ((rc = virDomainCgroupSetupDomainBlkioParameters(cgroup, vm->def, params, nparams)) < 0) {
        virErrorPreserveLast(&reason);
        qbjVmTuneUndoBlkio(cgroup, params, nparams, &before, weight);
        virBlkioDeviceArrayClear(blkio->devices, blkio->ndevices);
        g_free(blkio->devices);
        *blkio = before;                /* the copy is the definition's from now on */
        before = (virDomainBlkiotune) { 0 };
        virErrorRestore(&reason);
    }
    virBlkioDeviceArrayClear(before.devices, before.ndevices);
    g_free(before.devices);
    return rc < 0 ? -1 : 0;
}

/* --- memory nodes ---------------------------------------------------------------------------------- */

static int
qbjVmTuneSetThreadNodes(virDomainObj *vm, virCgroupThreadName kind, int id, const char *mems)
{
    g_autoptr(virCgroup) group = qbjVmCgroupOfThread(vm, kind, id);

    return group ? virCgroupSetCpusetMems(group, mems) : -1;
}

static int
qbjVmTuneSetAllNodes(virDomainObj *vm, const char *mems)
{
    size_t i;

    if (qbjVmTuneSetThreadNodes(vm, VIR_CGROUP_THREAD_EMULATOR, 0, mems) < 0)
        return -1;
    for (i = 0; i < vm->def->maxvcpus; i++) {
        pid_t thread = qbjVmThreadOfVcpu(vm, i);

        if (thread && thread != vm->pid && qbjVmTuneSetThreadNodes(vm, VIR_CGROUP_THREAD_VCPU, i, mems) < 0)
            return -1;
    }
    for (i = 0; i < vm->def->niothreadids; i++) {
        if (qbjVmTuneSetThreadNodes(vm, VIR_CGROUP_THREAD_IOTHREAD, vm->def->iothreadids[i]->iothread_id, mems) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmTuneSetNodes(virDomainObj *vm, virBitmap *nodes)
{
    virBitmap *named = virDomainNumatuneGetNodeset(vm->def->numa, NULL, -1);
    g_autofree char *mems = virBitmapFormat(nodes);
    g_autofree char *before = named ? virBitmapFormat(named) : NULL;
    virErrorPtr reason = NULL;

    if (!before && virCgroupGetCpusetMems(QBJ_DOMAIN_PRIVATE(vm)->cgroup, &before) < 0)
        return -1;
    if (qbjVmTuneSetAllNodes(vm, mems) == 0)
        return 0;
    virErrorPreserveLast(&reason);
    ignore_value(qbjVmTuneSetAllNodes(vm, before));
    virErrorRestore(&reason);
    return -1;
}
