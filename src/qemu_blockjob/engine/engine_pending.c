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

int
qbjEnginePendingPlan(virDomainObj *vm, virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "query-named-block-nodes" };
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

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

    if (qbjSpecPlanCommitPending(job->spec, disk, command.reply, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    return 0;
}
