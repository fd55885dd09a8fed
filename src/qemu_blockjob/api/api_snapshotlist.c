/* Queries: they take the domain's lock for a moment and no job. */
#include <config.h>

#include "internal.h"
#include "api_snapshot.h"
#include "api_domain.h"
#include "datatypes.h"
#include "moment_list.h"
#include "virerror.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* ROOTS and DESCENDANTS are one bit: of a domain, and of a snapshot. */
#define QBJ_API_SNAPSHOT_LIST_FLAGS \
    (VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL | VIR_DOMAIN_SNAPSHOT_FILTERS_ALL)

/* --- of a domain --- */

int
qbjApiSnapshotNum(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiLook(domain, virDomainSnapshotNumEnsureACL)))
        return -1;
    ret = virDomainSnapshotObjListNum(vm->snapshots, NULL, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSnapshotListNames(virDomainPtr domain, char **names, int nameslen, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiLook(domain, virDomainSnapshotListNamesEnsureACL)))
        return -1;
    ret = virDomainSnapshotObjListGetNames(vm->snapshots, NULL, names, nameslen, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **snaps, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiLook(domain, virDomainListAllSnapshotsEnsureACL)))
        return -1;
    ret = virDomainListSnapshots(vm->snapshots, NULL, domain, snaps, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

virDomainSnapshotPtr
qbjApiSnapshotLookupByName(virDomainPtr domain, const char *name, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    virDomainSnapshotPtr ret = NULL;

    virCheckFlags(0, NULL);

    if (!(vm = qbjApiLook(domain, virDomainSnapshotLookupByNameEnsureACL)))
        return NULL;
    if ((snap = qbjMomentListFind(vm, name)))
        ret = virGetDomainSnapshot(domain, snap->def->name);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiHasCurrentSnapshot(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiLook(domain, virDomainHasCurrentSnapshotEnsureACL)))
        return -1;
    ret = virDomainSnapshotGetCurrent(vm->snapshots) != NULL;
    virDomainObjEndAPI(&vm);
    return ret;
}

virDomainSnapshotPtr
qbjApiSnapshotCurrent(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    const char *name;
    virDomainSnapshotPtr ret = NULL;

    virCheckFlags(0, NULL);

    if (!(vm = qbjApiLook(domain, virDomainSnapshotCurrentEnsureACL)))
        return NULL;
    if ((name = virDomainSnapshotGetCurrentName(vm->snapshots)))
        ret = virGetDomainSnapshot(domain, name);
    else
        virReportError(VIR_ERR_NO_DOMAIN_SNAPSHOT, "%s", _("the domain does not have a current snapshot"));
    virDomainObjEndAPI(&vm);
    return ret;
}

/* --- of a snapshot --- */

/* @snap: the snapshot itself; the domain is locked, to be released with virDomainObjEndAPI(). NULL with an
 * error reported. */
static virDomainObj *
qbjApiSnapshotLook(virDomainSnapshotPtr snapshot, qbjApiMayCall may, virDomainMomentObj **snap)
{
    virDomainObj *vm = qbjApiLook(snapshot->domain, may);

    if (vm && !(*snap = qbjMomentListFind(vm, snapshot->name)))
        virDomainObjEndAPI(&vm);
    return vm;
}

int
qbjApiSnapshotNumChildren(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotNumChildrenEnsureACL, &snap)))
        return -1;
    ret = virDomainSnapshotObjListNum(vm->snapshots, snap, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSnapshotListChildrenNames(virDomainSnapshotPtr snapshot, char **names, int nameslen, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotListChildrenNamesEnsureACL, &snap)))
        return -1;
    ret = virDomainSnapshotObjListGetNames(vm->snapshots, snap, names, nameslen, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSnapshotListAllChildren(virDomainSnapshotPtr snapshot, virDomainSnapshotPtr **snaps, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    int ret;

    virCheckFlags(QBJ_API_SNAPSHOT_LIST_FLAGS, -1);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotListAllChildrenEnsureACL, &snap)))
        return -1;
    ret = virDomainListSnapshots(vm->snapshots, snap, snapshot->domain, snaps, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

virDomainSnapshotPtr
qbjApiSnapshotGetParent(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    virDomainSnapshotPtr ret = NULL;

    virCheckFlags(0, NULL);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotGetParentEnsureACL, &snap)))
        return NULL;
    if (snap->def->parent_name)
        ret = virGetDomainSnapshot(snapshot->domain, snap->def->parent_name);
    else
        virReportError(VIR_ERR_NO_DOMAIN_SNAPSHOT, _("snapshot '%s' does not have a parent"), snap->def->name);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSnapshotIsCurrent(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;
    int ret;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotIsCurrentEnsureACL, &snap)))
        return -1;
    ret = snap == virDomainSnapshotGetCurrent(vm->snapshots);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* What has none is not in the list. */
int
qbjApiSnapshotHasMetadata(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    virDomainObj *vm;
    virDomainMomentObj *snap;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiSnapshotLook(snapshot, virDomainSnapshotHasMetadataEnsureACL, &snap)))
        return -1;
    virDomainObjEndAPI(&vm);
    return 1;
}

char *
qbjApiSnapshotGetXMLDesc(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    qbjDriver *driver = snapshot->domain->conn->privateData;
    virDomainObj *vm;
    virDomainMomentObj *snap;
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *ret = NULL;

    virCheckFlags(VIR_DOMAIN_SNAPSHOT_XML_SECURE, NULL);

    if (!(vm = qbjApiLookFlags(snapshot->domain, virDomainSnapshotGetXMLDescEnsureACL, flags)))
        return NULL;
    virUUIDFormat(vm->def->uuid, uuid);
    if ((snap = qbjMomentListFind(vm, snapshot->name)))
        ret = virDomainSnapshotDefFormat(uuid, virDomainSnapshotObjGetDef(snap), driver->xmlopt,
                                         virDomainSnapshotFormatConvertXMLFlags(flags));
    virDomainObjEndAPI(&vm);
    return ret;
}
