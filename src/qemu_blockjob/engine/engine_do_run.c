#include <config.h>

#include "internal.h"
#include "engine_control.h"
#include "engine_do.h"
#include "engine_change.h"
#include "engine_hold.h"
#include "engine_phase.h"
#include "engine_pending.h"
#include "engine_query.h"
#include "engine_switch.h"
#include "engine_target.h"
#include "engine_timer.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Nobody waits for it: a slow disk is met by the pivot. */
#define QBJ_ENGINE_AHEAD_MS 2000

qbjJobEvent
qbjEngineDoEmitReady(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    if (!job->readyEmitted && disk) {
        job->readyEmitted = true;
        qbjDomainNotifyBlockJob(vm, disk, job->spec->type, VIR_DOMAIN_BLOCK_JOB_READY);
        if (!job->group && qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_AHEAD_MS) < 0)
            virResetLastError();
    }
    return QBJ_EVENT_NONE;
}

#define QBJ_ENGINE_BACKOFF_MIN_MS 500
#define QBJ_ENGINE_BACKOFF_MAX_MS 30000

qbjJobEvent
qbjEngineDoRetryLater(virDomainObj *vm, virQbjJob *job)
{
    job->retryMs = job->retryMs == 0 ? QBJ_ENGINE_BACKOFF_MIN_MS : MIN(job->retryMs * 2, QBJ_ENGINE_BACKOFF_MAX_MS);
    qbjEngineTimerStart(vm, job, QBJ_EVENT_TIMEOUT, true, job->retryMs);
    return QBJ_EVENT_NONE;
}

qbjJobEvent
qbjEngineLater(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineWaitKeepError(vm, job);
    virResetLastError();
    qbjEngineTimerStart(vm, job, QBJ_EVENT_RESUME, true, QBJ_ENGINE_RETRY_MS);
    return QBJ_EVENT_NONE;
}

static qbjJobEvent
qbjEngineEventOf(const qbjEngineAnswer *answer)
{
    if (!answer->listed)
        return QBJ_EVENT_GONE;
    if (STREQ_NULLABLE(answer->status, "ready") || STREQ_NULLABLE(answer->status, "standby"))
        return QBJ_EVENT_READY;
    if (STREQ_NULLABLE(answer->status, "pending"))
        return QBJ_EVENT_PENDING;
    if (STREQ_NULLABLE(answer->status, "concluded"))
        return QBJ_EVENT_CONCLUDED;
    if (STREQ_NULLABLE(answer->status, "running") || STREQ_NULLABLE(answer->status, "paused") ||
        STREQ_NULLABLE(answer->status, "created"))
        return QBJ_EVENT_RUNNING;
    return QBJ_EVENT_NONE;              /* waiting, aborting: its next event comes by itself */
}

qbjJobEvent
qbjEngineDoQuery(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };

    if (qbjEngineQueryJob(vm, job, &answer) < 0)
        return qbjEngineLater(vm, job);
    return qbjEngineEventOf(&answer);
}

qbjJobEvent
qbjEngineDoPreflush(virDomainObj *vm, virQbjJob *job)
{
    if (qbjEnginePendingMustWait(vm, job)) {
        qbjEngineTimerStart(vm, job, QBJ_EVENT_RESUME, true, QBJ_ENGINE_RETRY_MS);
        return QBJ_EVENT_NONE;
    }
    if (qbjEnginePendingPlan(vm, job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0) {
        qbjEngineWaitKeepError(vm, job);
        g_free(job->errmsg);
        job->errmsg = g_strdup(virGetLastErrorMessage());
        return QBJ_EVENT_FAILED;
    }
    job->flushed = true;
    return QBJ_EVENT_OK;
}

/* QEMU's speed limit would lengthen the drain with the guest held (protocol 2). */
static int
qbjEngineLiftSpeed(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "block-job-set-speed" };

    if (virJSONValueObjectAdd(&arguments, "s:device", job->spec->job, "U:speed", 0ULL, NULL) < 0)
        return -1;
    command.arguments = arguments;
    return qbjDomainQmpTry(vm, &command);
}

/* A job that has failed by now, perhaps because its speed was lifted, does not take the command, but says
 * itself why it has ended. */
static qbjJobEvent
qbjEngineNotCompleted(virDomainObj *vm, virQbjJob *job, const qbjQmpCommand *command)
{
    qbjJobEvent where = qbjEngineDoQuery(vm, job);

    if (where != QBJ_EVENT_READY && where != QBJ_EVENT_RUNNING)
        return where;

    qbjQmpReportError(command);
    qbjEngineWaitKeepError(vm, job);
    return QBJ_EVENT_FAILED;
}

qbjJobEvent
qbjEngineDoSendComplete(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = qbjEngineQueryId(job);
    g_auto(qbjQmpCommand) command = { .execute = "job-complete", .arguments = arguments };

    qbjEngineTimerStart(vm, job, QBJ_EVENT_TIMEOUT, false, QBJ_ENGINE_PIVOT_MS);
    job->pivotUntil = g_get_monotonic_time() / 1000 + QBJ_ENGINE_PIVOT_MS;
    if (job->speed != 0 && qbjEngineLiftSpeed(vm, job) < 0)
        return qbjEngineLater(vm, job);
    /* QEMU finalizes such a job at once, and what the guest writes then is in the new image alone */
    if ((virQbjJobIsAdopted(job) && qbjEngineHoldBegin(vm, job) < 0) || qbjDomainQmpTry(vm, &command) < 0)
        return qbjEngineLater(vm, job);
    return command.failed ? qbjEngineNotCompleted(vm, job, &command) : QBJ_EVENT_NONE;
}

/* A disk that hangs is to hang before the guest is held. What fails otherwise fails again in PENDING, and is
 * told then. Returns false when it took too long. */
static bool
qbjEnginePrepareAgain(virDomainObj *vm, virQbjJob *job)
{
    bool late = (qbjEngineTargetSync(vm, job, QBJ_ENGINE_PIVOT_MS) < 0 ||
                 qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_PIVOT_MS) < 0) &&
                virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT;

    virResetLastError();
    return !late;
}

qbjJobEvent
qbjEngineDoCompleteAgain(virDomainObj *vm, virQbjJob *job)
{
    qbjJobEvent where = qbjEngineDoQuery(vm, job);

    if (where != QBJ_EVENT_RUNNING && where != QBJ_EVENT_READY)
        return where;
    if (!qbjEnginePrepareAgain(vm, job))
        return QBJ_EVENT_TIMEOUT;
    where = qbjEngineDoSendComplete(vm, job);
    if (where != QBJ_EVENT_FAILED)
        return where;
    /* harmless when it was accepted before (protocol 5): so a refusal says nothing */
    virResetLastError();
    return QBJ_EVENT_NONE;
}

static qbjJobEvent
qbjEngineNotEnded(virDomainObj *vm, virQbjJob *job, const qbjQmpCommand *command)
{
    qbjQmpReportError(command);
    qbjEngineWaitKeepError(vm, job);
    virResetLastError();
    return QBJ_EVENT_FAILED;
}

/* Sends a command that ends the job or a phase of it. */
static qbjJobEvent
qbjEngineSendEnd(virDomainObj *vm, virQbjJob *job, const char *execute, virJSONValue *arguments)
{
    g_auto(qbjQmpCommand) command = { .execute = execute, .arguments = arguments };

    if (qbjDomainQmpTry(vm, &command) < 0)
        return qbjEngineLater(vm, job);
    return command.failed ? qbjEngineNotEnded(vm, job, &command) : QBJ_EVENT_NONE;
}

/* So long a copy that is ended by force may take to get back what is on its way to its target: less than who
 * ends it waits. */
#define QBJ_ENGINE_FORCED_CANCEL_MS 10000
#define QBJ_ENGINE_CANCEL_SOON_MS 1000

static unsigned int
qbjEngineCancelLimit(const virQbjJob *job)
{
    if (virQbjFaultHit("copy-end"))
        return QBJ_ENGINE_CANCEL_SOON_MS;
    return job->cancelSoft ? QBJ_ENGINE_SOFT_CANCEL_MS : QBJ_ENGINE_FORCED_CANCEL_MS;
}

/* A server that hangs holds a job that is ended by force as well, for it has requests: without its connection
 * they fail (protocol H11). Nobody needs what is left of such a target; that of a job that has ended at once,
 * as from PENDING, may be whole. */
static void
qbjEngineYankTarget(virDomainObj *vm, const virQbjJob *job)
{
    const virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const virStorageSource *target = disk ? disk->mirror : NULL;
    g_autoptr(virJSONValue) instance = NULL;
    g_autoptr(virJSONValue) instances = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "yank" };
    g_auto(qbjEngineAnswer) answer = { 0 };

    if (job->spec->type != QBJ_TYPE_COPY || !target || target->type != VIR_STORAGE_TYPE_NETWORK ||
        target->protocol != VIR_STORAGE_NET_PROTOCOL_NBD ||
        virJSONValueObjectAdd(&instance, "s:type", "block-node", "s:node-name", target->nodestorage, NULL) < 0 ||
        virJSONValueArrayAppend(instances, &instance) < 0 ||
        virJSONValueObjectAdd(&arguments, "a:instances", &instances, NULL) < 0)
        return;
    command.arguments = arguments;
    if (qbjEngineQueryJob(vm, job, &answer) < 0 ||
        (answer.listed && STRNEQ_NULLABLE(answer.status, "concluded") && qbjDomainQmpTry(vm, &command) < 0))
        virResetLastError();
}

qbjJobEvent
qbjEngineDoSendForced(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = qbjEngineQueryId(job);
    qbjJobEvent event;

    job->cancelSoft = false;
    event = qbjEngineSendEnd(vm, job, "job-cancel", arguments);
    if (event == QBJ_EVENT_NONE) {
        qbjEngineHoldEnd(vm, job);      /* it is old now, whenever the job ends */
        qbjEngineYankTarget(vm, job);
    }
    return event;
}

/* By somebody at the monitor, or an error of its target: QEMU refuses to end it softly then (protocol 7). */
static bool
qbjEngineIsPaused(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };

    if (qbjEngineQueryJob(vm, job, &answer) < 0)
        virResetLastError();
    return STREQ_NULLABLE(answer.status, "standby") || STREQ_NULLABLE(answer.status, "paused");
}

qbjJobEvent
qbjEngineDoSendCancel(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "block-job-cancel" };

    if (virJSONValueObjectAdd(&arguments, "s:device", job->spec->job, "B:force", !job->cancelSoft, NULL) < 0)
        return QBJ_EVENT_FAILED;
    command.arguments = arguments;
    /* a target that hangs never takes what is on its way to it */
    if (job->spec->type == QBJ_TYPE_COPY)
        qbjEngineTimerStart(vm, job, QBJ_EVENT_TIMEOUT, true, qbjEngineCancelLimit(job));
    if (qbjDomainQmpTry(vm, &command) < 0)
        return qbjEngineLater(vm, job);
    if (!command.failed)
        return QBJ_EVENT_NONE;
    if (job->cancelSoft && qbjEngineIsPaused(vm, job))
        return qbjEngineDoSendForced(vm, job);
    return qbjEngineNotEnded(vm, job, &command);
}

qbjJobEvent
qbjEngineDoCancelAgain(virDomainObj *vm, virQbjJob *job)
{
    qbjJobEvent where = qbjEngineDoQuery(vm, job);

    if (where != QBJ_EVENT_RUNNING && where != QBJ_EVENT_READY)
        return where;
    where = qbjEngineDoSendCancel(vm, job);
    /* an earlier one may have been accepted: it cannot be taken back any more */
    return where == QBJ_EVENT_FAILED ? QBJ_EVENT_TIMEOUT : where;
}

qbjJobEvent
qbjEngineDoReport(virDomainObj *vm, virQbjJob *job)
{
    /* for the caller only: the job goes on, and this is not the reason of whatever ends it */
    qbjEngineWaitKeepError(vm, job);
    return QBJ_EVENT_NONE;
}

/* Finalize and the question for the outcome in one write: QEMU carries them out one after the other. What is
 * not the usual answer is left to the job's own end. */
static qbjJobEvent
qbjEngineFinalizeSwitch(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = qbjEngineQueryId(job);
    /* a fault: the job ends with an error, on the old node, as one does that cannot be finalized */
    g_auto(qbjQmpCommand) command = { .execute = virQbjFaultHit("finalize") ? "job-cancel" : "job-finalize",
                                      .arguments = arguments };
    g_auto(qbjEngineAnswer) answer = { 0 };
    g_autofree char *root = NULL;

    if (qbjEngineHoldBegin(vm, job) < 0 ||
        qbjEngineQueryRoot(vm, job, &command, &answer, &root) < 0)
        return qbjEngineLater(vm, job);
    if (command.failed)
        return qbjEngineNotEnded(vm, job, &command);
    if (STREQ_NULLABLE(answer.status, "concluded") && !answer.error && STREQ_NULLABLE(root, job->spec->rootNew))
        return QBJ_EVENT_NEW;
    return QBJ_EVENT_NONE;
}

qbjJobEvent
qbjEngineDoFinalize(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (job->state == QBJ_STATE_COMMITTED)
        return qbjEngineFinalizeSwitch(vm, job);
    arguments = qbjEngineQueryId(job);
    return qbjEngineSendEnd(vm, job, "job-finalize", arguments);
}

qbjJobEvent
qbjEngineDoFlushFinalize(virDomainObj *vm, virQbjJob *job)
{
    qbjJobEvent where = qbjEngineDoQuery(vm, job);

    if (where != QBJ_EVENT_PENDING)
        return where;
    where = qbjEngineDoPreflush(vm, job);
    return where == QBJ_EVENT_OK ? qbjEngineDoFinalize(vm, job) : where;
}
