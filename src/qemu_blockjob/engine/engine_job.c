#include <config.h>

#include "internal.h"
#include "engine_job.h"
#include "virerror.h"

virQbjJob *
qbjEngineJobFind(virDomainObj *vm, const char *name)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    for (i = 0; status && name && i < status->jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(status->jobs, i);

        if (STREQ(job->spec->job, name))
            return job;
    }
    return NULL;
}

virQbjJob *
qbjEngineJobFindByDisk(virDomainObj *vm, const char *target)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    for (i = 0; status && i < status->jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(status->jobs, i);

        if (STREQ_NULLABLE(job->spec->disk, target))
            return job;
    }
    return NULL;
}

/* What QEMU may have ended and still keep: not what waits in PENDING for us. */
static bool
qbjEngineJobMayHaveEnded(const virQbjJob *job)
{
    return !job->dismissed && job->state != QBJ_STATE_PREFLUSH && job->state != QBJ_STATE_CLEANING;
}

static bool
qbjEngineJobHasPull(virDomainObj *vm, const virQbjJob *except, bool all)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    for (i = 0; status && i < status->jobs->len; i++) {
        virQbjJob *job = g_ptr_array_index(status->jobs, i);

        if (job != except && job->spec->type == QBJ_TYPE_PULL && (all || qbjEngineJobMayHaveEnded(job)))
            return true;
    }
    return false;
}

bool
qbjEngineJobPulls(virDomainObj *vm)
{
    return qbjEngineJobHasPull(vm, NULL, true);
}

bool
qbjEngineJobPullsOn(virDomainObj *vm, const virQbjJob *except)
{
    return qbjEngineJobHasPull(vm, except, false);
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
