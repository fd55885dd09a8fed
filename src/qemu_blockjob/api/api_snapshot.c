#include <config.h>

#include "internal.h"
#include "api_snapshot.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "moment_apply.h"
#include "moment_create.h"
#include "moment_inside.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_offline.h"
#include "moment_plan.h"
#include "moment_redefine.h"
#include "moment_revertsettle.h"
#include "moment_xml.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_SNAPSHOT_FLAGS \
    (VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_HALT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | \
     VIR_DOMAIN_SNAPSHOT_CREATE_LIVE | VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)

/* @vm is locked, its job held. */
static virDomainMomentObj *
qbjApiSnapshotRedefine(virDomainObj *vm, const char *xml, unsigned int flags)
{
    unsigned int parseFlags = VIR_DOMAIN_SNAPSHOT_PARSE_REDEFINE;
    g_autoptr(virDomainSnapshotDef) def = NULL;

    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)
        parseFlags |= VIR_DOMAIN_SNAPSHOT_PARSE_VALIDATE;
    def = virDomainSnapshotDefParseString(xml, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, NULL, parseFlags);
    return def && qbjMomentXMLCheck(xml) == 0 ? qbjMomentRedefine(vm, &def, flags) : NULL;
}

/* Whether the memory of a guest that runs is to be within the images. */
static bool
qbjApiSnapshotIsInside(virDomainObj *vm, const virDomainSnapshotDef *def)
{
    return virDomainObjIsActive(vm) && def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
}

static qbjOperation
qbjApiSnapshotOperation(virDomainObj *vm, const virDomainSnapshotDef *def)
{
    if (qbjApiSnapshotIsInside(vm, def))
        return QBJ_OPERATION_SNAPSHOT_INTERNAL;
    return def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL ? QBJ_OPERATION_SNAPSHOT_MEMORY :
                                                                  QBJ_OPERATION_SNAPSHOT_DISKS;
}

static int
qbjApiSnapshotMake(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    g_autofree const char **targets = qbjMomentPlanTargets(*def);

    if (!virDomainObjIsActive(vm) && (qbjMomentApplyReady(vm) < 0 || qbjMomentListDefinitions(vm, *def) < 0))
        return -1;
    if (!virDomainObjIsActive(vm))
        return flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY ? qbjMomentOffline(vm, def, flags) :
                                                              qbjMomentInternalCreate(vm, def, flags);
    if (qbjApiGuard(vm, qbjApiSnapshotOperation(vm, *def), targets) < 0)
        return -1;
    if (qbjApiSnapshotIsInside(vm, *def))
        return qbjMomentListDefinitions(vm, *def) < 0 ? -1 : qbjMomentInsideCreate(vm, def, flags);
    return qbjMomentCreate(vm, def, flags);
}

/* @vm is locked, its job held. */
static virDomainSnapshotPtr
qbjApiSnapshotCreate(virDomainPtr domain, virDomainObj *vm, const char *xml, unsigned int flags)
{
    bool offline = (flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) || !virDomainObjIsActive(vm);
    unsigned int parseFlags = offline ? VIR_DOMAIN_SNAPSHOT_PARSE_OFFLINE : 0;
    qbjMomentPlace place = { .active = virDomainObjIsActive(vm), .persistent = vm->persistent };
    g_autoptr(virDomainSnapshotDef) def = NULL;
    g_autofree char *name = NULL;

    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)
        parseFlags |= VIR_DOMAIN_SNAPSHOT_PARSE_VALIDATE;
    if (qbjMomentPlanFlags(&place, flags) < 0 ||
        !(def = virDomainSnapshotDefParseString(xml, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, NULL, parseFlags)) ||
        qbjMomentXMLCheck(xml) < 0 || qbjMomentCreatePlan(vm, def, flags) < 0 ||
        ((flags & VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE) && virDomainObjCheckActive(vm) < 0))
        return NULL;
    name = g_strdup(def->parent.name);
    return qbjApiSnapshotMake(vm, &def, flags) < 0 ? NULL : virGetDomainSnapshot(domain, name);
}

/* Locked, with its job. NULL with an error reported: beside a save, for instance, nobody waits to hear that
 * it cannot be. */
static virDomainObj *
qbjApiSnapshotBegin(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm = qbjApiLookFlags(domain, virDomainSnapshotCreateXMLEnsureACL, flags);
    bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;

    if (vm && ((!redefine && qbjApiGuardEarly(vm, QBJ_OPERATION_SNAPSHOT_DISKS, NULL) < 0) ||
               virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0))
        virDomainObjEndAPI(&vm);
    return vm;
}

virDomainSnapshotPtr
qbjApiSnapshotCreateXML(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainSnapshotPtr ret = NULL;
    virDomainMomentObj *snap;
    virDomainObj *vm;
    bool settled;

    virCheckFlags(QBJ_API_SNAPSHOT_FLAGS, NULL);

    VIR_REQUIRE_FLAG_RET(VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, NULL);
    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, NULL);
    if (!(vm = qbjApiSnapshotBegin(domain, flags)))
        return NULL;
    settled = qbjMomentRevertSettleBefore(vm) == 0;      /* first: it drops the lock */
    if (settled && !(flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE))
        ret = qbjApiSnapshotCreate(domain, vm, xml, flags);
    else if (settled && (snap = qbjApiSnapshotRedefine(vm, xml, flags)))
        ret = virGetDomainSnapshot(domain, snap->def->name);
    qbjApiEnd(&vm);
    return ret;
}
