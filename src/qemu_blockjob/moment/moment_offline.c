#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_offline.h"
#include "moment_offline_parts.h"
#include "moment_list.h"
#include "moment_reuse.h"
#include "domain_save.h"
#include "host_save.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_offline");

/* Whoever starts the domain from another definition does not wait for the job before it is in vm->def. */
static int
qbjMomentOfflineCheckSame(virDomainObj *vm, const qbjMomentOfflineDisk *one)
{
    const virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, one->target);

    if (!vm->newDef && disk && virStorageSourceIsSameLocation(disk->src, one->base))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("disk '%s' has been given another image while the snapshot was made"),
                   one->target);
    return -1;
}

/* The definition as it is to be: NULL with an error reported. */
static virDomainDef *
qbjMomentOfflineDefinition(virDomainObj *vm, const GPtrArray *disks)
{
    g_autoptr(virDomainDef) def = virDomainDefCopy(vm->def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false);
    size_t i;

    for (i = 0; def && i < disks->len; i++) {
        const qbjMomentOfflineDisk *one = g_ptr_array_index(disks, i);
        virDomainDiskDef *disk = virDomainDiskByTarget(def, one->target);
        g_autoptr(virStorageSource) overlay = virStorageSourceCopy(one->overlay, false);

        if (qbjMomentOfflineCheckSame(vm, one) < 0 || virStorageSourceInitChainElement(overlay, disk->src, true) < 0)
            return NULL;
        overlay->backingStore = disk->src;
        disk->src = g_steal_pointer(&overlay);
    }
    return g_steal_pointer(&def);
}

/* This is the decision. Returns 0, -1 with an error reported: the old one is in force. */
static int
qbjMomentOfflineDecide(virDomainObj *vm, virDomainDef *newDef)
{
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autofree char *text = qbjDomainConfigText(vm, newDef);
    g_autoptr(qbjHostSave) save = text ? qbjHostSavePrepare(path, text, 0600) : NULL;
    bool renamed;

    if (!save)
        return -1;
    if (qbjHostSaveCommit(save, &renamed) == 0)
        return 0;
    if (!renamed)
        return -1;
    VIR_WARN("Domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return 0;
}

static int
qbjMomentOfflineSwitch(virDomainObj *vm, virDomainSnapshotDef **def, const char *name, const GPtrArray *disks)
{
    g_autoptr(virDomainDef) newDef = qbjMomentOfflineDefinition(vm, disks);

    if (!newDef || (name && qbjMomentListWrite(vm, *def, true) < 0))
        return -1;
    if (virQbjFaultHit("moment-switch") || qbjMomentOfflineDecide(vm, newDef) < 0)
        return -1;
    virDomainObjAssignDef(vm, &newDef, false, NULL);
    if (name)
        ignore_value(qbjMomentListAddCurrent(vm, def, NULL));
    return 0;
}

static void
qbjMomentOfflineBack(virDomainObj *vm, const char *record, const char *name, GPtrArray *disks)
{
    g_autofree char *metadata = name ? qbjMomentListPath(vm, name) : NULL;
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    if (metadata && unlink(metadata) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s': %s", metadata, g_strerror(errno));
    qbjMomentOfflineRemove(disks);
    qbjMomentOfflineDropRecord(record);
    virObjectLock(vm);
    virErrorRestore(&reason);
}

static int
qbjMomentOfflineCheck(virDomainObj *vm, const char *record)
{
    if (vm->hasManagedSave) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("the domain has a managed save image, which goes on with the disks as they are"));
        return -1;
    }
    if (record)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("snapshots of a domain that is named '%s'"), vm->def->name);
    return -1;
}

/* What is there, and is to be used or written over, is nobody's. */
static int
qbjMomentOfflineCheckImages(virDomainObj *vm, const GPtrArray *disks)
{
    g_autoptr(GPtrArray) overlays = g_ptr_array_new();
    size_t i;

    for (i = 0; i < disks->len; i++) {
        const qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (disk->there.exists)
            g_ptr_array_add(overlays, disk->overlay);
    }
    return overlays->len > 0 ? qbjMomentReuseCheck(vm, overlays) : 0;
}

/* @disks: what is at their places may be used. */
static int
qbjMomentOfflineCheckPlaces(virDomainObj *vm, GPtrArray *disks)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentOfflineLook(disks);
    virObjectLock(vm);
    return rc < 0 ? -1 : qbjMomentOfflineCheckImages(vm, disks);
}

int
qbjMomentOffline(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    bool metadata = !(flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);
    g_autofree char *name = metadata ? g_strdup((*def)->parent.name) : NULL;
    g_autofree char *record = qbjMomentOfflineRecordPath(vm);
    g_autoptr(GPtrArray) disks = NULL;
    int rc;

    if (qbjMomentOfflineCheck(vm, record) < 0 ||
        !(disks = qbjMomentOfflineDisks(vm, *def, flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)) ||
        qbjMomentOfflineCheckPlaces(vm, disks) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentOfflineMake(record, name, disks);
    virObjectLock(vm);
    if (rc < 0 || qbjMomentOfflineSwitch(vm, def, name, disks) < 0) {
        qbjMomentOfflineBack(vm, record, name, disks);
        return -1;
    }
    virObjectUnlock(vm);
    qbjMomentOfflineDropRecord(record);
    virObjectLock(vm);
    return 0;
}
