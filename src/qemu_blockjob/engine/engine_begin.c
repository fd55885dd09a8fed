#include <config.h>

#include "internal.h"
#include "engine_begin.h"
#include "engine_note.h"
#include "engine_step.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjEngineBegin(virDomainObj *vm, virQbjJob *job)
{
    g_autofree char *name = g_strdup(job->spec->job);
    qbjEngineWait wait;
    int ret = -1;

    g_ptr_array_add(QBJ_DOMAIN_PRIVATE(vm)->status->jobs, job);
    qbjEngineWaitBegin(vm, name, &wait);
    if (qbjEngineStep(vm, job, QBJ_EVENT_BEGIN) < 0 && (job = qbjEngineJobFind(vm, name)) &&
        job->state == QBJ_STATE_PLANNED) {
        /* the record could not be saved: nothing was sent, nothing remains */
        virErrorPtr reason;

        virErrorPreserveLast(&reason);
        qbjEngineFeed(vm, job, QBJ_EVENT_CANCEL);
        virErrorRestore(&reason);
    } else if (!wait.done && (job = qbjEngineJobFind(vm, name)) && job->acknowledged) {
        qbjEngineNoteKeep(vm, job);
        ret = 0;
    } else if (wait.error) {
        virErrorRestore(&wait.error);
    } else {
        virReportError(VIR_ERR_OPERATION_FAILED, _("block job '%s' did not start"), name);
    }
    qbjEngineWaitEnd(&wait);
    return ret;
}
