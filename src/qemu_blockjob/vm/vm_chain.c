#include <config.h>

#include "internal.h"
#include "vm_chain.h"
#include "blocknode.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Images; below this the extra command for each costs about as much as it saves. */
#define QBJ_VM_CHAIN_DEEP 30

static size_t
qbjVmChainLength(const virStorageSource *top)
{
    size_t n = 0;

    for (; virStorageSourceIsBacking(top); top = top->backingStore)
        n++;
    return n;
}

bool
qbjVmChainIsDeep(const virDomainDiskDef *disk)
{
    return qbjVmChainLength(disk->src) > QBJ_VM_CHAIN_DEEP;
}

bool
qbjVmChainAnyDeep(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qbjVmChainIsDeep(def->disks[i]))
            return true;
    }
    return false;
}

static void
qbjVmChainFree(qbjQmpCommand *commands, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        virJSONValueFree(commands[i].arguments);
        qbjQmpCommandClear(&commands[i]);
    }
    g_free(commands);
}

/* One blockdev-reopen for each image that has another below it, top first. */
static int
qbjVmChainPlan(const virDomainDiskDef *disk, qbjQmpCommand *commands, size_t n)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    const virStorageSource *src = disk->src;
    size_t i;

    for (i = 0; i < n; i++, src = src->backingStore) {
        commands[i].execute = "blockdev-reopen";
        commands[i].arguments = qbjBlockNodeReopen(disk, src, src->backingStore->nodeformat,
                                                   i > 0 || src->readonly, &refusal);
        if (!commands[i].arguments) {
            virReportError(refusal.code, "%s", refusal.message);
            return -1;
        }
    }
    return 0;
}

static int
qbjVmChainRun(virDomainObj *vm, qbjQmpCommand *commands, size_t n)
{
    if (virQbjFaultHit("chain-link")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: the chain was not linked");
        return -1;
    }
    if (qbjDomainQmpRun(vm, commands, n) < 0)
        return -1;
    return qbjQmpReportFirst(commands, n);
}

static int
qbjVmChainLinkDisk(virDomainObj *vm, const virDomainDiskDef *disk)
{
    size_t n = qbjVmChainLength(disk->src) - 1;
    qbjQmpCommand *commands = g_new0(qbjQmpCommand, n);
    int rc = qbjVmChainPlan(disk, commands, n);

    if (rc == 0)
        rc = qbjVmChainRun(vm, commands, n);
    qbjVmChainFree(commands, n);
    return rc;
}

int
qbjVmChainLink(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        if (qbjVmChainIsDeep(vm->def->disks[i]) && qbjVmChainLinkDisk(vm, vm->def->disks[i]) < 0)
            return -1;
    }
    return 0;
}
