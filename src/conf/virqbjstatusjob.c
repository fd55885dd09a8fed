#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"
#include "virlog.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjstatusjob");

/* A stock daemon that comes instead of us lets the guest go on. */
static void
virQbjStatusFormatJobOwn(virBuffer *buf, virDomainAsyncJob job, unsigned long long started)
{
    virBufferAsprintf(buf, "<job type='%s' async='%s' flags='0x0' asyncStarted='%llu'/>\n",
                      virDomainJobTypeToString(VIR_JOB_NONE), virDomainAsyncJobTypeToString(job), started);
}

void
virQbjStatusFormatJob(virBuffer *buf, virDomainObj *vm, const virQbjStatus *status)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;
    const virDomainJobObj *job = vm->job;
    bool destroy = job && job->active == VIR_JOB_DESTROY;
    bool async = job && job->asyncJob != VIR_ASYNC_JOB_NONE;

    if (!destroy && status->save && !status->save->restore) {
        virQbjStatusFormatJobOwn(buf, status->save->dump ? VIR_ASYNC_JOB_DUMP : VIR_ASYNC_JOB_SAVE,
                                 status->save->started);
        return;
    }
    if (!destroy && status->snapshot && status->snapshot->memory) {
        virQbjStatusFormatJobOwn(buf, VIR_ASYNC_JOB_SNAPSHOT, status->snapshot->memory->started);
        return;
    }
    if (status->kept[VIR_QBJ_KEPT_JOB] || (!destroy && !async))
        return;

    virBufferAsprintf(&attrs, " type='%s'", virDomainJobTypeToString(destroy ? VIR_JOB_DESTROY : VIR_JOB_NONE));
    virBufferAsprintf(&attrs, " async='%s'", virDomainAsyncJobTypeToString(job->asyncJob));
    if (async) {
        virBufferAsprintf(&attrs, " flags='0x%x'", job->apiFlags);
        virBufferAsprintf(&attrs, " asyncStarted='%llu'", job->asyncStarted);
        if (job->asyncPaused)
            virBufferAddLit(&attrs, " asyncPaused='yes'");
    }

    virXMLFormatElement(buf, "job", &attrs, NULL);
}

void
virQbjStatusJobClear(virQbjStatusJob *job)
{
    g_clear_pointer(&job->phase, g_free);
}

/* Only DESTROY is ever stored (05/X3); what else stands there began and ended with its daemon. */
static virDomainJob
virQbjStatusParseJobType(xmlNodePtr node)
{
    g_autofree char *type = virXMLPropString(node, "type");
    int value = type ? virDomainJobTypeFromString(type) : VIR_JOB_NONE;

    if (value < 0)
        VIR_WARN("a job of type '%s' in a status file is not known", type);

    return value == VIR_JOB_DESTROY ? VIR_JOB_DESTROY : VIR_JOB_NONE;
}

static virDomainAsyncJob
virQbjStatusParseJobAsync(xmlNodePtr node)
{
    g_autofree char *async = virXMLPropString(node, "async");
    int value = async ? virDomainAsyncJobTypeFromString(async) : VIR_ASYNC_JOB_NONE;

    if (value < 0) {
        VIR_WARN("an async job of type '%s' in a status file is not known", async);
        return VIR_ASYNC_JOB_NONE;
    }

    return value;
}

void
virQbjStatusParseJob(xmlXPathContextPtr ctxt, virQbjStatusJob *job)
{
    xmlNodePtr node = virQbjXMLChild(ctxt->node, "job", NULL);
    unsigned long long flags = 0;

    memset(job, 0, sizeof(*job));
    if (!node)
        return;

    job->job = virQbjStatusParseJobType(node);
    job->asyncJob = virQbjStatusParseJobAsync(node);
    if (virQbjXMLPropNumber(node, "flags", 16, &flags) == 0 && flags <= UINT_MAX)
        job->apiFlags = flags;
    if (virQbjXMLPropNumber(node, "asyncStarted", 10, &job->asyncStarted) < 0)
        job->asyncStarted = 0;
    job->asyncPaused = virQbjXMLPropYes(node, "asyncPaused");
    job->phase = virXMLPropString(node, "phase");
}
