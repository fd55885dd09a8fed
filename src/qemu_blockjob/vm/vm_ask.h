/* Questions to the monitors of running VMs: all that a call wants to know of one VM goes out together, and
 * many VMs can be asked at once. */
#pragma once

#include "domain_private.h"

typedef enum {
    QBJ_VM_ASK_BALLOON,         /* query-balloon */
    QBJ_VM_ASK_GUEST_MEMORY,    /* what the guest's balloon driver has reported */
    QBJ_VM_ASK_DEVICES,         /* query-blockstats: devices, and below each the nodes of its chain */
    QBJ_VM_ASK_NODES,           /* query-named-block-nodes, flat; not of a VM with a deep chain (vm_chain.h) */
    QBJ_VM_ASK_TARGETS,         /* query-blockstats of each node, as a copy's target is below no device yet; only of
                                 * a VM that has one, and not while a disk is being pulled */
    QBJ_VM_ASK_BLOCK,           /* query-block */
    QBJ_VM_ASK_IOTHREADS,       /* query-iothreads */
    QBJ_VM_ASK_HALT_POLL,       /* query-stats of the vcpus: time spent polling */
    QBJ_VM_ASK_DIRTY_RATE,      /* query-dirty-rate */
    QBJ_VM_ASK_LAST
} qbjVmAskWhat;
#define QBJ_VM_ASK(what) (1u << QBJ_VM_ASK_ ## what)

typedef struct _qbjVmAsk qbjVmAsk;

/* Sends the questions of the mask @what. @vm is locked; no job is needed. Never NULL: a VM that is off or has
 * no monitor is not asked, and gives no answers. */
qbjVmAsk *qbjVmAskBegin(virDomainObj *vm, unsigned int what);

/* Waits for the answers, @deadlineMs at most. No domain's lock may be held. Returns 0, -1 with an error
 * reported: then there are none. */
int qbjVmAskCollect(qbjVmAsk *ask, unsigned int deadlineMs);

/* The answer to one question, borrowed; NULL: not asked, QEMU has refused it, or none came. */
virJSONValue *qbjVmAskGet(const qbjVmAsk *ask, qbjVmAskWhat what);

/* What DEVICES or TARGETS says of one node ("stats"), borrowed; NULL as above. */
virJSONValue *qbjVmAskGetNode(const qbjVmAsk *ask, const char *node);

/* Frees @ask; an answer that is still missing is waited for no longer. */
void qbjVmAskFree(qbjVmAsk *ask);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmAsk, qbjVmAskFree);

/* All at once for one VM: @vm is locked on entry and return, unlocked meanwhile. NULL with an error reported:
 * VIR_ERR_OPERATION_INVALID when it is not running (any more), or what qbjQmpRun() reports. */
qbjVmAsk *qbjVmAskNow(virDomainObj *vm, unsigned int what);
