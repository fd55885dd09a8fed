#include <config.h>

#include "internal.h"
#include "engine_pending.h"
#include "engine_change.h"
#include "engine_refuse.h"
#include "engine_switch.h"
#include "domain_qmp.h"
#include "spec_commit.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjEnginePendingSpec(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    int rc = 0;

    switch (spec->type) {
    case QBJ_TYPE_COMMIT:
    case QBJ_TYPE_ACTIVE_COMMIT:
        rc = qbjSpecPlanCommitPending(spec, disk, nodes, &refusal);
        break;
    case QBJ_TYPE_PULL:
    case QBJ_TYPE_COPY:
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

int
qbjEnginePendingPlan(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "query-named-block-nodes" };

    if (!disk) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("disk '%s' is gone"), job->spec->disk);
        return -1;
    }

    if (QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps) {
        if (virJSONValueObjectAdd(&arguments, "b:flat", true, NULL) < 0)
            return -1;
        command.arguments = arguments;
        if (qbjDomainQmpRunFor(vm, &command, 1, QBJ_ENGINE_PIVOT_MS) < 0)
            return -1;
        if (command.failed) {
            qbjQmpReportError(&command);
            return -1;
        }
    }

    return qbjEnginePendingSpec(job->spec, disk, command.reply);
}
