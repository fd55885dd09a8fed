#include <config.h>

#include "internal.h"
#include "engine_pending.h"
#include "engine_refuse.h"
#include "engine_switch.h"
#include "domain_qmp.h"
#include "spec_commit.h"
#include "spec_copy.h"
#include "spec_pull.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjEnginePendingSpec(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, bool ended)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    int rc = 0;

    switch (spec->type) {
    case QBJ_TYPE_COMMIT:
        rc = ended ? qbjSpecPlanCommitEnded(spec, disk, nodes, &refusal) :
            qbjSpecPlanCommitPending(spec, disk, nodes, &refusal);
        break;
    case QBJ_TYPE_ACTIVE_COMMIT:
        rc = qbjSpecPlanCommitPending(spec, disk, nodes, &refusal);
        break;
    case QBJ_TYPE_PULL:
        rc = qbjSpecPlanPullPending(spec, disk, nodes, ended, &refusal);
        break;
    case QBJ_TYPE_COPY:
        rc = qbjSpecPlanCopyPending(spec, disk, nodes, &refusal);
        break;
    case QBJ_TYPE_BACKUP:
    case QBJ_TYPE_CREATE:
    case QBJ_TYPE_LAST:
    default:
        qbjRefusalSet(&refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("block job '%s' was begun by another driver and cannot go on with this one"), spec->job);
        rc = -1;
        break;
    }
    return rc < 0 ? qbjEngineRefuse(&refusal) : 0;
}

bool
qbjEnginePendingMustWait(virDomainObj *vm, const virQbjJob *job)
{
    return QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps && qbjEngineJobPullsOn(vm, job);
}

/* @job: the one that is PENDING, or NULL for one that is not in QEMU. @nodes stays NULL when no image can
 * have a bitmap. */
static int
qbjEnginePendingNodes(virDomainObj *vm, const virQbjJob *job, virJSONValue **nodes)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (!QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps)
        return 0;
    if (qbjEnginePendingMustWait(vm, job)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("QEMU cannot be asked for dirty bitmaps while another disk is being pulled"));
        return -1;
    }
    if (virJSONValueObjectAdd(&arguments, "b:flat", true, NULL) < 0)
        return -1;
    return qbjDomainQmpCallFor(vm, "query-named-block-nodes", arguments, QBJ_ENGINE_PIVOT_MS, nodes);
}

static int
qbjEnginePendingMake(virDomainObj *vm, virQbjJob *job, qbjSpec *spec, bool ended)
{
    g_autoptr(virJSONValue) nodes = NULL;
    virDomainDiskDef *disk;

    if (qbjEnginePendingNodes(vm, job, &nodes) < 0)
        return -1;
    if (!(disk = virDomainDiskByTarget(vm->def, spec->disk))) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("disk '%s' is gone"), spec->disk);
        return -1;
    }
    return qbjEnginePendingSpec(spec, disk, nodes, ended);
}

int
qbjEnginePendingPlan(virDomainObj *vm, virQbjJob *job)
{
    return qbjEnginePendingMake(vm, job, job->spec, false);
}

int
qbjEnginePendingPlanEnded(virDomainObj *vm, virQbjJob *job)
{
    return qbjEnginePendingMake(vm, job, job->spec, true);
}

int
qbjEnginePendingTry(virDomainObj *vm, qbjSpec *spec)
{
    return qbjEnginePendingMake(vm, NULL, spec, false);
}
