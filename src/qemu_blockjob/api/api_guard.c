#include <config.h>

#include "internal.h"
#include "api_guard.h"
#include "domain_operation.h"
#include "engine_refuse.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjApiGuardTake(const GPtrArray *from, qbjOperationJob *to)
{
    size_t i;

    for (i = 0; i < from->len; i++) {
        const virQbjJob *job = g_ptr_array_index(from, i);

        to[i].type = job->spec->type;
        to[i].state = job->state;
        to[i].name = job->spec->job;
        to[i].disk = NULLSTR_EMPTY(job->spec->disk);
    }
}

/* The jobs of @vm, recorded or not, borrowed from it; the array is to be freed. */
static qbjOperationJob *
qbjApiGuardJobs(virDomainObj *vm, size_t *n)
{
    const qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    size_t records = priv->status ? priv->status->jobs->len : 0;
    qbjOperationJob *jobs = g_new0(qbjOperationJob, records + priv->strays->len + 1);

    *n = records + priv->strays->len;
    if (records > 0)
        qbjApiGuardTake(priv->status->jobs, jobs);
    qbjApiGuardTake(priv->strays, jobs + records);
    return jobs;
}

int
qbjApiGuard(virDomainObj *vm, qbjOperation operation, const char *const *disks)
{
    size_t n;
    g_autofree qbjOperationJob *jobs = qbjApiGuardJobs(vm, &n);
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (status && ((status->snapshot && !status->snapshot->underWay) ||
                   (status->inside && !status->inside->underWay))) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("an earlier snapshot of the domain is still being taken back"));
        return -1;
    }
    return qbjGuardOperation(operation, jobs, n, disks, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}

int
qbjApiGuardEarly(virDomainObj *vm, qbjOperation operation, const char *const *disks)
{
    const qbjDomainOperation *under = QBJ_DOMAIN_PRIVATE(vm)->operation;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (qbjApiGuard(vm, operation, disks) < 0)
        return -1;
    if (under && qbjGuardBeside(operation, qbjDomainOperationKindTypeToString(under->kind), &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    return 0;
}

int
qbjApiGuardDefinition(virDomainObj *vm, virDomainDef *present, virDomainDef *next)
{
    size_t n;
    g_autofree qbjOperationJob *jobs = qbjApiGuardJobs(vm, &n);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (!virDomainObjIsActive(vm))
        return 0;
    return qbjGuardDefinition(jobs, n, vm->def, present, next, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}
