#include <config.h>

#include "internal.h"
#include "engine_control.h"
#include "engine_export.h"
#include "engine_paused.h"
#include "engine_pending.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "engine_step.h"
#include "engine_switch.h"
#include "engine_target.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "virerror.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* So long a caller waits for the rest of a job that QEMU has ended. */
#define QBJ_ENGINE_SETTLE_MS 10000

/* And so long for QEMU to give a job up: what is on its way to a server that is gone must come back first,
 * and meanwhile nobody else could change the domain. */
#define QBJ_ENGINE_CANCEL_MS 15000

static int
qbjEngineAllowed(const virQbjJob *job, qbjJobVerb verb)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (qbjJobVerbCheck(job->spec->type, job->state, verb, job->spec->job, job->spec->disk, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    return 0;
}

/* QEMU has done its part, the guest goes on: what is left is to save, and may wait for a full disk. */
static bool
qbjEngineAbortIsSettling(virDomainObj *vm, const char *name)
{
    const virQbjJob *job = qbjEngineJobFind(vm, name);

    return job && (job->state == QBJ_STATE_SETTLING || job->state == QBJ_STATE_SETTLED ||
                   job->state == QBJ_STATE_CLEANING);
}

static int
qbjEngineAbortReportLate(virDomainObj *vm, const char *name)
{
    if (qbjEngineAbortIsSettling(vm, name))
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("block job '%s' has ended, but what it leaves cannot be saved yet; this goes on without "
                         "the caller"), name);
    else
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("block job '%s' is given up, but its storage does not answer; it ends when that does"), name);
    return -1;
}

/* What a synchronous caller is told once the job has ended (01/J12 to J14). */
static int
qbjEngineAbortResult(virDomainObj *vm, const qbjEngineWait *wait, bool pivot, bool late)
{
    if (!virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
        return -1;
    }
    if (!wait->done && late)
        return qbjEngineAbortReportLate(vm, wait->job);
    if (!wait->done) {
        virReportError(VIR_ERR_OPERATION_ABORTED,
                       _("the daemon ends; block job '%s' goes on ending without it"), wait->job);
        return -1;
    }
    if (!pivot || wait->status == VIR_DOMAIN_BLOCK_JOB_COMPLETED)
        return 0;
    if (wait->timedOut) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("block job '%s' was called off because it could not be completed in time"), wait->job);
    } else if (wait->error) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' failed while pivoting: %s"), wait->job,
                       wait->error->message);
    } else if (wait->message) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' failed while pivoting: %s"), wait->job,
                       wait->message);
    } else {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' failed while pivoting"), wait->job);
    }
    return -1;
}

/* Everything that can fail, or take long, before the guest is held (protocol 4 A.2). QEMU does not wait in
 * PENDING for a job that it finalizes itself: the new image gets its bitmaps now, and counts what comes. */
static int
qbjEnginePivotPrepare(virDomainObj *vm, virQbjJob *job)
{
    job->stopGuest = QBJ_DOMAIN_PRIVATE(vm)->driver->conf->pivotStopGuest;
    if (qbjEngineExportRefuse(vm, job) < 0 ||
        qbjEnginePendingPlan(vm, job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_ATTACH, QBJ_PHASE_RUN_ALL) < 0 ||
        qbjEngineTargetSync(vm, job, QBJ_ENGINE_PIVOT_MS) < 0 ||
        (virQbjJobIsAdopted(job) && qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0) ||
        qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_PIVOT_MS) < 0) {
        job->stopGuest = false;
        return -1;
    }
    return 0;
}

/* A job that was paused: whether it still is. Returns @job, NULL with an error reported. */
static virQbjJob *
qbjEnginePivotGoesOn(virDomainObj *vm, virQbjJob *job)
{
    g_autofree char *name = g_strdup(job->spec->job);

    qbjEnginePausedRetry(vm, job);
    if (!(job = qbjEngineJobFind(vm, name))) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' has ended"), name);
        return NULL;
    }
    if (job->paused) {
        virReportError(VIR_ERR_BLOCK_COPY_ACTIVE, _("disk '%s' not ready for pivot yet: block job '%s' is paused: %s"),
                       job->spec->disk, name, job->paused);
        return NULL;
    }
    return job;
}

/* A broken job has been looked for in QEMU: one that runs is being called off by now. What has ended is
 * settled again; anything else may not be, for a job without an error would be taken for done. Returns 0, -1
 * with an error reported. */
static int
qbjEngineAbortBroken(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };

    if (qbjEngineQueryJob(vm, job, &answer) < 0)
        return -1;
    if (!answer.listed || STREQ_NULLABLE(answer.status, "concluded"))
        return qbjEngineStep(vm, job, QBJ_EVENT_RETRY);
    virReportError(VIR_ERR_OPERATION_INVALID, _("block job on disk '%s' is still being ended"), job->spec->disk);
    return -1;
}

/* @wait is registered for @name. Returns 0 when the end is under way or done, -1 with an error reported. */
static int
qbjEngineAbortSend(virDomainObj *vm, const char *name, bool pivot, qbjEngineWait *wait)
{
    virQbjJob *job = qbjEngineJobFind(vm, name);

    if (pivot && job->paused && !(job = qbjEnginePivotGoesOn(vm, job)))
        return -1;
    if (pivot && qbjEnginePivotPrepare(vm, job) < 0)
        return -1;
    /* what is left of a copy that was ready is usable (03/E9) */
    if (!pivot)
        job->cancelSoft = job->spec->type == QBJ_TYPE_COPY && job->state == QBJ_STATE_READY;
    if (qbjEngineStep(vm, job, pivot ? QBJ_EVENT_PIVOT : QBJ_EVENT_CANCEL) < 0) {
        if ((job = qbjEngineJobFind(vm, name)) && !pivot)
            job->cancelled = false;
        else if (job && job->state == QBJ_STATE_READY)
            job->stopGuest = false;
        return -1;
    }
    if (!wait->done && (job = qbjEngineJobFind(vm, name)) && job->state == QBJ_STATE_BROKEN)
        return qbjEngineAbortBroken(vm, job);
    /* QEMU refused to complete: nothing changed, the mirror goes on (01/J5) */
    if (!wait->done && wait->error && (job = qbjEngineJobFind(vm, name)) && job->state == QBJ_STATE_READY) {
        virErrorRestore(&wait->error);
        return -1;
    }
    return 0;
}

/* Until the job has ended, or the domain, or the daemon: the end of that closes the monitor, which wakes us
 * up. @limit: ms for what comes before the settling, 0 for none. Returns true when it takes too long. */
static bool
qbjEngineAbortWait(virDomainObj *vm, const char *name, unsigned int limit, const qbjEngineWait *wait)
{
    bool settling = false;
    unsigned long long now;
    unsigned long long until = 0;

    if (limit > 0 && virTimeMillisNow(&now) == 0)
        until = now + limit;

    while (!wait->done && virDomainObjIsActive(vm) && !qbjDriverIsShuttingDown(QBJ_DOMAIN_PRIVATE(vm)->driver)) {
        if (!settling && qbjEngineAbortIsSettling(vm, name) && virTimeMillisNow(&now) == 0) {
            settling = true;
            until = now + QBJ_ENGINE_SETTLE_MS;
        }
        if (qbjDomainQueueWait(vm, until) == 1)
            return !wait->done;
    }
    return false;
}

/* A pivot has its own limits, which call it off. */
static unsigned int
qbjEngineAbortLimit(virDomainObj *vm, const char *name, bool pivot)
{
    const virQbjJob *job = qbjEngineJobFind(vm, name);

    if (pivot || !job)
        return 0;
    return QBJ_ENGINE_CANCEL_MS + (job->cancelSoft ? QBJ_ENGINE_SOFT_CANCEL_MS : 0);
}

int
qbjEngineAbort(virDomainObj *vm, const char *diskName, unsigned int flags)
{
    bool pivot = flags & VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;
    g_autofree char *name = NULL;
    qbjEngineWait wait;
    virDomainDiskDef *disk;
    virQbjJob *job;
    int ret = -1;

    if (qbjEngineRequestRunning(vm) < 0 ||
        !(disk = qbjEngineRequestDisk(vm, diskName)) ||
        !(job = qbjEngineRequestJob(vm, disk)) ||
        qbjEngineAllowed(job, pivot ? QBJ_VERB_PIVOT : QBJ_VERB_CANCEL) < 0)
        return -1;

    name = g_strdup(job->spec->job);
    qbjEngineWaitBegin(vm, name, &wait);
    if ((ret = qbjEngineAbortSend(vm, name, pivot, &wait)) == 0 && !(flags & VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC)) {
        bool late = qbjEngineAbortWait(vm, name, qbjEngineAbortLimit(vm, name, pivot), &wait);

        ret = qbjEngineAbortResult(vm, &wait, pivot, late);
    }
    qbjEngineWaitEnd(&wait);
    return ret;
}

/* QEMU's own table of verbs. */
static bool
qbjEngineSpeedTaken(const qbjEngineAnswer *answer)
{
    static const char *const states[] = { "created", "running", "paused", "ready", "standby", NULL };

    return answer->listed && answer->status && g_strv_contains(states, answer->status);
}

/* The record said that it may be asked, but QEMU is ahead of it: the job ends, whatever QEMU calls it. */
static void
qbjEngineSpeedRefused(virDomainObj *vm, const char *name, const char *disk, const qbjQmpCommand *command)
{
    g_auto(qbjEngineAnswer) answer = { 0 };
    virQbjJob *job = qbjEngineJobFind(vm, name);

    if (command->errorClass && job && qbjEngineQueryJob(vm, job, &answer) == 0 && !qbjEngineSpeedTaken(&answer)) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("block job on disk '%s' is still being ended"), disk);
        return;
    }
    qbjQmpReportError(command);
}

int
qbjEngineSetSpeed(virDomainObj *vm, const char *diskName, unsigned long long speed)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "block-job-set-speed" };
    g_autofree char *name = NULL;
    g_autofree char *target = NULL;
    virDomainDiskDef *disk;
    virQbjJob *job;

    if (qbjEngineRequestRunning(vm) < 0 ||
        !(disk = qbjEngineRequestDisk(vm, diskName)) ||
        !(job = qbjEngineRequestJob(vm, disk)) ||
        qbjEngineAllowed(job, QBJ_VERB_SET_SPEED) < 0)
        return -1;

    name = g_strdup(job->spec->job);
    target = g_strdup(job->spec->disk);
    if (virJSONValueObjectAdd(&arguments, "s:device", name, "U:speed", speed, NULL) < 0)
        return -1;
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    if (command.failed) {
        qbjEngineSpeedRefused(vm, name, target, &command);
        return -1;
    }
    if ((job = qbjEngineJobFind(vm, name))) {
        job->speed = speed;
        job->news++;
        if (job->paused)
            qbjEnginePausedRetry(vm, job);
    }
    return 0;
}
