#include <config.h>

#include "internal.h"
#include "api_undo.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "moment_delete.h"
#include "moment_deleteset.h"
#include "moment_list.h"
#include "moment_revert.h"
#include "moment_revertsettle.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static qbjOperation
qbjApiSnapshotDeletion(virDomainMomentObj *snap, unsigned int flags)
{
    bool files = !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);

    return files && qbjMomentDeleteSetIsExternal(snap, flags) ? QBJ_OPERATION_SNAPSHOT_DELETE_EXTERNAL :
                                                                QBJ_OPERATION_SNAPSHOT_DELETE_INTERNAL;
}

/* @vm is locked, its job held. */
static int
qbjApiSnapshotDeleteNow(virDomainObj *vm, const char *name, unsigned int flags)
{
    virDomainMomentObj *snap;
    bool all = (flags & (VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)) &&
               !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);

    if (qbjMomentRevertSettleBefore(vm) < 0 || !(snap = qbjMomentListFind(vm, name)) ||
        qbjApiGuard(vm, qbjApiSnapshotDeletion(snap, flags), NULL) < 0)
        return -1;
    return all ? qbjMomentDeleteSet(vm, snap, flags) : qbjMomentDelete(vm, snap, flags);
}

/* What is known before anybody waits for another call (07/G1.15, G1.16). */
static int
qbjApiSnapshotDeleteEarly(virDomainObj *vm, const char *name, unsigned int flags)
{
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, name);

    return snap ? qbjApiGuardEarly(vm, qbjApiSnapshotDeletion(snap, flags), NULL) : 0;
}

int
qbjApiSnapshotDelete(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY |
                  VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY, -1);

    if (!(vm = qbjApiLook(snapshot->domain, virDomainSnapshotDeleteEnsureACL)))
        return -1;
    if (qbjApiSnapshotDeleteEarly(vm, snapshot->name, flags) == 0 && virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjApiSnapshotDeleteNow(vm, snapshot->name, flags);
        qbjApiEnd(&vm);
        return ret;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

/* @vm is locked, its job held. */
static int
qbjApiRevertNow(virDomainObj *vm, const char *name, unsigned int flags)
{
    virDomainMomentObj *snap = qbjMomentListFind(vm, name);

    if (!snap || qbjApiGuard(vm, QBJ_OPERATION_SNAPSHOT_REVERT, NULL) < 0)
        return -1;
    return qbjMomentRevert(vm, snap, flags);
}

int
qbjApiRevertToSnapshot(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED |
                  VIR_DOMAIN_SNAPSHOT_REVERT_FORCE | VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM, -1);

    if (!(vm = qbjApiLook(snapshot->domain, virDomainRevertToSnapshotEnsureACL)))
        return -1;
    /* 08/S9: a block job is told before anybody waits for another call */
    if (qbjApiGuardEarly(vm, QBJ_OPERATION_SNAPSHOT_REVERT, NULL) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjApiRevertNow(vm, snapshot->name, flags);
        qbjApiEnd(&vm);
        return ret;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}
