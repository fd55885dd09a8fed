#include <config.h>

#include "internal.h"
#include "moment_hooks.h"
#include "moment_apply.h"
#include "moment_delete.h"
#include "moment_inside.h"
#include "moment_list.h"
#include "moment_load.h"
#include "moment_revertsettle.h"
#include "moment_settle.h"
#include "virerror.h"
#include "virlog.h"

VIR_LOG_INIT("qbj.moment_hooks");

/* What a revert has left in the images of a transient domain is done now: the next one may have another
 * UUID. */
static void
qbjMomentHooksForget(virDomainObj *vm)
{
    qbjMomentRevertSettleGone(vm);
    if (qbjMomentApplyReady(vm) < 0) {
        VIR_WARN("Domain '%s' goes, and its images keep what a revert has left: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
    }
    if (qbjMomentListForget(vm) == 0)
        return;
    VIR_WARN("Failed to remove the metadata of snapshots of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
}

static int
qbjMomentHooksReady(virDomainObj *vm)
{
    qbjMomentRevertSettleReady(vm);
    return qbjMomentApplyReady(vm);
}

static int
qbjMomentHooksSettle(virDomainObj *vm)
{
    qbjMomentRevertSettleResume(vm);
    return qbjMomentSettleResume(vm) < 0 ? -1 : qbjMomentInsideResume(vm);
}

static bool
qbjMomentHooksGone(virDomainObj *vm)
{
    if (!qbjMomentSettleGone(vm))
        return false;
    qbjMomentInsideGone(vm);
    return true;
}

static void
qbjMomentHooksResume(virDomainObj *vm)
{
    qbjMomentApplyResume(vm);
    qbjMomentDeleteResume(vm);
}

const qbjDriverMoments qbjMomentHooks = {
    .load = qbjMomentLoad,
    .settle = qbjMomentHooksSettle,
    .gone = qbjMomentHooksGone,
    .ready = qbjMomentHooksReady,
    .forget = qbjMomentHooksForget,
    .resume = qbjMomentHooksResume,
};
