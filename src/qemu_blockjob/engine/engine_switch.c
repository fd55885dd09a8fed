#include <config.h>

#include "internal.h"
#include "engine_switch.h"
#include "engine_switch_plan.h"
#include "engine_switch_settle.h"
#include "engine_do.h"
#include "engine_group.h"
#include "engine_persistent.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_timer.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_switch");

bool
qbjEngineSwitchRenamed(virDomainObj *vm, const virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);

    return sw && sw->renamed;
}

bool
qbjEngineSwitchDone(virDomainObj *vm, const virQbjJob *job)
{
    return qbjEngineSwitchedFind(qbjEngineSwitchFind(vm, job), job) != NULL;
}

/* What the two persistent definitions have for the disk of @one. */
static void
qbjEngineSwitchMemoryConfig(virDomainDef *from, virDomainDef *to, const char *target, qbjEngineSwitched *one)
{
    virDomainDiskDef *old = virDomainDiskByTarget(from, target);
    virDomainDiskDef *new = virDomainDiskByTarget(to, target);

    if (!old || !new || virStorageSourceIsSameLocation(old->src, new->src))
        return;
    one->oldConfig = virObjectRef(old->src);
    one->newConfig = virObjectRef(new->src);
}

/* Memory follows the files. Cannot fail once the texts could be made. */
static int
qbjEngineSwitchMemory(virDomainObj *vm, const GPtrArray *members, qbjEngineSwitch *sw)
{
    size_t i;

    for (i = 0; i < members->len; i++) {
        virQbjJob *job = g_ptr_array_index(members, i);
        qbjEngineSwap swap;
        qbjEngineSwitched *one;

        if (qbjEngineChangeSwap(vm, job, &swap) < 0)
            return -1;
        one = g_new0(qbjEngineSwitched, 1);
        one->job = g_strdup(job->spec->job);
        one->swap = swap;
        if (sw->newDef)
            qbjEngineSwitchMemoryConfig(vm->newDef, sw->newDef, job->spec->disk, one);
        g_ptr_array_add(sw->switched, one);
    }
    if (sw->newDef) {
        virDomainDefFree(vm->newDef);
        vm->newDef = g_steal_pointer(&sw->newDef);
    }
    return 0;
}

/* @keep: what the disks are now, else nothing. */
static void
qbjEngineSwitchKeepOld(virDomainObj *vm, const GPtrArray *members, bool keep)
{
    size_t i;

    for (i = 0; i < members->len; i++) {
        virQbjJob *job = g_ptr_array_index(members, i);

        g_free(job->oldDisk);
        job->oldDisk = keep ? qbjEngineSwitchOldDisk(vm, job) : NULL;
    }
}

static qbjJobEvent
qbjEngineSwitchRename(virDomainObj *vm, virQbjJob *job, const GPtrArray *members)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    bool renamed = sw->renamed;
    bool first = false, second = false, saved;

    sw->renamed = true;
    /* in each record from now on, for a daemon that comes after half of this */
    qbjEngineSwitchKeepOld(vm, members, true);
    saved = qbjHostSaveCommit(sw->status, &first) == 0 &&
            (!sw->config || qbjHostSaveCommit(sw->config, &second) == 0);
    sw->configKept = !second && (sw->configKept || !renamed);
    if (!saved) {
        qbjEngineWaitKeepError(vm, job);
        if ((sw->renamed = renamed || first))
            return QBJ_EVENT_SAVE_HALF;
        qbjEngineSwitchKeepOld(vm, members, false);
        return QBJ_EVENT_SAVE_FAILED;
    }
    if (qbjEngineSwitchMemory(vm, members, sw) < 0)
        return QBJ_EVENT_SAVE_HALF;
    QBJ_DOMAIN_PRIVATE(vm)->generation++;
    qbjEngineSwitchClearPlan(sw);
    return QBJ_EVENT_SAVED;
}

/* Before the first rename: the reason is kept, the pivot is called off. */
static qbjJobEvent
qbjEngineSwitchFailed(virDomainObj *vm, virQbjJob *job)
{
    if (qbjEngineSwitchRenamed(vm, job))
        return QBJ_EVENT_SAVE_HALF;
    if (virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        virResetLastError();
        return QBJ_EVENT_TIMEOUT;
    }
    qbjEngineWaitKeepError(vm, job);
    g_free(job->errmsg);
    job->errmsg = g_strdup(virGetLastErrorMessage());
    return QBJ_EVENT_SAVE_FAILED;
}

/* What is left of the time that the guest may be held. A job that an earlier daemon completed gets all of
 * it. */
static unsigned int
qbjEngineSwitchTimeLeft(virQbjJob *job)
{
    gint64 now = g_get_monotonic_time() / 1000;

    if (job->pivotUntil == 0)
        job->pivotUntil = now + QBJ_ENGINE_PIVOT_MS;
    return CLAMP(job->pivotUntil - now, 0, QBJ_ENGINE_PIVOT_MS);
}

/* Bitmaps of all, then the files of all. */
static int
qbjEngineSwitchReady(virDomainObj *vm, virQbjJob *job, const GPtrArray *members)
{
    unsigned int limitMs = QBJ_ENGINE_PIVOT_MS;
    size_t i;

    for (i = 0; i < members->len; i++) {
        virQbjJob *member = g_ptr_array_index(members, i);

        if (qbjEnginePhaseRun(vm, member, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0)
            return -1;
        limitMs = MIN(limitMs, qbjEngineSwitchTimeLeft(member));
    }
    return qbjEngineSwitchPrepare(vm, job, limitMs);
}

/* A record of PENDING does not say that QEMU still waits: an older daemon may have called it off. */
static bool
qbjEngineSwitchMay(const GPtrArray *members)
{
    size_t i;

    for (i = 0; i < members->len; i++) {
        const virQbjJob *member = g_ptr_array_index(members, i);

        if (member->state != QBJ_STATE_PENDING || !member->pendingSeen)
            return false;
    }
    return qbjEngineGroupIsWhole(members);
}

qbjJobEvent
qbjEngineDoSwitch(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);

    if (!qbjEngineSwitchMay(members))
        return QBJ_EVENT_NONE;          /* the last one that gets so far does it for all */
    if (qbjEngineSwitchReady(vm, job, members) < 0)
        return qbjEngineSwitchFailed(vm, job);
    return qbjEngineSwitchRename(vm, job, members);
}

/* Both definitions once more, as memory says it: the earlier daemon may have died between the two renames. */
static int
qbjEngineSwitchSaveAgain(virDomainObj *vm, const GPtrArray *members)
{
    size_t i;

    for (i = 0; i < members->len; i++) {
        virQbjJob *job = g_ptr_array_index(members, i);
        g_autoptr(virStorageSource) old = qbjEngineSwitchRecordedSource(vm, job);
        virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

        if (old && disk && vm->newDef)
            qbjEngineChangePersistent(vm->newDef, job, old, disk);
    }
    if (qbjEnginePersistentSave(vm) < 0)
        return -1;
    return qbjDomainSaveStatus(vm);
}

/* Whether none of the group has been finalized: once one was, the decision is durable, and must not be taken
 * back when it cannot be saved again. Returns 1, 0, -1 with an error reported. */
static int
qbjEngineSwitchIsUndecided(virDomainObj *vm, const GPtrArray *members)
{
    size_t i;

    if (!qbjEngineGroupIsWhole(members))
        return 0;
    for (i = 0; members->len > 1 && i < members->len; i++) {
        g_auto(qbjEngineAnswer) answer = { 0 };

        if (qbjEngineQueryJob(vm, g_ptr_array_index(members, i), &answer) < 0)
            return -1;
        if (STRNEQ_NULLABLE(answer.status, "pending"))
            return 0;
    }
    return 1;
}

qbjJobEvent
qbjEngineDoSwitchFinalize(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(GPtrArray) members = NULL;
    qbjJobEvent where = qbjEngineDoQuery(vm, job);
    int rc;

    if (where != QBJ_EVENT_PENDING)
        return where;
    members = qbjEngineGroupMembers(vm, job);
    if ((rc = qbjEngineSwitchIsUndecided(vm, members)) < 0)
        return qbjEngineLater(vm, job);
    if (rc == 1 && qbjEngineSwitchSaveAgain(vm, members) < 0) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        return QBJ_EVENT_SAVE_HALF;
    }
    return qbjEngineDoFinalize(vm, job);
}

/* Memory says old here already, unless COMMITTED had been reached. Returns 0, -1 with an error reported. */
static int
qbjEngineUnswitchAll(virDomainObj *vm, const GPtrArray *members, const qbjEngineSwitch *sw)
{
    int ret = 0;
    size_t i;

    for (i = 0; i < members->len; i++) {
        qbjEngineSwitchBackPersistent(vm, g_ptr_array_index(members, i));
        if (qbjEngineSwitchBackLive(vm, g_ptr_array_index(members, i)) < 0)
            ret = -1;
    }
    /* a file that could not be replaced could not be saved again either */
    if (ret < 0 || (!sw->configKept && qbjEnginePersistentSave(vm) < 0))
        return -1;
    return qbjDomainSaveStatus(vm);
}

qbjJobEvent
qbjEngineDoUnswitch(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);
    qbjEngineSwitch *sw = qbjEngineSwitchGet(vm, job);

    sw->renamed = true;                 /* perhaps by an earlier daemon */
    if (qbjEngineUnswitchAll(vm, members, sw) == 0) {
        sw->renamed = sw->configKept = false;
        qbjEngineSwitchKeepOld(vm, members, false);
        return QBJ_EVENT_SAVE_FAILED;
    }

    /* neither back nor yet forward: forward once more, else later */
    VIR_WARN("vm=%s job=%s: definitions cannot be saved while the guest waits: %s",
             vm->def->name, job->spec->job, virGetLastErrorMessage());
    if (qbjEngineSwitchMay(members) &&
        qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_PIVOT_MS) == 0 &&
        qbjEngineSwitchRename(vm, job, members) == QBJ_EVENT_SAVED)
        return QBJ_EVENT_SAVED;
    qbjEngineTimerStart(vm, job, QBJ_EVENT_SAVE_HALF, true, QBJ_ENGINE_RETRY_MS);
    return QBJ_EVENT_NONE;
}
