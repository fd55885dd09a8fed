#include <config.h>

#include "internal.h"
#include "engine_job.h"
#include "virerror.h"

/* In @jobs, which may be NULL. */
static virQbjJob *
qbjEngineJobSearch(const GPtrArray *jobs, const char *name, const char *target)
{
    size_t i;

    for (i = 0; jobs && i < jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(jobs, i);

        if (name ? STREQ(job->spec->job, name) : STREQ_NULLABLE(job->spec->disk, target))
            return job;
    }
    return NULL;
}

static const GPtrArray *
qbjEngineJobRecords(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status ? status->jobs : NULL;
}

virQbjJob *
qbjEngineJobFind(virDomainObj *vm, const char *name)
{
    return name ? qbjEngineJobSearch(qbjEngineJobRecords(vm), name, NULL) : NULL;
}

virQbjJob *
qbjEngineJobFindByDisk(virDomainObj *vm, const char *target)
{
    return qbjEngineJobSearch(qbjEngineJobRecords(vm), NULL, target);
}

virQbjJob *
qbjEngineStrayFind(virDomainObj *vm, const char *name)
{
    return qbjEngineJobSearch(QBJ_DOMAIN_PRIVATE(vm)->strays, name, NULL);
}

virQbjJob *
qbjEngineJobFindAny(virDomainObj *vm, const char *name)
{
    virQbjJob *job = qbjEngineJobFind(vm, name);

    return job ? job : qbjEngineStrayFind(vm, name);
}

virQbjJob *
qbjEngineJobFindAnyByDisk(virDomainObj *vm, const char *target)
{
    virQbjJob *job = qbjEngineJobFindByDisk(vm, target);

    return job ? job : qbjEngineJobSearch(QBJ_DOMAIN_PRIVATE(vm)->strays, NULL, target);
}

/* What QEMU may have ended and still keep: not what waits in PENDING for us. */
static bool
qbjEngineJobMayHaveEnded(const virQbjJob *job)
{
    return !job->dismissed && job->state != QBJ_STATE_PREFLUSH && job->state != QBJ_STATE_CLEANING;
}

static bool
qbjEngineJobHasPull(const GPtrArray *jobs, const virQbjJob *except, bool all)
{
    size_t i;

    for (i = 0; jobs && i < jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(jobs, i);

        if (job != except && job->spec->type == QBJ_TYPE_PULL && (all || qbjEngineJobMayHaveEnded(job)))
            return true;
    }
    return false;
}

bool
qbjEngineJobPulls(virDomainObj *vm)
{
    return qbjEngineJobHasPull(qbjEngineJobRecords(vm), NULL, true) ||
        qbjEngineJobHasPull(QBJ_DOMAIN_PRIVATE(vm)->strays, NULL, true);
}

bool
qbjEngineJobPullsOn(virDomainObj *vm, const virQbjJob *except)
{
    return qbjEngineJobHasPull(qbjEngineJobRecords(vm), except, false) ||
        qbjEngineJobHasPull(QBJ_DOMAIN_PRIVATE(vm)->strays, NULL, true);
}

qbjJobKind
qbjEngineJobKind(const virQbjJob *job)
{
    return qbjJobTypeKind(job->spec->type);
}

bool
qbjEngineHoldsGuest(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    for (i = 0; status && i < status->jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(status->jobs, i);

        if (qbjJobStateHoldsGuest(job->state))
            return true;
    }
    return false;
}

void
qbjEngineWaitBegin(virDomainObj *vm, const char *job, qbjEngineWait *wait)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    *wait = (qbjEngineWait) { .vm = vm, .job = job };
    priv->waits = g_slist_prepend(priv->waits, wait);
}

void
qbjEngineWaitEnd(qbjEngineWait *wait)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(wait->vm);

    priv->waits = g_slist_remove(priv->waits, wait);
    g_clear_pointer(&wait->message, g_free);
    g_clear_pointer(&wait->error, virFreeError);
}

static qbjEngineWait *
qbjEngineWaitFind(virDomainObj *vm, const virQbjJob *job)
{
    GSList *next;

    for (next = QBJ_DOMAIN_PRIVATE(vm)->waits; next; next = next->next) {
        qbjEngineWait *wait = next->data;

        if (!wait->done && STREQ(wait->job, job->spec->job))
            return wait;
    }
    return NULL;
}

void
qbjEngineWaitKeepError(virDomainObj *vm, const virQbjJob *job)
{
    qbjEngineWait *wait = qbjEngineWaitFind(vm, job);

    if (wait && !wait->error)
        wait->error = virSaveLastError();
}

void
qbjEngineWaitTell(virDomainObj *vm, const virQbjJob *job, virConnectDomainEventBlockJobStatus status)
{
    qbjEngineWait *wait = qbjEngineWaitFind(vm, job);

    if (!wait)
        return;
    wait->done = true;
    wait->status = status;
    wait->timedOut = job->timedOut;
    wait->message = g_strdup(job->errmsg);
}
