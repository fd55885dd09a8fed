#include <config.h>

#include "internal.h"
#include "virfile.h"
#include "virqbjjob.h"

virQbjJob *
virQbjJobNew(qbjSpec *spec, unsigned int apiFlags)
{
    virQbjJob *job = g_new0(virQbjJob, 1);

    job->state = QBJ_STATE_PLANNED;
    job->spec = spec;
    job->apiFlags = apiFlags;
    job->targetFd = -1;
    return job;
}

void
virQbjJobFree(virQbjJob *job)
{
    if (!job)
        return;

    qbjSpecFree(job->spec);
    VIR_FORCE_CLOSE(job->targetFd);
    g_free(job->group);
    g_free(job->errmsg);
    g_free(job->paused);
    g_free(job->oldDisk);
    g_free(job->stockXML);
    g_free(job);
}

bool
virQbjJobIsAdopted(const virQbjJob *job)
{
    return job->spec->phase[QBJ_PHASE_START]->len == 0;
}
