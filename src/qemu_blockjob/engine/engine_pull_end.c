/* Ends of a stream that are not the usual one: somebody else has finalized it, or finalize failed after QEMU
 * had changed the chain. */
#include <config.h>

#include "internal.h"
#include "engine_pull.h"
#include "engine_change.h"
#include "engine_pending.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_refuse.h"
#include "domain_qmp.h"
#include "spec_pull.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_pull_end");

/* @event: what the table makes another try of. A QEMU that has gone says so by itself. */
static qbjJobEvent
qbjEnginePullAgain(virDomainObj *vm, const virQbjJob *job, qbjJobEvent event)
{
    VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
    virResetLastError();
    return virDomainObjIsActive(vm) ? event : QBJ_EVENT_LAST;
}

qbjJobEvent
qbjEnginePullEnded(virDomainObj *vm, virQbjJob *job)
{
    if (job->flushed)
        return QBJ_EVENT_NEW;

    VIR_WARN("vm=%s job=%s: the job was finalized by somebody else", vm->def->name, job->spec->job);
    /* nodes are not asked for before it is dismissed (H3); the graph tells the outcome from then on */
    if (qbjEngineQueryDismiss(vm, job) < 0 ||
        qbjEnginePendingPlanEnded(vm, job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0)
        return qbjEnginePullAgain(vm, job, QBJ_EVENT_FAILED);

    job->flushed = true;
    return QBJ_EVENT_NEW;
}

qbjJobEvent
qbjEnginePullFailed(virDomainObj *vm, virQbjJob *job)
{
    bool cut = false;

    if (qbjEngineQueryCutDone(vm, job, &cut) < 0)
        return qbjEnginePullAgain(vm, job, QBJ_EVENT_FAILED);
    return cut ? QBJ_EVENT_STREAM_FAILED : QBJ_EVENT_OLD;
}

static int
qbjEnginePullReopen(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) arguments = disk ? qbjSpecPullGraphBack(job->spec, disk, &refusal) : NULL;
    g_autoptr(virJSONValue) reply = NULL;

    if (!arguments)
        return qbjEngineRefuse(&refusal);
    return qbjDomainQmpCall(vm, "blockdev-reopen", arguments, &reply);
}

qbjJobEvent
qbjEnginePullGraphBack(virDomainObj *vm, virQbjJob *job)
{
    if (job->spec->type != QBJ_TYPE_PULL)
        return QBJ_EVENT_NEITHER;
    if (qbjEngineQueryDismiss(vm, job) < 0 || qbjEnginePullReopen(vm, job) < 0)
        return qbjEnginePullAgain(vm, job, QBJ_EVENT_NEITHER);
    return QBJ_EVENT_OLD;
}
