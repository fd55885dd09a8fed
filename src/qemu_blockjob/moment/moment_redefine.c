#include <config.h>

#include "internal.h"
#include "moment_redefine.h"
#include "moment_list.h"
#include "storage_file/storage_source.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static virDomainMomentObj *
qbjMomentRedefineAssign(virDomainObj *vm, virDomainSnapshotDef **def, virDomainMomentObj *old)
{
    if (!old)
        return qbjMomentListAdd(vm, def);
    virDomainSnapshotReplaceDef(old, def);      /* it leaves its parent */
    virDomainSnapshotLinkParent(vm->snapshots, old);
    return old;
}

/* Writes the file of @def, and that of the one that is not current any more. */
static int
qbjMomentRedefineSave(virDomainObj *vm, virDomainSnapshotDef *def, virDomainMomentObj *old, bool current)
{
    virDomainMomentObj *before = virDomainSnapshotGetCurrent(vm->snapshots);

    if (qbjMomentListWrite(vm, def, current || (old && old == before)) < 0)
        return -1;
    if (!current || !before || before == old)
        return 0;
    return qbjMomentListWrite(vm, virDomainSnapshotObjGetDef(before), false);
}

/* A definition that the client does not give stays as it was. libvirt.so 9.0.0 would move it, and dies when
 * it has to align disks without one. */
static int
qbjMomentRedefineKeepDomain(virDomainSnapshotDef *def, virDomainMomentObj *old, virDomainXMLOption *xmlopt)
{
    if (def->parent.dom || !old || !old->def->dom)
        return 0;
    if (!(def->parent.dom = virDomainDefCopy(old->def->dom, xmlopt, NULL, false)))
        return -1;
    if (!def->parent.inactiveDom && old->def->inactiveDom &&
        !(def->parent.inactiveDom = virDomainDefCopy(old->def->inactiveDom, xmlopt, NULL, false)))
        return -1;
    return 0;
}

/* An image of the moment that a deletion has begun to change does not become whole by what a client
 * writes. */
static int
qbjMomentRedefineKeepMarks(virDomainSnapshotDef *def, virDomainMomentObj *old)
{
    const virDomainSnapshotDef *was = old ? virDomainSnapshotObjGetDef(old) : NULL;
    size_t i;
    size_t j;

    for (i = 0; was && i < was->ndisks; i++) {
        bool kept = !was->disks[i].snapshotDeleteInProgress;

        for (j = 0; !kept && j < def->ndisks; j++) {
            virDomainSnapshotDiskDef *disk = &def->disks[j];

            if (STRNEQ_NULLABLE(disk->name, was->disks[i].name) || disk->snapshot != was->disks[i].snapshot ||
                !disk->src || !virStorageSourceIsSameLocation(disk->src, was->disks[i].src))
                continue;
            disk->snapshotDeleteInProgress = kept = true;
        }
        if (!kept) {
            virReportError(VIR_ERR_OPERATION_INVALID,
                           _("the deletion of snapshot '%s' was begun: its disk '%s' cannot be another one"),
                           was->parent.name, was->disks[i].name);
            return -1;
        }
    }
    return 0;
}

virDomainMomentObj *
qbjMomentRedefine(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    bool current = flags & VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT;
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, (*def)->parent.name);

    if (qbjMomentRedefineKeepDomain(*def, snap, xmlopt) < 0 ||
        virDomainSnapshotRedefinePrep(vm, *def, &snap, xmlopt, flags) < 0 ||
        qbjMomentRedefineKeepMarks(*def, snap) < 0 || qbjMomentListCheck(vm, *def, snap) < 0 ||
        qbjMomentRedefineSave(vm, *def, snap, current) < 0)
        return NULL;
    if ((snap = qbjMomentRedefineAssign(vm, def, snap)) && current)
        virDomainSnapshotSetCurrent(vm->snapshots, snap);
    return snap;
}
