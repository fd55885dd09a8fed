#include <config.h>

#include "internal.h"
#include "moment_deleteset.h"
#include "moment_delete.h"
#include "moment_delete_off.h"
#include "moment_undo.h"
#include "domain_operation.h"
#include "engine_refuse.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_MOMENT_CHILDREN (VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)

static int
qbjMomentDeleteSetAsk(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    bool *external = opaque;

    *external |= virDomainSnapshotIsExternal(payload);
    return 0;
}

bool
qbjMomentDeleteSetIsExternal(virDomainMomentObj *snap, unsigned int flags)
{
    bool external = !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY) && virDomainSnapshotIsExternal(snap);

    if (flags & QBJ_MOMENT_CHILDREN)
        virDomainMomentForEachDescendant(snap, qbjMomentDeleteSetAsk, &external);
    return external;
}

/* --- before anything changes --- */

static int
qbjMomentDeleteSetCheck(virDomainObj *vm, const GPtrArray *names)
{
    size_t i;

    for (i = 0; i < names->len; i++) {
        virDomainMomentObj *one = virDomainSnapshotFindByName(vm->snapshots, g_ptr_array_index(names, i));

        if (one && qbjMomentDeleteCheck(vm, one) < 0)
            return -1;
    }
    return 0;
}

/* Without locks: the view has references to all metadata. */
static int
qbjMomentDeleteSetLook(qbjMomentUndo *view, GPtrArray *names)
{
    size_t i;

    for (i = 0; i < view->undo.moments->len; i++) {
        virDomainSnapshotDef *def = g_ptr_array_index(view->undo.moments, i);

        if (g_ptr_array_find_with_equal_func(names, def->parent.name, g_str_equal, NULL) &&
            virDomainSnapshotDefIsExternal(def) && qbjMomentUndoLook(view, def, false) < 0)
            return -1;
    }
    return 0;
}

/* Without locks. */
static int
qbjMomentDeleteSetCheckRun(const GPtrArray *plans)
{
    size_t i;

    for (i = 0; i < plans->len; i++) {
        if (qbjMomentDeleteOffCheck(g_ptr_array_index(plans, i)) < 0)
            return -1;
    }
    return 0;
}

/* Returns 0 when each of @names can be deleted, -1 with an error reported. */
static int
qbjMomentDeleteSetPlan(virDomainObj *vm, const char *name, unsigned int flags, GPtrArray *names,
                       qbjMomentUndo *view)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(GPtrArray) plans = NULL;
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentDeleteSetLook(view, names);
    virObjectLock(vm);
    if (rc < 0)
        return -1;
    if (qbjUndoPlanDeleteAll(&view->undo, name, flags, &plans, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    virObjectUnlock(vm);
    rc = qbjMomentDeleteSetCheckRun(plans);
    virObjectLock(vm);
    return rc;
}

/* The check may put the domain onto other images, so they are looked at after it. */
static GPtrArray *
qbjMomentDeleteSetNames(virDomainObj *vm, const char *name, unsigned int flags)
{
    g_autoptr(qbjMomentUndo) tree = qbjMomentUndoNew(vm, false);
    g_autoptr(qbjMomentUndo) view = NULL;
    g_autoptr(GPtrArray) names = NULL;

    if (!tree)
        return NULL;
    names = qbjUndoNames(&tree->undo, name, flags);
    if (qbjMomentDeleteSetCheck(vm, names) < 0 || !(view = qbjMomentUndoNew(vm, true)) ||
        qbjMomentDeleteSetPlan(vm, name, flags, names, view) < 0)
        return NULL;
    return g_steal_pointer(&names);
}

/* --- all of it --- */

static int
qbjMomentDeleteSetAll(virDomainObj *vm, const GPtrArray *names)
{
    bool running = virDomainObjIsActive(vm);
    size_t i;

    for (i = 0; i < names->len; i++) {
        virDomainMomentObj *one = virDomainSnapshotFindByName(vm->snapshots, g_ptr_array_index(names, i));

        if ((running && qbjDomainOperationCheck(vm) < 0) || (one && qbjMomentDelete(vm, one, 0) < 0))
            return -1;
    }
    return 0;
}

int
qbjMomentDeleteSet(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags)
{
    g_autoptr(GPtrArray) names = qbjMomentDeleteSetNames(vm, snap->def->name, flags);
    bool running = virDomainObjIsActive(vm);
    int rc;

    if (!names)
        return -1;
    if (running)
        qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE);
    rc = qbjMomentDeleteSetAll(vm, names);
    if (running)
        qbjDomainOperationEnd(vm, false);
    return rc;
}
