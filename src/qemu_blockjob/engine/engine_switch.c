#include <config.h>

#include "internal.h"
#include "engine_switch.h"
#include "engine_change.h"
#include "engine_do.h"
#include "engine_persistent.h"
#include "engine_phase.h"
#include "engine_step.h"
#include "engine_timer.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_save_within.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_switch");

typedef struct _qbjEngineSwitch qbjEngineSwitch;
struct _qbjEngineSwitch {
    /* prepared */
    char *statusText;                   /* NULL: nothing is planned yet */
    char *configText;                   /* NULL: the persistent definition stays as it is, or there is none */
    char *configFrom;                   /* the persistent definition that configText was made from; NULL: none */
    qbjHostSave *status, *config;       /* they stay after their renames, with the files that they replaced */
    virDomainDef *newDef;               /* persistent definition that configText was made from */
    bool renamed;                       /* the first rename was issued: nothing may be called off any more */
    bool configKept;                    /* the persistent definition's file is still the old one */
    /* done */
    bool done;
    qbjEngineSwap swap;
    virDomainDef *oldNewDef;            /* vm->newDef as it was, when it was replaced */
    const virDomainDef *ourNewDef;      /* what replaced it; only compared: a client may have defined
                                         * another since */
};

static void
qbjEngineSwitchClearPlan(qbjEngineSwitch *sw)
{
    g_clear_pointer(&sw->statusText, g_free);
    g_clear_pointer(&sw->configText, g_free);
    g_clear_pointer(&sw->configFrom, g_free);
    g_clear_pointer(&sw->newDef, virDomainDefFree);
}

static void
qbjEngineSwitchClearPrepared(qbjEngineSwitch *sw)
{
    qbjEngineSwitchClearPlan(sw);
    g_clear_pointer(&sw->status, qbjHostSaveLetGo);
    g_clear_pointer(&sw->config, qbjHostSaveLetGo);
}

static void
qbjEngineSwitchFree(qbjEngineSwitch *sw)
{
    qbjEngineSwitchClearPrepared(sw);
    if (sw->done)
        qbjEngineChangeSwapKeep(&sw->swap);
    virDomainDefFree(sw->oldNewDef);
    g_free(sw);
}

static qbjEngineSwitch *
qbjEngineSwitchFind(virDomainObj *vm, const virQbjJob *job)
{
    GHashTable *switches = QBJ_DOMAIN_PRIVATE(vm)->switches;

    return switches ? g_hash_table_lookup(switches, job->spec->job) : NULL;
}

static qbjEngineSwitch *
qbjEngineSwitchGet(virDomainObj *vm, const virQbjJob *job)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);

    if (sw)
        return sw;
    if (!priv->switches)
        priv->switches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) qbjEngineSwitchFree);
    sw = g_new0(qbjEngineSwitch, 1);
    g_hash_table_insert(priv->switches, g_strdup(job->spec->job), sw);
    return sw;
}

void
qbjEngineSwitchForget(virDomainObj *vm, const virQbjJob *job)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->switches)
        g_hash_table_remove(QBJ_DOMAIN_PRIVATE(vm)->switches, job->spec->job);
}

bool
qbjEngineSwitchRenamed(virDomainObj *vm, const virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);

    return sw && sw->renamed;
}

bool
qbjEngineSwitchDone(virDomainObj *vm, const virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);

    return sw && sw->done;
}

/* The old source and its chain, as a <disk>, for the record: a daemon that restarts in COMMITTED has no
 * other memory of it. */
static char *
qbjEngineSwitchOldDisk(virDomainObj *vm, const virQbjJob *job)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (!disk)
        return NULL;
    virBufferAsprintf(&buf, "<disk type='%s' device='disk'>\n", virStorageTypeToString(disk->src->type));
    virBufferAdjustIndent(&buf, 2);
    virBufferAsprintf(&buf, "<driver name='qemu' type='%s'/>\n", virStorageFileFormatTypeToString(disk->src->format));
    if (virDomainDiskSourceFormat(&buf, disk->src, "source", 0, true, QBJ_STATUS_FORMAT_FLAGS, false, false,
                                  xmlopt) < 0 ||
        virDomainDiskBackingStoreFormat(&buf, disk->src, xmlopt, QBJ_STATUS_FORMAT_FLAGS) < 0)
        return NULL;
    virBufferEscapeString(&buf, "<target dev='%s'/>\n", disk->dst);
    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</disk>\n");
    return virBufferContentAndReset(&buf);
}

/* The status file as it will be in COMMITTED: memory is changed for the moment of formatting only. */
static char *
qbjEngineSwitchStatusText(virDomainObj *vm, virQbjJob *job)
{
    g_autofree char *old = qbjEngineSwitchOldDisk(vm, job);
    char *now = job->oldDisk;
    qbjEngineSwap swap;
    char *text;

    if (!old || qbjEngineChangeSwap(vm, job, &swap) < 0)
        return NULL;

    job->oldDisk = old;
    text = qbjEngineStepPreview(vm, job, QBJ_STATE_COMMITTED);
    job->oldDisk = now;
    qbjEngineChangeSwapUndo(&swap);
    return text;
}

/* What is to be saved, as memory says it now. */
static int
qbjEngineSwitchPlan(virDomainObj *vm, virQbjJob *job, qbjEngineSwitch *sw)
{
    qbjEngineSwitchClearPlan(sw);
    if (!(sw->statusText = qbjEngineSwitchStatusText(vm, job)) ||
        (!(sw->configFrom = qbjEnginePersistentText(vm)) && vm->newDef))
        return -1;
    return qbjEnginePersistentPlan(vm, job, &sw->newDef, &sw->configText);
}

/* Whether the plan still says what memory says: the new persistent definition is made from the old one and
 * from the live disk, which is part of the status file. */
static bool
qbjEngineSwitchIsFresh(virDomainObj *vm, virQbjJob *job, const qbjEngineSwitch *sw)
{
    g_autofree char *statusText = qbjEngineSwitchStatusText(vm, job);
    g_autofree char *configFrom = qbjEnginePersistentText(vm);

    if (!statusText || (vm->newDef && !configFrom))
        virResetLastError();
    return STREQ_NULLABLE(statusText, sw->statusText) && STREQ_NULLABLE(configFrom, sw->configFrom);
}

/* The files of the plan, all touched now. The domain's lock is dropped: its clients need not wait for a
 * disk. */
static int
qbjEngineSwitchWrite(virDomainObj *vm, virQbjJob *job, qbjEngineSwitch *sw, unsigned int limitMs)
{
    g_autofree char *statusPath = qbjDomainStatusPath(vm);
    g_autofree char *configPath = qbjDomainConfigPath(vm);
    qbjHostSaveWish wishes[] = {
        { .path = statusPath, .text = sw->statusText, .save = g_steal_pointer(&sw->status) },
        { .path = configPath, .text = sw->configText, .save = g_steal_pointer(&sw->config) },
    };
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveWithin(wishes, G_N_ELEMENTS(wishes), limitMs);
    virObjectLock(vm);
    sw->status = wishes[0].save;
    sw->config = wishes[1].save;
    return rc;
}

/* What an earlier call has planned is written, or only touched, before it is compared with memory: formatting
 * everything for that takes its time, and in PENDING the guest waits for it. */
static int
qbjEngineSwitchTry(virDomainObj *vm, virQbjJob *job, qbjEngineSwitch *sw, unsigned int limitMs)
{
    gint64 until = g_get_monotonic_time() / 1000 + limitMs;
    bool planned = sw->statusText;

    do {
        if (!planned && qbjEngineSwitchPlan(vm, job, sw) < 0)
            return -1;
        if (qbjEngineSwitchWrite(vm, job, sw, MAX(until - g_get_monotonic_time() / 1000, 0)) < 0)
            return -1;
        planned = qbjEngineSwitchIsFresh(vm, job, sw);
    } while (!planned);
    return 0;
}

int
qbjEngineSwitchPrepare(virDomainObj *vm, virQbjJob *job, unsigned int limitMs)
{
    qbjEngineSwitch *sw = qbjEngineSwitchGet(vm, job);

    if (qbjEngineSwitchTry(vm, job, sw, limitMs) < 0) {
        qbjEngineSwitchClearPrepared(sw);
        return -1;
    }
    return 0;
}

/* Memory follows the files. Cannot fail once the texts could be made. */
static int
qbjEngineSwitchMemory(virDomainObj *vm, virQbjJob *job, qbjEngineSwitch *sw)
{
    if (qbjEngineChangeSwap(vm, job, &sw->swap) < 0)
        return -1;
    if (sw->newDef) {
        sw->oldNewDef = g_steal_pointer(&vm->newDef);
        vm->newDef = g_steal_pointer(&sw->newDef);
        sw->ourNewDef = vm->newDef;
    }
    sw->done = true;
    return 0;
}

static qbjJobEvent
qbjEngineSwitchRename(virDomainObj *vm, virQbjJob *job, qbjEngineSwitch *sw)
{
    bool renamed = sw->renamed;
    bool first = false, second = false, saved;

    sw->renamed = true;
    g_free(job->oldDisk);               /* in each record from now on, for a daemon that comes after half of this */
    job->oldDisk = qbjEngineSwitchOldDisk(vm, job);
    saved = qbjHostSaveCommit(sw->status, &first) == 0 &&
            (!sw->config || qbjHostSaveCommit(sw->config, &second) == 0);
    sw->configKept = !second && (sw->configKept || !renamed);
    if (!saved) {
        qbjEngineWaitKeepError(vm, job);
        if ((sw->renamed = renamed || first))
            return QBJ_EVENT_SAVE_HALF;
        g_clear_pointer(&job->oldDisk, g_free);
        return QBJ_EVENT_SAVE_FAILED;
    }
    if (qbjEngineSwitchMemory(vm, job, sw) < 0)
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

qbjJobEvent
qbjEngineDoSwitch(virDomainObj *vm, virQbjJob *job)
{
    if (qbjEnginePhaseRun(vm, job, QBJ_PHASE_PENDING, QBJ_PHASE_RUN_ALL) < 0 ||
        qbjEngineSwitchPrepare(vm, job, qbjEngineSwitchTimeLeft(job)) < 0)
        return qbjEngineSwitchFailed(vm, job);
    return qbjEngineSwitchRename(vm, job, qbjEngineSwitchFind(vm, job));
}

/* The live source as it was, from the record of an earlier daemon; NULL when there is none. */
static virStorageSource *
qbjEngineSwitchRecordedSource(virDomainObj *vm, const virQbjJob *job)
{
    virStorageSource *old;

    if (!job->oldDisk)
        return NULL;
    old = virDomainDiskDefParseSource(job->oldDisk, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
    if (!old) {
        VIR_WARN("vm=%s job=%s: the record's old disk cannot be read: %s", vm->def->name, job->spec->job,
                 virGetLastErrorMessage());
        virResetLastError();
    }
    return old;
}

/* Both definitions once more, as memory says it: the earlier daemon may have died between the two renames. */
static int
qbjEngineSwitchSaveAgain(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virStorageSource) old = qbjEngineSwitchRecordedSource(vm, job);
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    if (old && disk && vm->newDef)
        qbjEngineChangePersistent(vm->newDef, job, old, disk);
    if (qbjEnginePersistentSave(vm) < 0)
        return -1;
    return qbjDomainSaveStatus(vm);
}

qbjJobEvent
qbjEngineDoSwitchFinalize(virDomainObj *vm, virQbjJob *job)
{
    qbjJobEvent where = qbjEngineDoQuery(vm, job);

    if (where != QBJ_EVENT_PENDING)
        return where;
    if (qbjEngineSwitchSaveAgain(vm, job) < 0) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, job->spec->job, virGetLastErrorMessage());
        return QBJ_EVENT_SAVE_HALF;
    }
    return qbjEngineDoFinalize(vm, job);
}

static bool
qbjEngineSwitchNamesNew(const virDomainDiskDef *disk, const virQbjJob *job)
{
    return STREQ_NULLABLE(disk->src->nodeformat, job->spec->change.nowOn);
}

bool
qbjEngineSwitchCommitted(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    return qbjEngineSwitchDone(vm, job) || (job->oldDisk && disk && qbjEngineSwitchNamesNew(disk, job));
}

/* Outcome new. Returns whether the persistent definition is to be saved: an earlier daemon may not have
 * synced it. */
static bool
qbjEngineSwitchForwardPersistent(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autoptr(virStorageSource) old = NULL;

    if (qbjEngineSwitchDone(vm, job) || !disk || !vm->newDef)
        return false;
    old = qbjEngineSwitchNamesNew(disk, job) ? qbjEngineSwitchRecordedSource(vm, job) : virObjectRef(disk->src);
    if (old)
        qbjEngineChangePersistent(vm->newDef, job, old, disk);
    return true;
}

static int
qbjEngineSwitchForwardLive(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    qbjEngineSwap swap;

    if (qbjEngineSwitchDone(vm, job) || !disk || qbjEngineSwitchNamesNew(disk, job))
        return 0;
    if (qbjEngineChangeSwap(vm, job, &swap) < 0)
        return -1;
    qbjEngineChangeSwapKeep(&swap);
    return 0;
}

/* Outcome old, although memory may name new: back to what was kept, or to what the record says. Returns
 * whether the persistent definition is to be saved: a disk of it that names new goes back to the old source;
 * after half a switch the file may name new although memory does not. */
static bool
qbjEngineSwitchBackPersistent(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    virDomainDiskDef *live = qbjEngineChangeDisk(vm, job);
    virDomainDiskDef *disk = vm->newDef ? virDomainDiskByTarget(vm->newDef, job->spec->disk) : NULL;
    virStorageSource *target = live ? qbjEngineChangeTarget(live, job) : NULL;
    g_autoptr(virStorageSource) recorded = NULL;
    virStorageSource *copy;

    if (sw && sw->done) {
        if (!sw->oldNewDef || vm->newDef != sw->ourNewDef)
            return false;
        virDomainDefFree(vm->newDef);
        vm->newDef = g_steal_pointer(&sw->oldNewDef);
        return true;
    }
    if (!disk || !target || !virStorageSourceIsSameLocation(disk->src, target) ||
        !(recorded = qbjEngineSwitchRecordedSource(vm, job)))
        return sw && sw->renamed && vm->newDef;
    copy = qbjEngineChangeInactiveCopy(recorded, disk->src);
    virObjectUnref(disk->src);
    disk->src = copy;
    return true;
}

static int
qbjEngineSwitchBackLive(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    virStorageSource *recorded;

    if (sw && sw->done) {
        qbjEngineChangeSwapUndo(&sw->swap);
        sw->done = false;
        return 0;
    }
    if (!disk || !qbjEngineSwitchNamesNew(disk, job))
        return 0;
    if (!(recorded = qbjEngineSwitchRecordedSource(vm, job))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("what disk '%s' was before block job '%s' is not known any more"),
                       job->spec->disk, job->spec->job);
        return -1;
    }
    virObjectUnref(disk->src);
    disk->src = recorded;
    return 0;
}

/* Memory says old here already, unless COMMITTED had been reached. */
qbjJobEvent
qbjEngineDoUnswitch(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchGet(vm, job);

    sw->renamed = true;                 /* perhaps by an earlier daemon */
    qbjEngineSwitchBackPersistent(vm, job);
    /* a file that could not be replaced could not be saved again either */
    if (qbjEngineSwitchBackLive(vm, job) == 0 &&
        (sw->configKept || qbjEnginePersistentSave(vm) == 0) &&
        qbjDomainSaveStatus(vm) == 0) {
        sw->renamed = sw->configKept = false;
        g_clear_pointer(&job->oldDisk, g_free);
        return QBJ_EVENT_SAVE_FAILED;
    }

    /* neither back nor yet forward: forward once more, else later */
    VIR_WARN("vm=%s job=%s: definitions cannot be saved while the guest waits: %s",
             vm->def->name, job->spec->job, virGetLastErrorMessage());
    if (qbjEngineSwitchPrepare(vm, job, QBJ_ENGINE_PIVOT_MS) == 0 &&
        (sw = qbjEngineSwitchFind(vm, job)) &&
        qbjEngineSwitchRename(vm, job, sw) == QBJ_EVENT_SAVED)
        return QBJ_EVENT_SAVED;
    qbjEngineTimerStart(vm, job, QBJ_EVENT_SAVE_HALF, true, QBJ_ENGINE_RETRY_MS);
    return QBJ_EVENT_NONE;
}

bool
qbjEngineSwitchSettlePersistent(virDomainObj *vm, virQbjJob *job)
{
    return job->outcomeNew ? qbjEngineSwitchForwardPersistent(vm, job) : qbjEngineSwitchBackPersistent(vm, job);
}

int
qbjEngineSwitchSettleLive(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk;

    if ((job->outcomeNew ? qbjEngineSwitchForwardLive(vm, job) : qbjEngineSwitchBackLive(vm, job)) < 0)
        return -1;

    g_clear_pointer(&job->oldDisk, g_free);
    if ((disk = qbjEngineChangeDisk(vm, job)) && disk->mirror) {
        g_clear_pointer(&disk->mirror, virObjectUnref);
        disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
        disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN;
    }
    return 0;
}
