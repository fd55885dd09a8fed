#include <config.h>

#include "internal.h"
#include "engine_paused.h"
#include "engine_change.h"
#include "engine_query.h"
#include "engine_timer.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjjson.h"

VIR_LOG_INIT("qbj.engine_paused");

#define QBJ_ENGINE_PAUSED_MIN_MS 1000
#define QBJ_ENGINE_PAUSED_MAX_MS 10000

/* What query-block-jobs says of a job. */
typedef struct _qbjEnginePausedLook qbjEnginePausedLook;
struct _qbjEnginePausedLook {
    bool paused;                        /* by an error, and not by a person at the monitor */
    bool full;                          /* there was no space; else it was another error */
};

static qbjEnginePausedLook
qbjEnginePausedRead(virJSONValue *reply, const char *name)
{
    virJSONValue *entry = virQbjJSONArrayFind(reply, "device", name);
    const char *status = entry ? virJSONValueObjectGetString(entry, "io-status") : NULL;
    qbjEnginePausedLook look = { 0 };

    if (!status || virJSONValueObjectGetBoolean(entry, "paused", &look.paused) < 0)
        return look;
    look.full = STREQ(status, "nospace");
    look.paused = look.paused && STRNEQ(status, "ok");
    return look;
}

/* Returns the job, which may be gone by now: NULL, as when QEMU does not answer. */
static virQbjJob *
qbjEnginePausedAsk(virDomainObj *vm, const char *name, qbjEnginePausedLook *look)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainQmpCall(vm, "query-block-jobs", NULL, &reply) < 0) {
        virResetLastError();
        return NULL;
    }
    *look = qbjEnginePausedRead(reply, name);
    return qbjEngineJobFind(vm, name);
}

/* The image that a job writes. */
static const virStorageSource *
qbjEnginePausedImage(const virDomainDiskDef *disk, const virQbjJob *job)
{
    if (disk->mirror)
        return disk->mirror;
    return job->spec->type == QBJ_TYPE_PULL ? disk->src : qbjEngineChangeFindNode(disk->src, job->spec->base, NULL);
}

/* The event has no kind for a job's error: the guest is not concerned, which is what "none" says. */
static void
qbjEnginePausedTell(virDomainObj *vm, const virQbjJob *job, bool full)
{
    const virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const virStorageSource *image = disk ? qbjEnginePausedImage(disk, job) : NULL;
    const char *path = image ? NULLSTR_EMPTY(image->path) : "";

    VIR_WARN("vm=%s job=%s disk=%s: block job is paused until '%s' can be written: %s", vm->def->name, job->spec->job,
             job->spec->disk, path, job->paused);
    if (disk)
        qbjDomainNotifyIOError(vm, path, disk, VIR_DOMAIN_EVENT_IO_ERROR_NONE, full);
}

static void
qbjEnginePausedLater(virDomainObj *vm, virQbjJob *job)
{
    job->pausedMs = job->pausedMs == 0 ? QBJ_ENGINE_PAUSED_MIN_MS : MIN(job->pausedMs * 2, QBJ_ENGINE_PAUSED_MAX_MS);
    qbjEngineTimerStartPaused(vm, job, job->pausedMs);
}

static void
qbjEnginePausedBegin(virDomainObj *vm, virQbjJob *job, bool full)
{
    job->paused = g_strdup(g_strerror(full ? ENOSPC : EIO));
    job->pausedMs = 0;
    qbjEnginePausedTell(vm, job, full);
    qbjEnginePausedLater(vm, job);
}

static void
qbjEnginePausedEnd(virDomainObj *vm, virQbjJob *job)
{
    g_clear_pointer(&job->paused, g_free);
    job->pausedMs = 0;
    VIR_INFO("vm=%s job=%s: goes on", vm->def->name, job->spec->job);
}

static bool
qbjEnginePausedSend(virDomainObj *vm, const char *execute, const char *key, const char *name)
{
    g_autoptr(virJSONValue) arguments = virJSONValueNewObject();
    g_auto(qbjQmpCommand) command = { .execute = execute, .arguments = arguments };
    int rc;

    virJSONValueObjectAppendString(arguments, key, name);
    rc = qbjDomainQmpTry(vm, &command);
    virResetLastError();
    return rc == 0 && !command.failed;
}

/* QEMU says itself that the job has ended, as for any other error. */
static void
qbjEnginePausedFail(virDomainObj *vm, virQbjJob *job, bool full)
{
    g_autofree char *name = g_strdup(job->spec->job);

    g_free(job->errmsg);
    job->errmsg = g_strdup(g_strerror(full ? ENOSPC : EIO));
    if (!qbjEnginePausedSend(vm, "job-cancel", "id", name) && (job = qbjEngineJobFind(vm, name)))
        qbjEnginePausedLater(vm, job);
}

void
qbjEnginePausedHandle(virDomainObj *vm, virJSONValue *data)
{
    g_autofree char *name = g_strdup(virJSONValueObjectGetString(data, "device"));
    bool reading = STREQ_NULLABLE(virJSONValueObjectGetString(data, "operation"), "read");
    virQbjJob *job = qbjEngineJobFind(vm, name);
    qbjEnginePausedLook look = { 0 };

    if (!job || job->paused || STRNEQ_NULLABLE(virJSONValueObjectGetString(data, "action"), "stop") ||
        !(job = qbjEnginePausedAsk(vm, name, &look)) || !look.paused || job->paused)
        return;
    /* of a pull QEMU says "read" whatever it was, but pauses it only for want of space */
    if (reading && job->spec->type != QBJ_TYPE_PULL)
        qbjEnginePausedFail(vm, job, look.full);
    else
        qbjEnginePausedBegin(vm, job, look.full);
}

void
qbjEnginePausedRetry(virDomainObj *vm, virQbjJob *job)
{
    g_autofree char *name = g_strdup(job->spec->job);
    qbjEnginePausedLook look = { 0 };

    if (!(job = qbjEnginePausedAsk(vm, name, &look)))
        return;
    if (!look.paused) {
        qbjEnginePausedEnd(vm, job);
        return;
    }
    qbjEnginePausedSend(vm, "block-job-resume", "device", name);
    if ((job = qbjEngineJobFind(vm, name)))
        qbjEnginePausedLater(vm, job);
}

bool
qbjEnginePausedTimer(virDomainObj *vm, virQbjJob *job, int code)
{
    if (!qbjEngineTimerIsPaused(job, code))
        return false;
    if (job->paused)
        qbjEnginePausedRetry(vm, job);
    return true;
}

void
qbjEnginePausedResume(virDomainObj *vm)
{
    GPtrArray *jobs = QBJ_DOMAIN_PRIVATE(vm)->status->jobs;
    g_autoptr(virJSONValue) reply = NULL;
    size_t i;

    if (jobs->len == 0)
        return;
    if (qbjDomainQmpCall(vm, "query-block-jobs", NULL, &reply) < 0) {
        virResetLastError();
        return;
    }
    for (i = 0; i < jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(jobs, i);
        qbjEnginePausedLook look = qbjEnginePausedRead(reply, job->spec->job);

        if (look.paused && !job->paused)
            qbjEnginePausedBegin(vm, job, look.full);
    }
}
