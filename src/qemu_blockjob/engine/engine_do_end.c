#include <config.h>

#include "internal.h"
#include "engine_do.h"
#include "engine_change.h"
#include "engine_group.h"
#include "engine_hold.h"
#include "engine_note.h"
#include "engine_pending.h"
#include "engine_persistent.h"
#include "engine_phase.h"
#include "engine_pull.h"
#include "engine_query.h"
#include "engine_switch.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_label.h"
#include "job_group.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_do_end");

/* QEMU could not be asked: the table decides when again. */
static qbjJobEvent
qbjEngineNoAnswer(virDomainObj *vm)
{
    virResetLastError();
    return virDomainObjIsActive(vm) ? QBJ_EVENT_FAILED : QBJ_EVENT_NONE;
}

static void
qbjEngineKeepMessage(virQbjJob *job, const char *message)
{
    /* a reason of our own, for which the job was called off, stays */
    if (!message || job->errmsg)
        return;
    job->errmsg = g_strdup(message);
}

/* The outcome cannot be read now: once more after a while. */
static qbjJobEvent
qbjEngineLookAgain(virDomainObj *vm, virQbjJob *job)
{
    virResetLastError();
    return virDomainObjIsActive(vm) ? qbjEngineDoRetryLater(vm, job) : QBJ_EVENT_NONE;
}

/* An intermediate commit that QEMU has finalized itself: base has the data, but not the bitmaps. Those that
 * it cannot have are lost, which the client who started the job has chosen. */
static qbjJobEvent
qbjEngineCommitEnded(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    /* without top in the definition all has been done before */
    if (job->flushed || !virQbjJobIsAdopted(job) || !disk ||
        !qbjEngineChangeFindNode(disk->src, job->spec->top, NULL))
        return QBJ_EVENT_NEW;
    if (qbjEnginePendingPlanEnded(vm, job) < 0 ||
        qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0) {
        bool lost = virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED;

        VIR_WARN("vm=%s job=%s: dirty bitmaps: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        if (!lost)
            return qbjEngineLookAgain(vm, job);
        virResetLastError();
    }
    job->flushed = true;
    return QBJ_EVENT_NEW;
}

/* Type B. @good: by the job's own word, or by the graph. */
static qbjJobEvent
qbjEngineOutcome(virDomainObj *vm, virQbjJob *job, bool good)
{
    qbjJobEvent event;

    if (good && job->spec->type == QBJ_TYPE_COMMIT)
        return qbjEngineCommitEnded(vm, job);
    if (job->spec->type != QBJ_TYPE_PULL)
        return good ? QBJ_EVENT_NEW : QBJ_EVENT_OLD;
    event = good ? qbjEnginePullEnded(vm, job) : qbjEnginePullFailed(vm, job);
    return event == QBJ_EVENT_FAILED ? qbjEngineLookAgain(vm, job) : event;
}

qbjJobEvent
qbjEngineDoReadOutcome(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };
    bool done = false;

    if (qbjEngineJobKind(job) == QBJ_KIND_C) {
        /* nothing of the guest's changes, whatever the outcome */
        if (qbjEngineQueryJob(vm, job, &answer) < 0)
            return qbjEngineLookAgain(vm, job);
        /* of one that is not there nobody knows more than that we have flushed its image */
        return answer.error || (!answer.listed && !job->flushed) ? QBJ_EVENT_OLD : QBJ_EVENT_NEW;
    }
    if (qbjEngineQueryJob(vm, job, &answer) < 0)
        return qbjEngineLookAgain(vm, job);
    if (answer.listed) {
        qbjEngineKeepMessage(job, answer.error);
        return qbjEngineOutcome(vm, job, !answer.error);
    }
    /* dismissed by somebody else: the graph tells (protocol 5, RUNNING (B) none) */
    if (qbjEngineQueryCutDone(vm, job, &done) < 0)
        return qbjEngineLookAgain(vm, job);
    return done ? qbjEngineOutcome(vm, job, true) : QBJ_EVENT_OLD;
}

/* Of a device that is gone the job's own word decides with the record; one that has been decided and is not
 * listed any more was dismissed with the outcome new, for old would have been saved before. */
static qbjJobEvent
qbjEngineOutcomeOfRoot(virDomainObj *vm, virQbjJob *job, const qbjEngineAnswer *answer, const char *root)
{
    bool isNew = root ? STREQ_NULLABLE(root, job->spec->rootNew) : !answer->error && qbjEngineSwitchCommitted(vm, job);
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    /* a record that could not be understood does not say what new is */
    if (root && !job->spec->rootNew && (!disk || STRNEQ_NULLABLE(disk->src->nodeformat, root)))
        return QBJ_EVENT_NEITHER;
    return isNew ? QBJ_EVENT_NEW : QBJ_EVENT_OLD;
}

qbjJobEvent
qbjEngineDoLookAtRoot(virDomainObj *vm, virQbjJob *job)
{
    g_auto(qbjEngineAnswer) answer = { 0 };
    g_autofree char *root = NULL;

    if (qbjEngineQueryRoot(vm, job, NULL, &answer, &root) < 0)
        return qbjEngineLookAgain(vm, job);
    qbjEngineKeepMessage(job, answer.error);
    return qbjEngineOutcomeOfRoot(vm, job, &answer, root);
}

qbjJobEvent
qbjEngineDoPutGraphBack(virDomainObj *vm, virQbjJob *job)
{
    return qbjEnginePullGraphBack(vm, job);
}

/* Whether a type B job has shortened the chain and the live definition does not say so yet. After a restart
 * it may do so already: then the images between are gone from it. */
static bool
qbjEngineSettleCuts(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    return job->outcomeNew && disk && job->spec->change.type == QBJ_CHANGE_CUT &&
        (!job->spec->top || qbjEngineChangeFindNode(disk->src, job->spec->top, NULL));
}

/* QEMU has gone: the persistent definition follows for all members of a group that the record sends the same
 * way,
  * and never names the one's new image beside the other's old one. While QEMU lives each is settled alone,
  * for its own
 * finalize may have failed. */
static bool
qbjEngineSettleGroup(virDomainObj *vm, virQbjJob *job, bool together)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    bool changed = qbjEngineSwitchSettlePersistent(vm, job, job->outcomeNew);
    size_t i;

    for (i = 0; together && i < members->len; i++) {
        virQbjJob *other = g_ptr_array_index(members, i);

        if (other != job && qbjJobGroupGoesNew(other->state, other->outcomeKnown, other->outcomeNew,
                                               qbjEngineSwitchCommitted(vm, other)) == job->outcomeNew)
            changed = qbjEngineSwitchSettlePersistent(vm, other, job->outcomeNew) || changed;
    }
    return changed;
}

/* Returns whether the persistent definition is another one now. */
static bool
qbjEngineSettlePersistent(virDomainObj *vm, virQbjJob *job, bool offline)
{
    if (qbjEngineJobKind(job) == QBJ_KIND_A)
        return qbjEngineSettleGroup(vm, job, offline);
    return vm->newDef && qbjEngineSettleCuts(vm, job) &&
        qbjEngineChangePersistent(vm->newDef, job, qbjEngineChangeDisk(vm, job)->src,
                                  qbjEngineChangeDisk(vm, job));
}

static int
qbjEngineSettleLive(virDomainObj *vm, virQbjJob *job)
{
    if (qbjEngineJobKind(job) == QBJ_KIND_A)
        return qbjEngineSwitchSettleLive(vm, job);
    return qbjEngineSettleCuts(vm, job) ? qbjEngineChangeCut(vm, job) : 0;
}

/* The persistent definition first: the live one and the record stay as they are until it is durable. Whenever
 * the status file is saved and a daemon dies, the next one finds all of it still to do. */
static qbjJobEvent
qbjEngineSettle(virDomainObj *vm, virQbjJob *job, bool offline, bool *configSaved)
{
    if (virQbjFaultHit("settle"))
        return QBJ_EVENT_SAVE_FAILED;
    if (!job->configDirty)
        job->configDirty = qbjEngineSettlePersistent(vm, job, offline);
    if (job->configDirty && qbjEnginePersistentSave(vm) < 0) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        virResetLastError();
        return QBJ_EVENT_SAVE_FAILED;   /* may pass, as a full disk does: configDirty keeps it in mind */
    }
    *configSaved = job->configDirty;
    job->configDirty = false;
    /* what an aborted copy has made is its client's from now on */
    if (!job->outcomeNew && qbjEngineNoteForget(vm, job, true) < 0) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        virResetLastError();
        return QBJ_EVENT_SAVE_FAILED;
    }
    return qbjEngineSettleLive(vm, job) < 0 ? QBJ_EVENT_FAILED : QBJ_EVENT_OK;
}

/* Whether both files say the outcome of a type A job already, and a daemon that reads them comes to the
 * same end: new, when this daemon has renamed them; old, when a client has asked for it and nothing was
 * renamed. */
static bool
qbjEngineOutcomeIsSaved(virDomainObj *vm, const virQbjJob *job)
{
    bool switched = qbjEngineSwitchDone(vm, job);

    if (qbjEngineJobKind(job) != QBJ_KIND_A || job->settled)
        return false;
    if (job->outcomeNew)
        return switched;
    return job->cancelled && !job->oldDisk && !switched && !qbjEngineSwitchRenamed(vm, job);
}

qbjJobEvent
qbjEngineDoSettle(virDomainObj *vm, virQbjJob *job)
{
    bool saved = qbjEngineOutcomeIsSaved(vm, job);
    bool configSaved = false;
    qbjJobEvent event;

    if (!saved)
        qbjEngineHoldLimit(vm, job);
    event = qbjEngineSettle(vm, job, false, &configSaved);
    if (event == QBJ_EVENT_OK && saved && !configSaved)
        return QBJ_EVENT_SAVED;
    job->settled = true;                /* the status file follows with the move to SETTLED, if need be later */
    return event;
}

static qbjJobEvent
qbjEngineSettleAs(virDomainObj *vm, virQbjJob *job, bool isNew)
{
    bool configSaved = false;

    job->outcomeKnown = true;
    job->outcomeNew = isNew;
    return qbjEngineSettle(vm, job, true, &configSaved);
}

qbjJobEvent
qbjEngineDoSettleOld(virDomainObj *vm, virQbjJob *job)
{
    return qbjEngineSettleAs(vm, job, false);
}

qbjJobEvent
qbjEngineDoSettleNew(virDomainObj *vm, virQbjJob *job)
{
    return qbjEngineSettleAs(vm, job, true);
}

/* QEMU is gone and its answer with it: an outcome that was read stands; else a type A job is new exactly when
 * both definitions had been renamed (protocol 6, COMMITTED). */
qbjJobEvent
qbjEngineDoSettleByRecord(virDomainObj *vm, virQbjJob *job)
{
    return qbjEngineSettleAs(vm, job, job->outcomeKnown ? job->outcomeNew : qbjEngineSwitchCommitted(vm, job));
}

/* Steps of one phase whose failure is told, but stops nothing, nor the steps behind it: definitions are right
 * already. Returns false when QEMU did not answer: then they are to be done again, or nodes would be left. */
static bool
qbjEngineTidy(virDomainObj *vm, virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run)
{
    bool heard = true;
    size_t next = 0;

    while (heard && qbjEnginePhaseRunFrom(vm, job, phase, run, &next) < 0) {
        int code = virGetLastErrorCode();

        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        heard = code != VIR_ERR_OPERATION_TIMEOUT && code != VIR_ERR_OPERATION_FAILED;
        virResetLastError();
    }
    return heard;
}

/* Before the rights of the old top are given back (02/Q85). */
static void
qbjEngineMoveOwner(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    GPtrArray *steps = job->spec->phase[QBJ_PHASE_RIGHTS];
    size_t i;

    for (i = 0; disk && driver->conf->dynamicOwnership && i < steps->len; i++) {
        const qbjStep *step = g_ptr_array_index(steps, i);

        if (step->type == QBJ_STEP_ACCESS && STREQ_NULLABLE(step->image->formatNode, job->spec->rootOld) &&
            qbjHostLabelMoveOwner(driver->security, step->image, disk->src) < 0) {
            VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
            virResetLastError();
        }
    }
}

static bool
qbjEngineFinishSwitch(virDomainObj *vm, virQbjJob *job)
{
    if (!job->outcomeNew)
        return qbjEngineTidy(vm, job, QBJ_PHASE_ABORT, QBJ_PHASE_RUN_ALL);
    if (!qbjEngineTidy(vm, job, QBJ_PHASE_NODES, QBJ_PHASE_RUN_ALL))
        return false;
    if (job->spec->type != QBJ_TYPE_COPY)               /* a target keeps its own owner */
        qbjEngineMoveOwner(vm, job);
    return qbjEngineTidy(vm, job, QBJ_PHASE_RIGHTS, QBJ_PHASE_RUN_ALL);
}

qbjJobEvent
qbjEngineDoFinish(virDomainObj *vm, virQbjJob *job)
{
    if ((qbjEngineJobKind(job) == QBJ_KIND_A && !qbjEngineFinishSwitch(vm, job)) ||
        qbjEngineQueryDismiss(vm, job) < 0)
        return qbjEngineNoAnswer(vm);
    return QBJ_EVENT_OK;
}

static qbjJobEvent
qbjEngineCleanWith(virDomainObj *vm, virQbjJob *job, qbjPhaseRun run)
{
    bool allPhases = run == QBJ_PHASE_RUN_HOST || qbjEngineJobKind(job) != QBJ_KIND_A;

    if (!job->outcomeNew)
        return allPhases && !qbjEngineTidy(vm, job, QBJ_PHASE_ABORT, run) ? qbjEngineNoAnswer(vm) : QBJ_EVENT_OK;
    if (allPhases && (!qbjEngineTidy(vm, job, QBJ_PHASE_NODES, run) ||
                      !qbjEngineTidy(vm, job, QBJ_PHASE_RIGHTS, run)))
        return qbjEngineNoAnswer(vm);
    qbjEngineTidy(vm, job, QBJ_PHASE_UNLINK, run);
    return QBJ_EVENT_OK;
}

qbjJobEvent
qbjEngineDoClean(virDomainObj *vm, virQbjJob *job)
{
    /* QEMU has not heard yet that the guest goes on: without the record nobody would tell it again */
    if (job->stopGuest && QBJ_DOMAIN_PRIVATE(vm)->heldUntil)
        return qbjEngineNoAnswer(vm);
    return qbjEngineCleanWith(vm, job, QBJ_PHASE_RUN_ALL);
}

qbjJobEvent
qbjEngineDoCleanOffline(virDomainObj *vm, virQbjJob *job)
{
    return qbjEngineCleanWith(vm, job, QBJ_PHASE_RUN_HOST);
}
