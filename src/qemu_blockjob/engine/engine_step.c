#include <config.h>

#include "internal.h"
#include "engine_step.h"
#include "engine_change.h"
#include "engine_do.h"
#include "engine_group.h"
#include "engine_hold.h"
#include "engine_paused.h"
#include "engine_stray.h"
#include "engine_switch.h"
#include "engine_timer.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "job_group.h"
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
    if (event == QBJ_EVENT_PENDING)
        job->pendingSeen = true;
}

/* A job that moves, and why. */
typedef struct _qbjEngineTurn qbjEngineTurn;
struct _qbjEngineTurn {
    virQbjJob *job;                     /* borrowed; not used any more once actions run, for it may go */
    char *name;
    qbjJobEvent event;
    const qbjJobMove *move;
    qbjJobState from;
    bool act;
};

static void
qbjEngineTurnFree(void *opaque)
{
    qbjEngineTurn *turn = opaque;

    g_free(turn->name);
    g_free(turn);
}

static qbjEngineTurn *
qbjEngineTurnNew(virQbjJob *job, qbjJobEvent event)
{
    qbjEngineTurn *turn = g_new0(qbjEngineTurn, 1);

    turn->job = job;
    turn->name = g_strdup(job->spec->job);
    turn->event = event;
    turn->from = job->state;
    turn->move = qbjJobMoveFind(qbjEngineJobKind(job), job->state, event);
    turn->act = true;
    return turn;
}

/* @event of @job, and what it is to the others of its group. Empty when it changes nothing. */
static GPtrArray *
qbjEngineTurns(virDomainObj *vm, virQbjJob *job, qbjJobEvent event)
{
    GPtrArray *turns = g_ptr_array_new_with_free_func(qbjEngineTurnFree);
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    size_t i;

    if (job->group)
        event = qbjJobGroupEvent(job->state, event);
    g_ptr_array_add(turns, qbjEngineTurnNew(job, event));
    for (i = 0; i < members->len; i++) {
        virQbjJob *other = g_ptr_array_index(members, i);
        qbjJobEvent its = other == job ? QBJ_EVENT_LAST : qbjJobGroupOther(job->state, event, other->state);

        if (its == QBJ_EVENT_LAST)
            continue;
        g_ptr_array_add(turns, qbjEngineTurnNew(other, its));
        /* one of them puts the files back, for all */
        ((qbjEngineTurn *) g_ptr_array_index(turns, turns->len - 1))->act = its != QBJ_EVENT_SAVE_HALF;
    }
    return turns;
}

static void
qbjEngineEnter(virDomainObj *vm, const qbjEngineTurn *turn)
{
    virQbjJob *job = turn->job;
    const qbjJobMove *move = turn->move;

    VIR_DEBUG("vm=%s job=%s %s -- %s --> %s: %s", vm->def->name, turn->name, qbjJobStateTypeToString(turn->from),
              qbjJobEventTypeToString(turn->event), qbjJobStateTypeToString(move->next),
              qbjJobActionTypeToString(move->action));

    qbjEngineNote(job, turn->event);
    if (turn->from != move->next)
        job->retryMs = 0;
    job->pendingSeen = job->pendingSeen && move->next == QBJ_STATE_PENDING;
    job->state = move->next;
    job->news++;
    qbjEngineChangeShowMirror(vm, job);
}

static void
qbjEngineLeave(virDomainObj *vm, const GPtrArray *turns)
{
    size_t i;

    for (i = 0; i < turns->len; i++) {
        const qbjEngineTurn *turn = g_ptr_array_index(turns, i);

        qbjEngineWaitKeepError(vm, turn->job);
        turn->job->state = turn->from;
        qbjEngineChangeShowMirror(vm, turn->job);
    }
}

/* All that move do so before the first of their actions, and by one save. */
static int
qbjEngineMove(virDomainObj *vm, const GPtrArray *turns)
{
    const qbjEngineTurn *first = g_ptr_array_index(turns, 0);
    size_t i;

    for (i = 0; i < turns->len; i++)
        qbjEngineEnter(vm, g_ptr_array_index(turns, i));
    if (first->move->save == QBJ_SAVE_BEFORE) {
        qbjEngineHoldLimit(vm, first->job);
        if (qbjDomainSaveStatus(vm) < 0) {
            qbjEngineLeave(vm, turns);
            return -1;
        }
    }
    for (i = 0; i < turns->len; i++)
        qbjEngineHoldFollow(vm, ((qbjEngineTurn *) g_ptr_array_index(turns, i))->job);
    return 0;
}

char *
qbjEngineStepPreview(virDomainObj *vm, const GPtrArray *jobs, qbjJobState state)
{
    g_autofree qbjJobState *now = g_new0(qbjJobState, jobs->len);
    char *text;
    size_t i;

    for (i = 0; i < jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(jobs, i);

        now[i] = job->state;
        job->state = state;
    }
    text = qbjDomainStatusText(vm);
    for (i = 0; i < jobs->len; i++)
        ((virQbjJob *) g_ptr_array_index(jobs, i))->state = now[i];
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

/* Events that are to be fed, one for a job at most: name of the job -> 1 + event. */
static void
qbjEngineNewsAdd(GHashTable *news, const char *name, qbjJobEvent event)
{
    if (event != QBJ_EVENT_NONE)
        g_hash_table_insert(news, g_strdup(name), GINT_TO_POINTER(1 + event));
}

/* In order of the records. NULL when there is none any more. */
static virQbjJob *
qbjEngineNewsTake(virDomainObj *vm, GHashTable *news, qbjJobEvent *event)
{
    const GPtrArray *jobs = QBJ_DOMAIN_PRIVATE(vm)->status->jobs;
    size_t i;

    for (i = 0; i < jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(jobs, i);
        int found = GPOINTER_TO_INT(g_hash_table_lookup(news, job->spec->job));

        if (found == 0)
            continue;
        g_hash_table_remove(news, job->spec->job);
        *event = found - 1;
        return job;
    }
    return NULL;
}

/* All actions before what any of them has led to: a guest that waits for each of its disks is let go soon. */
static void
qbjEngineAct(virDomainObj *vm, const GPtrArray *turns, GHashTable *news)
{
    size_t i;

    for (i = 0; i < turns->len; i++)
        g_hash_table_remove(news, ((qbjEngineTurn *) g_ptr_array_index(turns, i))->name);
    for (i = 0; i < turns->len; i++) {
        const qbjEngineTurn *turn = g_ptr_array_index(turns, i);
        virQbjJob *job = turn->act ? qbjEngineJobFind(vm, turn->name) : NULL;

        if (!job)
            continue;
        qbjEngineNewsAdd(news, turn->name, qbjEngineDo(vm, job, turn->move->action));
        qbjEngineSaveAfter(vm, turn->move->save);       /* the job may be gone */
    }
}

/* More moves than any way through the table has: QEMU keeps refusing what it should do. */
#define QBJ_ENGINE_MOVES_MAX 32

/* Returns 0, -1 with an error reported when the record could not be saved. */
static int
qbjEngineStepOne(virDomainObj *vm, virQbjJob *job, qbjJobEvent event, GHashTable *news)
{
    g_autoptr(GPtrArray) turns = qbjEngineTurns(vm, job, event);

    if (!((qbjEngineTurn *) g_ptr_array_index(turns, 0))->move) {
        VIR_DEBUG("vm=%s job=%s: %s changes nothing in %s", vm->def->name, job->spec->job,
                  qbjJobEventTypeToString(event), qbjJobStateTypeToString(job->state));
        return 0;
    }
    if (qbjEngineMove(vm, turns) < 0) {
        /* one that a client asked for is his to ask again */
        if (event != QBJ_EVENT_PIVOT && event != QBJ_EVENT_CANCEL && event != QBJ_EVENT_BEGIN)
            qbjEngineTimerStart(vm, job, event, true, QBJ_ENGINE_RETRY_MS);
        return -1;
    }
    qbjEngineAct(vm, turns, news);
    return 0;
}

int
qbjEngineStep(virDomainObj *vm, virQbjJob *job, qbjJobEvent event)
{
    g_autoptr(GHashTable) news = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t most = QBJ_ENGINE_MOVES_MAX * QBJ_DOMAIN_PRIVATE(vm)->status->jobs->len;
    size_t moves = 0;
    int ret = 0;

    qbjEngineNewsAdd(news, job->spec->job, event);
    while ((job = qbjEngineNewsTake(vm, news, &event))) {
        if (++moves > most) {
            VIR_WARN("vm=%s job=%s: QEMU refuses to go on, tried again later", vm->def->name, job->spec->job);
            qbjEngineTimerStart(vm, job, event, true, QBJ_ENGINE_RETRY_MS);
        } else if (qbjEngineStepOne(vm, job, event, news) < 0) {
            ret = -1;
        }
    }
    return ret;
}

void
qbjEngineStepStray(virQbjJob *job, qbjJobState state)
{
    job->state = state;
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

static void
qbjEngineHandleStray(virDomainObj *vm, const char *event, virJSONValue *data)
{
    const char *name = virJSONValueObjectGetString(data, STREQ(event, "JOB_STATUS_CHANGE") ? "id" : "device");

    if (name && !qbjEngineJobFind(vm, name))
        qbjEngineStrayHandle(vm, event, data);
}

void
qbjEngineHandleQmp(virDomainObj *vm, const char *event, virJSONValue *data)
{
    virQbjJob *job;
    qbjJobEvent what;

    if (data && STREQ(event, "BLOCK_JOB_ERROR"))
        qbjEnginePausedHandle(vm, data);
    if (data && (STRPREFIX(event, "BLOCK_JOB_") || STREQ(event, "JOB_STATUS_CHANGE")))
        qbjEngineHandleStray(vm, event, data);
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
    qbjEngineStrayPlace(vm);
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
