#include <config.h>

#include "internal.h"
#include "engine_control.h"
#include "engine_export.h"
#include "engine_group.h"
#include "engine_hold.h"
#include "engine_paused.h"
#include "engine_pending.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "engine_step.h"
#include "engine_stray.h"
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

/* Every member of its group is ready as well, and none has left it. Returns 0, -1 with an error reported. */
static int
qbjEnginePivotAllowed(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    size_t i;

    if (qbjEngineStrayFind(vm, job->spec->job)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("block job '%s' on disk '%s' was begun by somebody else: it can be aborted, but not pivoted"),
                       job->spec->job, job->spec->disk);
        return -1;
    }
    if (qbjEngineAllowed(job, QBJ_VERB_PIVOT) < 0)
        return -1;
    for (i = 0; i < members->len; i++) {
        if (qbjEngineAllowed(g_ptr_array_index(members, i), QBJ_VERB_PIVOT) < 0)
            return -1;
    }
    if (!qbjEngineGroupIsWhole(members)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("block job '%s' cannot pivot: another job that was to pivot with it has ended"),
                       job->spec->job);
        return -1;
    }
    return 0;
}

/* Everything that can fail, or take long, before the guest is held (protocol 4 A.2). QEMU does not wait in
 * PENDING for a job that it finalizes itself: the new image gets its bitmaps now, and counts what comes. */
static int
qbjEnginePivotPrepareOne(virDomainObj *vm, virQbjJob *job)
{
    job->stopGuest = QBJ_DOMAIN_PRIVATE(vm)->driver->conf->pivotStopGuest || qbjEngineHoldIsOn(vm);
    if (qbjEngineExportRefuse(vm, job) < 0 ||
        qbjEnginePendingPlan(vm, job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_ATTACH, QBJ_PHASE_RUN_ALL) < 0 ||
        qbjEngineTargetSync(vm, job, QBJ_ENGINE_PIVOT_MS) < 0)
        return -1;
    return virQbjJobIsAdopted(job) ? qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) : 0;
}

static int
qbjEnginePivotPrepare(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    int ret = 0;
    size_t i;

    for (i = 0; i < members->len; i++) {
        if ((ret = qbjEnginePivotPrepareOne(vm, g_ptr_array_index(members, i))) < 0)
            break;
    }
    if (ret == 0)
        ret = qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_PIVOT_MS);
    for (i = 0; ret < 0 && i < members->len; i++)
        ((virQbjJob *) g_ptr_array_index(members, i))->stopGuest = qbjEngineHoldIsOn(vm);
    return ret;
}

/* A job that was paused: whether it still is. Returns 0, -1 with an error reported. */
static int
qbjEnginePivotGoesOn(virDomainObj *vm, const char *name)
{
    virQbjJob *job = qbjEngineJobFind(vm, name);

    if (job && job->paused) {
        qbjEnginePausedRetry(vm, job);
        job = qbjEngineJobFind(vm, name);
    }
    if (!job) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' has ended"), name);
        return -1;
    }
    if (job->paused) {
        virReportError(VIR_ERR_BLOCK_COPY_ACTIVE, _("disk '%s' not ready for pivot yet: block job '%s' is paused: %s"),
                       job->spec->disk, name, job->paused);
        return -1;
    }
    return 0;
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

/* @names: the jobs that pivot together. Returns 0, -1 with an error reported. */
static int
qbjEnginePivotBegin(virDomainObj *vm, char **names)
{
    size_t i;

    for (i = 0; names[i]; i++) {
        if (qbjEnginePivotGoesOn(vm, names[i]) < 0)
            return -1;
    }
    return qbjEnginePivotPrepare(vm, qbjEngineJobFind(vm, names[0]));
}

/* The record could not be saved: all is as before. */
static void
qbjEngineAbortUndo(virDomainObj *vm, char **names, bool pivot)
{
    virQbjJob *job;
    size_t i;

    if (!pivot && (job = qbjEngineJobFind(vm, names[0])))
        job->cancelled = false;
    for (i = 0; pivot && names[i]; i++) {
        if ((job = qbjEngineJobFind(vm, names[i])) && job->state == QBJ_STATE_READY)
            job->stopGuest = qbjEngineHoldIsOn(vm);
    }
}

/* @wait is registered for the first of @names. Returns 0 when the end is under way or done, -1 with an error
 * reported. */
static int
qbjEngineAbortSend(virDomainObj *vm, char **names, bool pivot, qbjEngineWait *wait)
{
    const char *name = names[0];
    virQbjJob *job;

    if (qbjEngineStrayFind(vm, name))
        return qbjEngineStrayCancel(vm, name);
    if (pivot && qbjEnginePivotBegin(vm, names) < 0)
        return -1;
    job = qbjEngineJobFind(vm, name);
    /* what is left of a copy that was ready is usable (03/E9) */
    if (!pivot)
        job->cancelSoft = job->spec->type == QBJ_TYPE_COPY && job->state == QBJ_STATE_READY;
    if (qbjEngineStep(vm, job, pivot ? QBJ_EVENT_PIVOT : QBJ_EVENT_CANCEL) < 0) {
        qbjEngineAbortUndo(vm, names, pivot);
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
    const virQbjJob *job = qbjEngineJobFindAny(vm, name);

    if (pivot || !job)
        return 0;
    return QBJ_ENGINE_CANCEL_MS + (job->cancelSoft ? QBJ_ENGINE_SOFT_CANCEL_MS : 0);
}

/* The job itself first; with @pivot those that pivot with it behind. */
static char **
qbjEngineAbortNames(virDomainObj *vm, virQbjJob *job, bool pivot)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    char **names = g_new0(char *, members->len + 1);
    size_t n = 1;
    size_t i;

    names[0] = g_strdup(job->spec->job);
    for (i = 0; pivot && i < members->len; i++) {
        const virQbjJob *other = g_ptr_array_index(members, i);

        if (other != job)
            names[n++] = g_strdup(other->spec->job);
    }
    return names;
}

/* Until each of @names has ended. Returns 0; -1 with an error reported: of the one that knows why, for the
 * others were called off because of it. */
static int
qbjEngineAbortWaitAll(virDomainObj *vm, char **names, bool pivot, const qbjEngineWait *waits)
{
    g_autofree bool *late = g_new0(bool, g_strv_length(names));
    size_t why = 0;
    size_t i;

    for (i = 0; names[i]; i++) {
        late[i] = qbjEngineAbortWait(vm, names[i], qbjEngineAbortLimit(vm, names[i], pivot), &waits[i]);
        if (waits[i].error && !waits[why].error)
            why = i;
    }
    if (qbjEngineAbortResult(vm, &waits[why], pivot, late[why]) < 0)
        return -1;
    for (i = 0; names[i]; i++) {
        if (qbjEngineAbortResult(vm, &waits[i], pivot, late[i]) < 0)
            return -1;
    }
    return 0;
}

int
qbjEngineAbort(virDomainObj *vm, const char *diskName, unsigned int flags)
{
    bool pivot = flags & VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;
    g_auto(GStrv) names = NULL;
    g_autofree qbjEngineWait *waits = NULL;
    virDomainDiskDef *disk;
    virQbjJob *job;
    size_t i;
    int ret;

    if (qbjEngineRequestRunning(vm) < 0 ||
        !(disk = qbjEngineRequestDisk(vm, diskName)) ||
        !(job = qbjEngineRequestJob(vm, disk)) ||
        (pivot ? qbjEnginePivotAllowed(vm, job) : qbjEngineAllowed(job, QBJ_VERB_CANCEL)) < 0)
        return -1;

    names = qbjEngineAbortNames(vm, job, pivot);
    waits = g_new0(qbjEngineWait, g_strv_length(names));
    for (i = 0; names[i]; i++)
        qbjEngineWaitBegin(vm, names[i], &waits[i]);
    if ((ret = qbjEngineAbortSend(vm, names, pivot, waits)) == 0 && !(flags & VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC))
        ret = qbjEngineAbortWaitAll(vm, names, pivot, waits);
    for (i = 0; names[i]; i++)
        qbjEngineWaitEnd(&waits[i]);
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
    if ((job = qbjEngineJobFindAny(vm, name))) {
        job->speed = speed;
        job->news++;
        if (job->paused)
            qbjEnginePausedRetry(vm, job);
    }
    return 0;
}
