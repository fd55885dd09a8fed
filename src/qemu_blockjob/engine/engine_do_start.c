#include <config.h>

#include "internal.h"
#include "engine_do.h"
#include "engine_change.h"
#include "engine_note.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_switch.h"
#include "engine_target.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_target.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_do_start");

/* A daemon that dies before the record of a copy is durable leaves no file behind that nobody knows of. */
static int
qbjEnginePlaceTarget(virQbjJob *job)
{
    qbjStep *step;

    if (job->targetFd < 0)
        return 0;
    step = g_ptr_array_index(job->spec->phase[QBJ_PHASE_PREPARE], 0);
    if (step->type != QBJ_STEP_FILE || qbjHostTargetPlace(step->image->path, job->targetFd) < 0)
        return -1;
    VIR_FORCE_CLOSE(job->targetFd);
    return 0;
}

qbjJobEvent
qbjEngineDoPrepare(virDomainObj *vm, virQbjJob *job)
{
    if (qbjEnginePlaceTarget(job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_PREPARE, QBJ_PHASE_RUN_ALL) < 0 ||
        qbjEngineTargetCheck(vm, job) < 0) {
        qbjEngineWaitKeepError(vm, job);
        return QBJ_EVENT_FAILED;
    }
    return QBJ_EVENT_OK;
}

qbjJobEvent
qbjEngineDoStart(virDomainObj *vm, virQbjJob *job)
{
    const qbjStep *step = g_ptr_array_index(job->spec->phase[QBJ_PHASE_START], 0);
    g_auto(qbjQmpCommand) command = { .execute = step->command, .arguments = step->arguments };

    if (qbjDomainQmpTry(vm, &command) < 0) {
        /* no answer: it may run, or not. A QEMU that has gone is told by its own event */
        qbjEngineWaitKeepError(vm, job);
        return virDomainObjIsActive(vm) ? QBJ_EVENT_TIMEOUT : QBJ_EVENT_NONE;
    }
    if (command.failed) {
        qbjQmpReportError(&command);
        qbjEngineWaitKeepError(vm, job);
        return QBJ_EVENT_FAILED;
    }
    job->acknowledged = true;
    return QBJ_EVENT_OK;
}

static qbjJobEvent
qbjEngineUndo(virDomainObj *vm, virQbjJob *job, qbjPhaseRun run)
{
    virErrorPtr reason;
    int rc;

    virErrorPreserveLast(&reason);
    rc = qbjEnginePhaseUndo(vm, job, run);
    virErrorRestore(&reason);
    return rc < 0 ? QBJ_EVENT_FAILED : QBJ_EVENT_OK;
}

static bool
qbjEngineAnswers(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };

    return qbjEngineQueryJob(vm, job, &answer) == 0;
}

/* Nothing is undone while QEMU does not answer, as when the connection to it was lost: it may still be making
 * the very image that would be removed, and the job of that would stay. */
qbjJobEvent
qbjEngineDoUndoPrepare(virDomainObj *vm, virQbjJob *job)
{
    qbjJobEvent event;

    if (!qbjEngineAnswers(vm, job))
        return qbjEngineLater(vm, job);
    event = qbjEngineUndo(vm, job, QBJ_PHASE_RUN_ALL);
    return event == QBJ_EVENT_FAILED && !qbjEngineAnswers(vm, job) ? qbjEngineLater(vm, job) : event;
}

qbjJobEvent
qbjEngineDoUndoHost(virDomainObj *vm, virQbjJob *job)
{
    return qbjEngineUndo(vm, job, QBJ_PHASE_RUN_HOST);
}

qbjJobEvent
qbjEngineDoDismissStray(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = virJSONValueNewObject();
    g_auto(qbjQmpCommand) command = { .execute = "job-dismiss", .arguments = arguments };

    virJSONValueObjectAppendString(arguments, "id", job->spec->job);
    if (qbjDomainQmpTry(vm, &command) < 0)
        return QBJ_EVENT_NONE;
    return qbjEngineUndo(vm, job, QBJ_PHASE_RUN_ALL);
}

/* The end of every record: <mirror> goes, the record goes, whoever waits is told. @job is freed. */
static void
qbjEngineRemove(virDomainObj *vm, virQbjJob *job, virConnectDomainEventBlockJobStatus status)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    qbjEngineWaitTell(vm, job, status);
    qbjEngineSwitchForget(vm, job);
    ignore_value(qbjEngineNoteForget(vm, job, false));
    g_ptr_array_remove(priv->status->jobs, job);
    if (virDomainObjIsActive(vm) && !priv->stopping)
        qbjDomainSaveStatusSoon(vm);
}

static void
qbjEngineDropMirror(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    if (qbjEngineJobKind(job) != QBJ_KIND_A || !disk || !disk->mirror)
        return;
    g_clear_pointer(&disk->mirror, virObjectUnref);
    disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
    disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN;
}

qbjJobEvent
qbjEngineDoDrop(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineDropMirror(vm, job);
    qbjEngineRemove(vm, job, VIR_DOMAIN_BLOCK_JOB_FAILED);
    return QBJ_EVENT_NONE;
}

qbjJobEvent
qbjEngineDoEmitFailed(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    qbjEngineDropMirror(vm, job);
    if (job->acknowledged && disk && !QBJ_DOMAIN_PRIVATE(vm)->stopping)
        qbjDomainNotifyBlockJob(vm, disk, job->spec->type, VIR_DOMAIN_BLOCK_JOB_FAILED);
    qbjEngineRemove(vm, job, VIR_DOMAIN_BLOCK_JOB_FAILED);
    return QBJ_EVENT_NONE;
}

virConnectDomainEventBlockJobStatus
qbjEngineFinalStatus(const virQbjJob *job)
{
    if (job->outcomeNew)
        return VIR_DOMAIN_BLOCK_JOB_COMPLETED;
    /* an end without an error is a cancel, whoever asked for it (03/T4, T6); so is QEMU's own word for it */
    if (job->cancelled || !job->errmsg || (STREQ(job->errmsg, "Operation canceled") && !job->timedOut))
        return VIR_DOMAIN_BLOCK_JOB_CANCELED;
    return VIR_DOMAIN_BLOCK_JOB_FAILED;
}

qbjJobEvent
qbjEngineDoEmitFinal(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    virConnectDomainEventBlockJobStatus status = qbjEngineFinalStatus(job);

    /* the event has no room for the reason (01/A16) */
    if (status == VIR_DOMAIN_BLOCK_JOB_FAILED)
        VIR_WARN("vm=%s job=%s disk=%s: block job failed: %s", vm->def->name, job->spec->job, job->spec->disk,
                 NULLSTR(job->errmsg));
    /* a VM that ends says so by its lifecycle event alone (03/E, last rows) */
    if (disk && !QBJ_DOMAIN_PRIVATE(vm)->stopping)
        qbjDomainNotifyBlockJob(vm, disk, job->spec->type, status);
    qbjEngineRemove(vm, job, status);
    return QBJ_EVENT_NONE;
}
