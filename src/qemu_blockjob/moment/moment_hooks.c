#include <config.h>

#include "internal.h"
#include "moment_hooks.h"
#include "moment_delete.h"
#include "moment_list.h"
#include "moment_load.h"
#include "moment_settle.h"
#include "virerror.h"
#include "virlog.h"

VIR_LOG_INIT("qbj.moment_hooks");

static void
qbjMomentHooksForget(virDomainObj *vm)
{
    if (qbjMomentListForget(vm) == 0)
        return;
    VIR_WARN("Failed to remove the metadata of snapshots of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
}

const qbjDriverMoments qbjMomentHooks = {
    .load = qbjMomentLoad,
    .settle = qbjMomentSettleResume,
    .gone = qbjMomentSettleGone,
    .forget = qbjMomentHooksForget,
    .resume = qbjMomentDeleteResume,
};
