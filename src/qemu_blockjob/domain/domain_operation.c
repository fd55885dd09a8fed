#include <config.h>

#include "internal.h"
#include "domain_operation.h"
#include "domain_event.h"
#include "virerror.h"
#include "virtime.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_ENUM_IMPL(qbjDomainOperationKind, VIR_DOMAIN_JOB_OPERATION_LAST,
              "unknown", "start", "save", "restore", "incoming migration", "migration", "snapshot", "snapshot revert",
              "dump", "backup", "snapshot delete");

static unsigned long long
qbjDomainOperationNow(void)
{
    unsigned long long now = 0;

    if (virTimeMillisNow(&now) < 0)
        virResetLastError();
    return now;
}

void
qbjDomainOperationBegin(virDomainObj *vm, virDomainJobOperation kind)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    g_clear_pointer(&priv->completed, g_free);
    priv->operation = g_new0(qbjDomainOperation, 1);
    priv->operation->kind = kind;
    priv->operation->started = qbjDomainOperationNow();
}

static void
qbjDomainOperationNotify(virDomainObj *vm, const qbjDomainOperation *operation)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;

    if (qbjDomainOperationParams(operation, &params, &nparams) == 0)
        virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                                 virDomainEventJobCompletedNewFromObj(vm, params, nparams));
    else
        virTypedParamsFree(params, nparams);
}

void
qbjDomainOperationEnd(virDomainObj *vm, bool completed)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree qbjDomainOperation *operation = g_steal_pointer(&priv->operation);
    unsigned long long now = qbjDomainOperationNow();

    if (!operation || !completed)
        return;
    operation->elapsed = now - operation->started;
    operation->downtime = operation->stopped ? now - operation->stopped : 0;
    qbjDomainOperationNotify(vm, operation);
    priv->completed = g_steal_pointer(&operation);
}

int
qbjDomainOperationCheck(virDomainObj *vm)
{
    const qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;

    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (!operation || !operation->aborted)
        return 0;
    virReportError(VIR_ERR_OPERATION_ABORTED, _("the %s was canceled by client"),
                   qbjDomainOperationKindTypeToString(operation->kind));
    return -1;
}

static void
qbjDomainOperationTake(virJSONValue *from, const char *key, unsigned long long *to)
{
    unsigned long long value;

    if (virJSONValueObjectGetNumberUlong(from, key, &value) == 0)
        *to = value;
}

void
qbjDomainOperationRead(qbjDomainOperation *operation, virJSONValue *reply)
{
    virJSONValue *ram = virJSONValueObjectGetObject(reply, "ram");
    double mbps;

    qbjDomainOperationTake(reply, "setup-time", &operation->setup);
    if (!ram)
        return;
    qbjDomainOperationTake(ram, "total", &operation->total);
    qbjDomainOperationTake(ram, "transferred", &operation->processed);
    qbjDomainOperationTake(ram, "remaining", &operation->remaining);
    qbjDomainOperationTake(ram, "duplicate", &operation->constant);
    qbjDomainOperationTake(ram, "normal", &operation->normal);
    qbjDomainOperationTake(ram, "normal-bytes", &operation->normalBytes);
    qbjDomainOperationTake(ram, "dirty-pages-rate", &operation->dirtyRate);
    qbjDomainOperationTake(ram, "dirty-sync-count", &operation->iteration);
    qbjDomainOperationTake(ram, "page-size", &operation->pageSize);
    qbjDomainOperationTake(ram, "postcopy-requests", &operation->requests);
    if (virJSONValueObjectGetNumberDouble(ram, "mbps", &mbps) == 0 && mbps > 0)
        operation->bps = mbps * 1000000 / 8;
}

static unsigned long long
qbjDomainOperationElapsed(const qbjDomainOperation *operation)
{
    return operation->elapsed ? operation->elapsed : qbjDomainOperationNow() - operation->started;
}

void
qbjDomainOperationInfo(const qbjDomainOperation *operation, virDomainJobInfoPtr info)
{
    memset(info, 0, sizeof(*info));
    info->type = VIR_DOMAIN_JOB_UNBOUNDED;
    info->timeElapsed = qbjDomainOperationElapsed(operation);
    info->dataTotal = info->memTotal = operation->total;
    info->dataProcessed = info->memProcessed = operation->processed;
    info->dataRemaining = info->memRemaining = operation->remaining;
}

int
qbjDomainOperationParams(const qbjDomainOperation *operation, virTypedParameterPtr *params, int *nparams)
{
    const struct {
        const char *name;
        unsigned long long value;
    } rows[] = {
        { VIR_DOMAIN_JOB_TIME_ELAPSED, qbjDomainOperationElapsed(operation) },
        { VIR_DOMAIN_JOB_DOWNTIME, operation->downtime },
        { VIR_DOMAIN_JOB_SETUP_TIME, operation->setup },
        { VIR_DOMAIN_JOB_DATA_TOTAL, operation->total },
        { VIR_DOMAIN_JOB_DATA_PROCESSED, operation->processed },
        { VIR_DOMAIN_JOB_DATA_REMAINING, operation->remaining },
        { VIR_DOMAIN_JOB_MEMORY_TOTAL, operation->total },
        { VIR_DOMAIN_JOB_MEMORY_PROCESSED, operation->processed },
        { VIR_DOMAIN_JOB_MEMORY_REMAINING, operation->remaining },
        { VIR_DOMAIN_JOB_MEMORY_BPS, operation->bps },
        { VIR_DOMAIN_JOB_MEMORY_CONSTANT, operation->constant },
        { VIR_DOMAIN_JOB_MEMORY_NORMAL, operation->normal },
        { VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, operation->normalBytes },
        { VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, operation->dirtyRate },
        { VIR_DOMAIN_JOB_MEMORY_ITERATION, operation->iteration },
        { VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, operation->requests },
        { VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, operation->pageSize },
    };
    int max = 0;
    size_t i;

    if (virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION, operation->kind) < 0)
        return -1;
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (virTypedParamsAddULLong(params, nparams, &max, rows[i].name, rows[i].value) < 0)
            return -1;
    }
    return 0;
}
