#include <config.h>

#include "internal.h"
#include "moment_plan.h"
#include "spec.h"
#include "virerror.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjMomentPlanFlags(const qbjMomentPlace *place, unsigned int flags)
{
    if (!place->persistent && (flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot halt after transient domain snapshot"));
        return -1;
    }
    return 0;
}

static int
qbjMomentPlanState(virDomainSnapshotDef *def, const qbjMomentPlace *place, unsigned int flags)
{
    if (place->active && place->state == VIR_DOMAIN_PMSUSPENDED) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("qemu doesn't support taking snapshots of PMSUSPENDED guests"));
        return -1;
    }
    if ((flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE) &&
        (!place->active || def->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("live snapshot creation is supported only during full system snapshots"));
        return -1;
    }
    def->state = !place->active ? VIR_DOMAIN_SNAPSHOT_SHUTOFF :
        flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY ? VIR_DOMAIN_SNAPSHOT_DISK_SNAPSHOT : place->state;
    return 0;
}

/* S2.17 */
static int
qbjMomentPlanMemory(virDomainSnapshotDef *def, const qbjMomentPlace *place, unsigned int flags)
{
    if (!place->active || (flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)) {
        def->memory = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
    } else if (def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_NO) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("internal snapshot of a running VM must include the memory state"));
        return -1;
    } else if (def->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL) {
        def->memory = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
    }
    return 0;
}

/* S2.23. NULL: it can have an overlay. */
static const char *
qbjMomentPlanDiskHas(const virDomainDiskDef *disk)
{
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_LUN)
        return "device='lun'";
    if (disk->src->readonly)
        return "<readonly/>";
    if (disk->src->shared)
        return "<shareable/>";
    if (disk->transient)
        return "<transient/>";
    return NULL;
}

static int
qbjMomentPlanSource(const virDomainSnapshotDiskDef *snap)
{
    const virStorageSource *src = snap->src;
    virStorageType type = virStorageSourceGetActualType(src);

    if (src->format != VIR_STORAGE_FILE_QCOW2 && src->format != VIR_STORAGE_FILE_QED) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot format for disk %s is unsupported: %s"),
                       snap->name, virStorageFileFormatTypeToString(src->format));
        return -1;
    }
    if (src->path && !virQbjXMLCanHold(src->path)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot file for disk %s has control characters: %s"),
                       snap->name, src->path);
        return -1;
    }
    if (src->format == VIR_STORAGE_FILE_QED || src->encryption || src->sliceStorage ||
        (type != VIR_STORAGE_TYPE_FILE && type != VIR_STORAGE_TYPE_BLOCK && type != VIR_STORAGE_TYPE_NETWORK)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot of disk '%s' into %s is not supported yet"),
                       snap->name,
                       src->format == VIR_STORAGE_FILE_QED ? "a qed image" :
                       src->encryption ? "an encrypted image" :
                       src->sliceStorage ? "a slice" : virStorageTypeToString(type));
        return -1;
    }
    return 0;
}

static int
qbjMomentPlanExternal(virDomainSnapshotDiskDef *snap, const virDomainDiskDef *disk)
{
    const char *what = qbjMomentPlanDiskHas(disk);
    const virStorageSource *src;
    size_t depth = 0;

    if (!snap->src->format)
        snap->src->format = VIR_STORAGE_FILE_QCOW2;
    if (qbjMomentPlanSource(snap) < 0)
        return -1;
    if (what) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot of disk '%s' is not supported: %s"), disk->dst,
                       what);
        return -1;
    }
    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore)
        depth++;
    if (depth < QBJ_SPEC_MAX_CHAIN)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("backing chain depth of disk '%s' would be above %d"), disk->dst,
                   QBJ_SPEC_MAX_CHAIN);
    return -1;
}

static int
qbjMomentPlanDisk(virDomainSnapshotDef *def, size_t i, const qbjMomentPlace *place, unsigned int flags)
{
    virDomainSnapshotDiskDef *snap = &def->disks[i];
    virDomainDiskDef *disk = virDomainDiskByTarget(def->parent.dom, snap->name);

    switch (snap->snapshot) {
    case VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL:
        return disk ? qbjMomentPlanExternal(snap, disk) : -1;
    case VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL:
        if (def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("disk '%s' cannot have an internal snapshot while the memory has an external one"),
                           snap->name);
            return -1;
        }
        if (!(flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY))
            return 0;
        if (!place->active) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("disk '%s' must use snapshot mode 'external'"), snap->name);
            return -1;
        }
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("active qemu domains require external disk snapshots; disk %s requested internal"),
                       snap->name);
        return -1;
    case VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_NO:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_LAST:
    default:
        return 0;
    }
}

static bool
qbjMomentPlanHas(const virDomainSnapshotDef *def, virDomainSnapshotLocation location)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == location)
            return true;
    }
    return false;
}

bool
qbjMomentPlanHasManual(const virDomainSnapshotDef *def)
{
    return qbjMomentPlanHas(def, VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL);
}

static int
qbjMomentPlanAny(const virDomainSnapshotDef *def)
{
    if (def->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_NO ||
        qbjMomentPlanHas(def, VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL) ||
        qbjMomentPlanHas(def, VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL))
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("nothing selected for snapshot"));
    return -1;
}

int
qbjMomentPlan(virDomainSnapshotDef *def, const qbjMomentPlace *place, unsigned int flags)
{
    virDomainSnapshotLocation location = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
    size_t i;

    if (qbjMomentPlanState(def, place, flags) < 0 || qbjMomentPlanMemory(def, place, flags) < 0)
        return -1;
    if ((flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) || def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        location = VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL;
    if (virDomainSnapshotAlignDisks(def, NULL, location, true) < 0)
        return -1;
    for (i = 0; i < def->ndisks; i++) {
        if (qbjMomentPlanDisk(def, i, place, flags) < 0)
            return -1;
    }
    return qbjMomentPlanAny(def);
}

const char **
qbjMomentPlanTargets(const virDomainSnapshotDef *def)
{
    const char **targets = g_new0(const char *, def->ndisks + 1);
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_NO)
            targets[n++] = def->disks[i].name;
    }
    return targets;
}
