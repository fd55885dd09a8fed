#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_offline.h"
#include "moment_offline_parts.h"
#include "moment_list.h"
#include "moment_names.h"
#include "host_save.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_offline_record");

/* There is no status file: what a later daemon must know is in a file beside the metadata. */
#define QBJ_MOMENT_OFFLINE_RECORD "making.json"
#define QBJ_MOMENT_OFFLINE_RECORD_MAX (1024 * 1024)

char *
qbjMomentOfflineRecordPath(virDomainObj *vm)
{
    g_autofree char *folder = qbjMomentListFolder(vm);

    return folder ? g_strdup_printf("%s/" QBJ_MOMENT_OFFLINE_RECORD, folder) : NULL;
}

static virJSONValue *
qbjMomentOfflineFiles(const GPtrArray *disks)
{
    g_autoptr(virJSONValue) files = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < disks->len; i++) {
        const qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);
        g_autoptr(virJSONValue) file = NULL;

        if (virJSONValueObjectAdd(&file, "s:disk", disk->target, "s:path", disk->overlay->path,
                                  "s:base", disk->base->path, "S:identity", disk->identity, "B:found", disk->found,
                                  "B:begun", disk->begun, "P:capacity", disk->capacity,
                                  "B:bitmaps", disk->bitmaps, "S:stamp", disk->stamp, NULL) < 0 ||
            virJSONValueArrayAppend(files, &file) < 0)
            return NULL;
    }
    return g_steal_pointer(&files);
}

int
qbjMomentOfflineWriteRecord(const char *path, const char *name, const GPtrArray *disks)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(virJSONValue) files = qbjMomentOfflineFiles(disks);
    g_autoptr(virJSONValue) record = NULL;
    g_autofree char *text = NULL;

    if (!files || virJSONValueObjectAdd(&record, "S:name", name, "a:files", &files, NULL) < 0 ||
        !(text = virJSONValueToString(record, true)) || qbjHostSaveMakeFolder(folder) < 0)
        return -1;
    return qbjHostSaveFile(path, text, 0600);
}

void
qbjMomentOfflineDropRecord(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s': %s", path, g_strerror(errno));
    if (rmdir(folder) == 0 || qbjHostSaveSyncFolder(folder) == 0)
        return;
    VIR_WARN("'%s' may be there again after a power cut: %s", path, virGetLastErrorMessage());
    virResetLastError();
}

/* --- another daemon --- */

/* The disks of the record @json. */
static GPtrArray *
qbjMomentOfflineRead(virJSONValue *json)
{
    GPtrArray *disks = qbjMomentOfflineDisksNew();
    virJSONValue *files = virJSONValueObjectGetArray(json, "files");
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(files); i++) {
        virJSONValue *file = virJSONValueArrayGet(files, i);
        qbjMomentOfflineDisk *disk = g_new0(qbjMomentOfflineDisk, 1);

        disk->fd = -1;
        ignore_value(virJSONValueObjectGetBoolean(file, "found", &disk->found));
        ignore_value(virJSONValueObjectGetBoolean(file, "begun", &disk->begun));
        ignore_value(virJSONValueObjectGetNumberUlong(file, "capacity", &disk->capacity));
        ignore_value(virJSONValueObjectGetBoolean(file, "bitmaps", &disk->bitmaps));
        disk->target = g_strdup(virJSONValueObjectGetString(file, "disk"));
        disk->overlay = virStorageSourceNew();
        disk->overlay->path = g_strdup(virJSONValueObjectGetString(file, "path"));
        disk->base = virStorageSourceNew();
        disk->base->path = g_strdup(virJSONValueObjectGetString(file, "base"));
        disk->identity = disk->overlay->path ? g_strdup(virJSONValueObjectGetString(file, "identity")) : NULL;
        disk->stamp = g_strdup(virJSONValueObjectGetString(file, "stamp"));
        g_ptr_array_add(disks, disk);
    }
    return disks;
}

/* Whether all is as it was before the snapshot: a record may have survived what came after it. Then each disk
 * has another image, or what we made has been used. */
static bool
qbjMomentOfflineIsOld(virDomainObj *vm, const virDomainMomentObj *snap, const GPtrArray *disks)
{
    size_t i;

    if (snap && snap->nchildren > 0)
        return false;
    for (i = 0; i < disks->len; i++) {
        const qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);
        const virDomainDiskDef *now = disk->target ?
            virDomainDiskByTarget(vm->newDef ? vm->newDef : vm->def, disk->target) : NULL;
        g_autofree char *stamp = disk->identity ? qbjMomentOfflineStamp(disk->overlay->path) : NULL;

        if (!now || !disk->base->path || STRNEQ_NULLABLE(now->src->path, disk->base->path) ||
            qbjMomentNames(vm, snap, disk->overlay->path) || (stamp && disk->stamp && STRNEQ(stamp, disk->stamp)))
            return false;
    }
    return disks->len > 0;
}

static void
qbjMomentOfflineRecoverBack(virDomainObj *vm, virDomainMomentObj *snap, GPtrArray *disks)
{
    g_autofree char *parent = snap ? g_strdup(snap->def->parent_name) : NULL;

    VIR_WARN("Domain '%s': a snapshot that was being made is taken back", vm->def->name);
    if (snap && qbjMomentListRemove(vm, snap) == 0 && parent)
        virDomainSnapshotSetCurrent(vm->snapshots, virDomainSnapshotFindByName(vm->snapshots, parent));
    virObjectUnlock(vm);
    qbjMomentOfflineRemove(disks);
    virObjectLock(vm);
}

void
qbjMomentOfflineRecover(virDomainObj *vm)
{
    g_autofree char *path = qbjMomentOfflineRecordPath(vm);
    g_autofree char *text = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_autoptr(GPtrArray) disks = NULL;
    virDomainMomentObj *snap;
    const char *name;

    if (!path || !virFileExists(path))
        return;
    if (virFileReadAll(path, QBJ_MOMENT_OFFLINE_RECORD_MAX, &text) < 0 || !(json = virJSONValueFromString(text))) {
        VIR_WARN("Domain '%s': '%s' cannot be read: %s", vm->def->name, path, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    disks = qbjMomentOfflineRead(json);
    name = virJSONValueObjectGetString(json, "name");
    snap = name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;
    if (qbjMomentOfflineIsOld(vm, snap, disks))
        qbjMomentOfflineRecoverBack(vm, snap, disks);
    virObjectUnlock(vm);
    qbjMomentOfflineDropRecord(path);
    virObjectLock(vm);
}
