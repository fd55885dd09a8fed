#include <config.h>

#include "internal.h"
#include "moment_delete_defs.h"
#include "moment_list.h"

static void
qbjMomentDefsPutBack(virDomainDef **place, virDomainDef **before)
{
    virDomainDefFree(*place);
    *place = g_steal_pointer(before);
}

static bool
qbjMomentDefsForget(virDomainMomentObj *other, const qbjUndoDelete *plan, bool merged)
{
    bool changed = false;
    size_t i;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *item = g_ptr_array_index(plan->disks, i);

        changed |= qbjUndoForgetDisk(other->def->dom, item, merged, plan->inodes);
        changed |= qbjUndoForgetDisk(other->def->inactiveDom, item, merged, plan->inodes);
    }
    return changed;
}

/* What could not be saved is not so: whoever deletes again does it again. */
static int
qbjMomentDefsChange(virDomainObj *vm, const char *name, const qbjUndoDelete *plan, bool merged)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainMomentObj *other = virDomainSnapshotFindByName(vm->snapshots, name);
    g_autoptr(virDomainDef) dom = NULL;
    g_autoptr(virDomainDef) inactive = NULL;

    if (!other || !other->def->dom)
        return 0;
    if (!(dom = virDomainDefCopy(other->def->dom, xmlopt, NULL, false)) ||
        (other->def->inactiveDom && !(inactive = virDomainDefCopy(other->def->inactiveDom, xmlopt, NULL, false))))
        return -1;
    if (!qbjMomentDefsForget(other, plan, merged) || qbjMomentListSave(vm, other) == 0)
        return 0;
    qbjMomentDefsPutBack(&other->def->dom, &dom);
    qbjMomentDefsPutBack(&other->def->inactiveDom, &inactive);
    return -1;
}

int
qbjMomentDeleteDefs(virDomainObj *vm, const qbjUndoDelete *plan, bool merged)
{
    size_t i;

    for (i = 0; i < plan->changed->len; i++) {
        if (qbjMomentDefsChange(vm, g_ptr_array_index(plan->changed, i), plan, merged) < 0)
            return -1;
    }
    return 0;
}
