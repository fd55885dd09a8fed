#include <config.h>

#include "internal.h"
#include "engine_stray.h"
#include "engine_change.h"
#include "engine_do.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "engine_step.h"
#include "engine_stray_disk.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_stray");

/* Nobody waits for what these questions tell, but a QEMU that hangs would keep the VM's job. */
#define QBJ_ENGINE_STRAY_DEADLINE_MS 1000
#define QBJ_ENGINE_STRAY_AGAIN_MS 1000
/* So many are noted; QEMU's answer must not fill the memory. */
#define QBJ_ENGINE_STRAY_MAX 1024

/* QBJ_TYPE_LAST: no job of a disk. */
static qbjJobType
qbjEngineStrayType(const char *type)
{
    static const struct {
        const char *name;
        qbjJobType type;
    } types[] = {
        { "stream", QBJ_TYPE_PULL }, { "mirror", QBJ_TYPE_COPY }, { "commit", QBJ_TYPE_COMMIT },
        { "backup", QBJ_TYPE_BACKUP },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        if (STREQ_NULLABLE(type, types[i].name))
            return types[i].type;
    }
    return QBJ_TYPE_LAST;
}

/* QEMU's state of a job, as far as it matters here. */
static qbjJobState
qbjEngineStrayState(const char *status)
{
    if (STREQ_NULLABLE(status, "ready") || STREQ_NULLABLE(status, "standby"))
        return QBJ_STATE_READY;
    return STREQ_NULLABLE(status, "concluded") ? QBJ_STATE_CONCLUDED : QBJ_STATE_RUNNING;
}

/* It is forgotten; whoever waits for it is told. @job is freed. */
static void
qbjEngineStrayForget(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineWaitTell(vm, job, VIR_DOMAIN_BLOCK_JOB_CANCELED);
    g_ptr_array_remove(QBJ_DOMAIN_PRIVATE(vm)->strays, job);
}

/* Nothing of the domain's any more. A stream is remembered until its owner has dismissed it, for what it
 * keeps QEMU from being asked (protocol H3). @job may be freed. */
static void
qbjEngineStrayDone(virDomainObj *vm, virQbjJob *job)
{
    if (job->spec->type != QBJ_TYPE_PULL || job->dismissed || job->cancelled ||
        qbjEngineStrayIsOurs(job->spec->job, NULL)) {
        qbjEngineStrayForget(vm, job);
        return;
    }
    *job->spec->disk = '\0';
    qbjEngineStepStray(job, QBJ_STATE_DONE);
}

/* One that its owner only has to dismiss is in nobody's way, unless it is a stream. */
static bool
qbjEngineStrayCounts(const char *name, qbjJobType type, qbjJobState state)
{
    return type != QBJ_TYPE_LAST &&
        (state != QBJ_STATE_CONCLUDED || type == QBJ_TYPE_PULL || qbjEngineStrayIsOurs(name, NULL));
}

static void
qbjEngineStrayNote(virDomainObj *vm, virJSONValue *entry)
{
    GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;
    const char *name = virJSONValueObjectGetString(entry, "id");
    qbjJobType type = qbjEngineStrayType(virJSONValueObjectGetString(entry, "type"));
    qbjJobState state = qbjEngineStrayState(virJSONValueObjectGetString(entry, "status"));
    virQbjJob *job;

    if (!name || strays->len >= QBJ_ENGINE_STRAY_MAX || qbjEngineJobFindAny(vm, name) ||
        !qbjEngineStrayCounts(name, type, state))
        return;
    job = virQbjJobNew(qbjSpecNew(type, name, ""), 0);
    qbjEngineStepStray(job, state);
    job->readyEmitted = state == QBJ_STATE_READY;
    g_ptr_array_add(strays, job);
}

void
qbjEngineStrayListed(virDomainObj *vm, virJSONValue *reply)
{
    GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;
    size_t i;

    if (!reply)
        return;
    for (i = strays->len; i > 0; i--) {
        virQbjJob *job = g_ptr_array_index(strays, i - 1);

        if (!virQbjJSONArrayFind(reply, "id", job->spec->job))
            qbjEngineStrayForget(vm, job);
    }
    for (i = 0; i < virQbjJSONArraySize(reply); i++)
        qbjEngineStrayNote(vm, virJSONValueArrayGet(reply, i));
}

static void
qbjEngineStrayAgain(virDomainObj *vm)
{
    VIR_DEBUG("vm=%s: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    if (virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_STRAY, QBJ_ENGINE_STRAY_AGAIN_MS);
}

/* QEMU has ended it: what it leaves there goes, if it is called as ours or was ended by us, and clients are
 * told. */
static void
qbjEngineStrayEnd(virDomainObj *vm, const char *name)
{
    virQbjJob *job = qbjEngineStrayFind(vm, name);
    virDomainDiskDef *disk;

    if ((job->cancelled || qbjEngineStrayIsOurs(name, NULL)) &&
        ((!job->dismissed && qbjEngineQueryDismiss(vm, job) < 0) ||
         qbjEnginePhaseRun(vm, job, QBJ_PHASE_ABORT, QBJ_PHASE_RUN_ALL) < 0)) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, name, virGetLastErrorMessage());
        virResetLastError();
    }
    if (!(job = qbjEngineStrayFind(vm, name)))          /* QEMU has gone meanwhile */
        return;
    disk = qbjEngineChangeDisk(vm, job);
    if (disk && job->outcomeNew && job->spec->type != QBJ_TYPE_BACKUP)
        VIR_WARN("vm=%s disk=%s: block job '%s', which somebody else has begun, has completed: the definition still "
                 "says the chain from before", vm->def->name, job->spec->disk, name);
    if (disk && job->outcomeKnown)
        qbjDomainNotifyBlockJob(vm, disk, job->spec->type, qbjEngineFinalStatus(job));
    qbjEngineStrayDone(vm, job);
}

/* Whether nobody has asked yet which disk it is of. */
static bool
qbjEngineStrayIsUnplaced(const virQbjJob *job)
{
    return !*job->spec->disk && job->state != QBJ_STATE_DONE;
}

/* The answer is read under the lock; nothing else is done in between. */
static void
qbjEngineStrayPlaceAll(virDomainObj *vm, virJSONValue *graph)
{
    GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;
    size_t i;

    for (i = strays->len; i > 0; i--) {
        virQbjJob *job = g_ptr_array_index(strays, i - 1);

        if (!qbjEngineStrayIsUnplaced(job))
            continue;
        if (job->state == QBJ_STATE_CONCLUDED && !qbjEngineStrayIsOurs(job->spec->job, NULL)) {
            qbjEngineStrayDone(vm, job);
        } else if (qbjEngineStrayComplete(vm, job, graph)) {
            VIR_INFO("vm=%s disk=%s: block job '%s' has no record", vm->def->name, job->spec->disk, job->spec->job);
        } else if (!qbjEngineStrayIsOurs(job->spec->job, NULL)) {
            VIR_INFO("vm=%s: job '%s' is of no disk of the domain", vm->def->name, job->spec->job);
            qbjEngineStrayDone(vm, job);
        }
    }
}

static void
qbjEngineStrayGiveUp(virDomainObj *vm, const char *name)
{
    virQbjJob *job = qbjEngineStrayFind(vm, name);

    if (!job || job->cancelled)
        return;
    if (job->state == QBJ_STATE_CONCLUDED) {
        qbjEngineStrayEnd(vm, name);
        return;
    }
    VIR_WARN("vm=%s: the record of block job '%s' is lost, it is ended", vm->def->name, name);
    if (qbjEngineStrayCancel(vm, name) < 0) {
        VIR_WARN("vm=%s job=%s: %s", vm->def->name, name, virGetLastErrorMessage());
        qbjEngineStrayAgain(vm);
    }
}

/* Names are collected beforehand, because they may end meanwhile. */
static void
qbjEngineStrayGiveUpOurs(virDomainObj *vm)
{
    const GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < strays->len; i++) {
        const virQbjJob *job = g_ptr_array_index(strays, i);

        if (qbjEngineStrayIsOurs(job->spec->job, NULL))
            g_ptr_array_add(names, g_strdup(job->spec->job));
    }
    for (i = 0; i < names->len && virDomainObjIsActive(vm); i++)
        qbjEngineStrayGiveUp(vm, g_ptr_array_index(names, i));
}

static bool
qbjEngineStrayAnyUnplaced(virDomainObj *vm)
{
    const GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;
    size_t i;

    for (i = 0; i < strays->len; i++) {
        if (qbjEngineStrayIsUnplaced(g_ptr_array_index(strays, i)))
            return true;
    }
    return false;
}

void
qbjEngineStrayPlace(virDomainObj *vm)
{
    g_auto(qbjQmpCommand) command = { .execute = "x-debug-query-block-graph" };

    if (!virDomainObjIsActive(vm))
        return;
    if (qbjEngineStrayAnyUnplaced(vm)) {
        if (qbjDomainQmpRunFor(vm, &command, 1, QBJ_ENGINE_STRAY_DEADLINE_MS) < 0) {
            qbjEngineStrayAgain(vm);
            return;
        }
        if (!command.failed)
            qbjEngineStrayPlaceAll(vm, command.reply);
    }
    qbjEngineStrayGiveUpOurs(vm);
}

void
qbjEngineStrayLook(virDomainObj *vm)
{
    g_auto(qbjQmpCommand) command = { .execute = "query-jobs" };

    if (!virDomainObjIsActive(vm))
        return;
    /* a guest that is held must not wait for this */
    if (qbjEngineHoldsGuest(vm) || qbjDomainQmpRunFor(vm, &command, 1, QBJ_ENGINE_STRAY_DEADLINE_MS) < 0) {
        qbjEngineStrayAgain(vm);
        return;
    }
    qbjEngineStrayListed(vm, command.reply);
    qbjEngineStrayPlace(vm);
}

int
qbjEngineStrayCancel(virDomainObj *vm, const char *name)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "block-job-cancel" };
    virQbjJob *job;

    if (virJSONValueObjectAdd(&arguments, "s:device", name, "b:force", true, NULL) < 0)
        return -1;
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    if (command.failed && STRNEQ_NULLABLE(command.errorClass, "DeviceNotActive")) {
        qbjQmpReportError(&command);
        return -1;
    }
    /* one that QEMU does not know has ended; the event of that is on its way */
    if ((job = qbjEngineStrayFind(vm, name)))
        job->cancelled = true;
    return 0;
}

static void
qbjEngineStrayStatus(virDomainObj *vm, virQbjJob *job, const char *status)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    job->news++;
    if (STREQ(status, "concluded") || STREQ(status, "null")) {
        job->dismissed = STREQ(status, "null");
        qbjEngineStrayEnd(vm, job->spec->job);
        return;
    }
    if (job->state != QBJ_STATE_DONE && (STREQ(status, "running") || STREQ(status, "ready")))
        qbjEngineStepStray(job, qbjEngineStrayState(status));
    if (job->state == QBJ_STATE_READY && !job->readyEmitted && disk) {
        job->readyEmitted = true;
        qbjDomainNotifyBlockJob(vm, disk, job->spec->type, VIR_DOMAIN_BLOCK_JOB_READY);
    }
}

/* How it has ended: said before its state is. */
static void
qbjEngineStrayOutcome(virQbjJob *job, const char *error, bool completed)
{
    job->outcomeKnown = true;
    job->outcomeNew = completed && !error;
    g_free(job->errmsg);
    job->errmsg = g_strdup(error);
}

void
qbjEngineStrayHandle(virDomainObj *vm, const char *event, virJSONValue *data)
{
    bool status = STREQ(event, "JOB_STATUS_CHANGE");
    const char *name = virJSONValueObjectGetString(data, status ? "id" : "device");
    const char *what = NULLSTR_EMPTY(virJSONValueObjectGetString(data, "status"));
    virQbjJob *job = name ? qbjEngineStrayFind(vm, name) : NULL;

    /* said once of each job; those that make images are the driver's own */
    if (status && name && !job && STREQ(what, "created") && !STRPREFIX(name, "create-"))
        qbjEngineStrayLook(vm);
    if (!job)
        return;
    if (status)
        qbjEngineStrayStatus(vm, job, what);
    else if (STREQ(event, "BLOCK_JOB_COMPLETED") || STREQ(event, "BLOCK_JOB_CANCELLED"))
        qbjEngineStrayOutcome(job, virJSONValueObjectGetString(data, "error"), STREQ(event, "BLOCK_JOB_COMPLETED"));
}
