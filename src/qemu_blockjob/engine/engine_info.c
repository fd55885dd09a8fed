#include <config.h>

#include "internal.h"
#include "engine_info.h"
#include "engine_query.h"
#include "engine_request.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjjson.h"

/* 01/I5, I6: an end that is not there yet is not shown. */
static void
qbjEngineInfoReady(virJSONValue *entry, unsigned long long *offset, unsigned long long *len)
{
    bool ready;

    if (virJSONValueObjectGetBoolean(entry, "ready", &ready) < 0)
        return;
    if (*offset == 0 && *len == 0) {
        *len = 1;
        *offset = ready ? 1 : 0;
    } else if (!ready && *offset == *len && *offset > 0) {
        (*offset)--;
    }
}

/* 01/I3 to I6. @entry: what QEMU lists. */
static void
qbjEngineInfoRead(virQbjJob *job, virJSONValue *entry)
{
    job->cur = job->end = 0;
    job->curSpeed = job->speed;
    ignore_value(virJSONValueObjectGetNumberUlong(entry, "offset", &job->cur));
    ignore_value(virJSONValueObjectGetNumberUlong(entry, "len", &job->end));
    ignore_value(virJSONValueObjectGetNumberUlong(entry, "speed", &job->curSpeed));
    qbjEngineInfoReady(entry, &job->cur, &job->end);
}

static bool
qbjEngineInfoFresh(const virQbjJob *job)
{
    return job->asked != 0 && job->askedNews == job->news &&
        g_get_monotonic_time() - job->asked < QBJ_ENGINE_INFO_SHARED_MS * 1000;
}

/* A query does not wait for a QEMU that hangs. */
#define QBJ_ENGINE_INFO_DEADLINE_MS 1000

/* Asks QEMU and notes what it says. When it does not answer in time, what it said last stays. Returns the
 * job; NULL when it ended meanwhile, or with @rc -1 and an error reported. */
static virQbjJob *
qbjEngineInfoAsk(virDomainObj *vm, virQbjJob *job, int *rc)
{
    g_auto(qbjQmpCommand) command = { .execute = "query-block-jobs" };
    g_autofree char *name = g_strdup(job->spec->job);
    unsigned int news = job->news;
    virJSONValue *entry;

    *rc = qbjDomainQmpRunFor(vm, &command, 1, QBJ_ENGINE_INFO_DEADLINE_MS);
    if (*rc < 0 && virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT)
        return NULL;
    if (!(job = qbjEngineJobFindAny(vm, name)))
        return NULL;
    if (*rc < 0) {
        virResetLastError();
        job->curSpeed = job->speed;
    } else if ((entry = virQbjJSONArrayFind(command.reply, "device", name))) {
        qbjEngineInfoRead(job, entry);
        job->asked = g_get_monotonic_time();
        job->askedNews = news;          /* as before the question: what it missed is asked for again */
    } else {
        job->cur = 0;                   /* 01/I4 */
        job->end = 1;
        job->curSpeed = job->speed;
        job->asked = 0;
    }
    *rc = 0;
    return job;
}

int
qbjEngineInfo(virDomainObj *vm, const char *diskName, virDomainBlockJobInfoPtr info, unsigned int flags)
{
    virDomainDiskDef *disk;
    virQbjJob *job;
    int rc = 0;

    if (qbjEngineRequestRunning(vm) < 0 || !(disk = qbjEngineRequestDisk(vm, diskName)))
        return -1;
    if (!(job = qbjEngineJobFindAnyByDisk(vm, disk->dst)))
        return 0;
    if (!qbjEngineInfoFresh(job) && !(job = qbjEngineInfoAsk(vm, job, &rc)))
        return rc;

    info->type = MAX(qbjDomainBlockJobType(job->spec->type), 0);
    info->cur = job->cur;
    info->end = job->end;
    info->bandwidth = job->curSpeed;
    if (!(flags & VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES))   /* 01/I8; cannot overflow */
        info->bandwidth = job->curSpeed / (1024 * 1024) + (job->curSpeed % (1024 * 1024) ? 1 : 0);
    return 1;
}

static void
qbjEngineInfoForgetAll(const GPtrArray *jobs)
{
    size_t i;

    for (i = 0; i < jobs->len; i++)
        ((virQbjJob *) g_ptr_array_index(jobs, i))->news++;
}

void
qbjEngineInfoForget(virDomainObj *vm)
{
    const qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->status)
        qbjEngineInfoForgetAll(priv->status->jobs);
    qbjEngineInfoForgetAll(priv->strays);
}
