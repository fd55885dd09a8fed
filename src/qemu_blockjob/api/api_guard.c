#include <config.h>

#include "internal.h"
#include "api_guard.h"
#include "engine_refuse.h"

int
qbjApiGuard(virDomainObj *vm, qbjOperation operation, const char *const *disks)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t n = status ? status->jobs->len : 0;
    g_autofree qbjOperationJob *jobs = g_new0(qbjOperationJob, n + 1);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    size_t i;

    for (i = 0; i < n; i++) {
        const virQbjJob *job = g_ptr_array_index(status->jobs, i);

        jobs[i].type = job->spec->type;
        jobs[i].state = job->state;
        jobs[i].name = job->spec->job;
        jobs[i].disk = NULLSTR_EMPTY(job->spec->disk);
    }
    return qbjGuardOperation(operation, jobs, n, disks, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}
