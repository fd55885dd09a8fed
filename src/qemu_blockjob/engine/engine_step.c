#include <config.h>

#include "internal.h"
#include "engine_step.h"
#include "engine_change.h"
#include "engine_do.h"
#include "engine_hold.h"
#include "engine_paused.h"
#include "engine_switch.h"
#include "engine_timer.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_step");

/* What an event says besides the state: kept in the record, so that it is saved with the state. */
static void
qbjEngineNote(virQbjJob *job, qbjJobEvent event)
{
    if (event == QBJ_EVENT_NEW || event == QBJ_EVENT_OLD) {
        job->outcomeKnown = true;
        job->outcomeNew = event == QBJ_EVENT_NEW;
    }
    if (event == QBJ_EVENT_TIMEOUT)
        job->timedOut = true;
    if (event == QBJ_EVENT_CANCEL)
        job->cancelled = true;
}

static int
qbjEngineMove(virDomainObj *vm, virQbjJob *job, const qbjJobMove *move)
{
    qbjJobState old = job->state;

    VIR_DEBUG("vm=%s job=%s %s -- %s --> %s: %s", vm->def->name, job->spec->job, qbjJobStateTypeToString(old),
              qbjJobEventTypeToString(move->event), qbjJobStateTypeToString(move->next),
              qbjJobActionTypeToString(move->action));

    if (old != move->next)
        job->retryMs = 0;
    job->state = move->next;
    job->news++;
    qbjEngineChangeShowMirror(vm, job);
    if (move->save == QBJ_SAVE_BEFORE)
        qbjEngineHoldLimit(vm, job);
    if (move->save == QBJ_SAVE_BEFORE && qbjDomainSaveStatus(vm) < 0) {
        qbjEngineWaitKeepError(vm, job);
        job->state = old;
        qbjEngineChangeShowMirror(vm, job);
        return -1;
    }
    qbjEngineHoldFollow(vm, job);
    return 0;
}

char *
qbjEngineStepPreview(virDomainObj *vm, virQbjJob *job, qbjJobState state)
{
    qbjJobState now = job->state;
    char *text;

    job->state = state;
    text = qbjDomainStatusText(vm);
    job->state = now;
    return text;
}

static void
qbjEngineSaveAfter(virDomainObj *vm, qbjJobSave save)
{
    if (!virDomainObjIsActive(vm) || QBJ_DOMAIN_PRIVATE(vm)->stopping)
        return;
    if (save == QBJ_SAVE_SOON)
        qbjDomainSaveStatusSoon(vm);
    if (save == QBJ_SAVE_TRY)
        qbjDomainSaveStatusOrWarn(vm);
}

/* More moves than any way through the table has: QEMU keeps refusing what it should do. */
#define QBJ_ENGINE_MOVES_MAX 32

int
qbjEngineStep(virDomainObj *vm, virQbjJob *job, qbjJobEvent event)
{
    size_t moves = 0;

    while (event != QBJ_EVENT_NONE) {
        const qbjJobMove *move = qbjJobMoveFind(qbjEngineJobKind(job), job->state, event);

        if (!move) {
            VIR_DEBUG("vm=%s job=%s: %s changes nothing in %s", vm->def->name, job->spec->job,
                      qbjJobEventTypeToString(event), qbjJobStateTypeToString(job->state));
            return 0;
        }
        if (++moves > QBJ_ENGINE_MOVES_MAX) {
            VIR_WARN("vm=%s job=%s: QEMU refuses to go on, tried again later", vm->def->name, job->spec->job);
            qbjEngineTimerStart(vm, job, event, true, QBJ_ENGINE_RETRY_MS);
            return 0;
        }
        qbjEngineNote(job, event);
        if (qbjEngineMove(vm, job, move) < 0) {
            /* one that a client asked for is his to ask again */
            if (event != QBJ_EVENT_PIVOT && event != QBJ_EVENT_CANCEL && event != QBJ_EVENT_BEGIN)
                qbjEngineTimerStart(vm, job, event, true, QBJ_ENGINE_RETRY_MS);
            return -1;
        }
        event = qbjEngineDo(vm, job, move->action);
        qbjEngineSaveAfter(vm, move->save);     /* @job may be gone */
    }
    return 0;
}

void
qbjEngineFeed(virDomainObj *vm, virQbjJob *job, qbjJobEvent event)
{
    if (qbjEngineStep(vm, job, event) < 0) {
        VIR_WARN("vm=%s: a block job waits because its record cannot be saved: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

static qbjJobEvent
qbjEngineEventFromStatus(const char *status)
{
    if (STREQ_NULLABLE(status, "running"))
        return QBJ_EVENT_RUNNING;
    if (STREQ_NULLABLE(status, "ready"))
        return QBJ_EVENT_READY;
    if (STREQ_NULLABLE(status, "pending"))
        return QBJ_EVENT_PENDING;
    if (STREQ_NULLABLE(status, "concluded"))
        return QBJ_EVENT_CONCLUDED;
    return QBJ_EVENT_NONE;
}

void
qbjEngineHandleQmp(virDomainObj *vm, const char *event, virJSONValue *data)
{
    virQbjJob *job;
    qbjJobEvent what;

    if (data && STREQ(event, "BLOCK_JOB_ERROR"))
        qbjEnginePausedHandle(vm, data);
    /* JOB_STATUS_CHANGE is the only input of the table (03/T1) */
    if (STRNEQ(event, "JOB_STATUS_CHANGE") || !data)
        return;

    job = qbjEngineJobFind(vm, virJSONValueObjectGetString(data, "id"));
    what = qbjEngineEventFromStatus(virJSONValueObjectGetString(data, "status"));
    if (job)
        job->news++;
    if (job && what == QBJ_EVENT_PENDING && virQbjJobIsAdopted(job))
        what = qbjEngineDoQuery(vm, job);
    if (job && what != QBJ_EVENT_NONE)
        qbjEngineFeed(vm, job, what);
}

void
qbjEngineHandleTimer(virDomainObj *vm, const char *name, int code)
{
    virQbjJob *job = qbjEngineJobFind(vm, name);
    bool anyState = false;
    qbjJobEvent event;

    if (!job || qbjEnginePausedTimer(vm, job, code) ||
        (event = qbjEngineTimerRead(job, code, &anyState)) == QBJ_EVENT_LAST)
        return;
    /* the time of a pivot runs only until its first rename (protocol 4) */
    if (anyState &&
        job->state != QBJ_STATE_PIVOTING && (job->state != QBJ_STATE_PENDING || qbjEngineSwitchRenamed(vm, job)))
        return;
    qbjEngineFeed(vm, job, event);
}

/* Every job gets @event once; those that may hold the guest come first (protocol H13). Names are collected
 * beforehand, because a job may end and leave the array. */
static void
qbjEngineFeedAll(virDomainObj *vm, qbjJobEvent event)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < status->jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(status->jobs, i);

        g_ptr_array_insert(names, qbjJobStateHoldsGuest(job->state) ? 0 : -1, g_strdup(job->spec->job));
    }
    for (i = 0; i < names->len; i++) {
        virQbjJob *job = qbjEngineJobFind(vm, g_ptr_array_index(names, i));

        if (job)
            qbjEngineFeed(vm, job, event);
    }
}

void
qbjEngineResume(virDomainObj *vm)
{
    qbjEngineFeedAll(vm, QBJ_EVENT_RESUME);
    qbjEnginePausedResume(vm);
}

bool
qbjEngineVmGone(virDomainObj *vm)
{
    GPtrArray *jobs = QBJ_DOMAIN_PRIVATE(vm)->status->jobs;
    size_t i;

    qbjEngineFeedAll(vm, QBJ_EVENT_VM_GONE);
    for (i = 0; i < jobs->len; i++) {
        const virQbjJob *job = g_ptr_array_index(jobs, i);

        if (job->state == QBJ_STATE_SETTLING_OFFLINE)
            return false;
    }
    return true;
}
