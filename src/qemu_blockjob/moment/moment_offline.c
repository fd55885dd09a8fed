#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_offline.h"
#include "moment_list.h"
#include "moment_reuse.h"
#include "domain_save.h"
#include "host_img.h"
#include "host_save.h"
#include "host_target.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_offline");

/* There is no status file: what a later daemon must know is in a file beside the metadata. */
#define QBJ_MOMENT_OFFLINE_RECORD "making.json"
#define QBJ_MOMENT_OFFLINE_RECORD_MAX (1024 * 1024)

/* One overlay. */
typedef struct _qbjMomentOffline qbjMomentOfflineDisk;
struct _qbjMomentOffline {
    char *target;
    virStorageSource *overlay;
    virStorageSource *base;
    bool reuse;
    char *identity;             /* of a file that we made */
};

static void
qbjMomentOfflineDiskFree(void *opaque)
{
    qbjMomentOfflineDisk *disk = opaque;

    g_free(disk->target);
    virObjectUnref(disk->overlay);
    virObjectUnref(disk->base);
    g_free(disk->identity);
    g_free(disk);
}

/* --- the record --- */

static char *
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
                                  "S:identity", disk->identity, NULL) < 0 ||
            virJSONValueArrayAppend(files, &file) < 0)
            return NULL;
    }
    return g_steal_pointer(&files);
}

/* Without locks. */
static int
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

/* Without locks. The folder goes, too, when nothing else is in it. */
static void
qbjMomentOfflineDropRecord(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s': %s", path, g_strerror(errno));
    ignore_value(rmdir(folder));
}

/* --- checks --- */

static int
qbjMomentOfflineCheckDisk(virDomainObj *vm, const virDomainSnapshotDiskDef *snap)
{
    const virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, snap->name);

    if (virStorageSourceGetActualType(snap->src) != VIR_STORAGE_TYPE_FILE ||
        snap->src->format != VIR_STORAGE_FILE_QCOW2 || !disk || !virStorageSourceIsLocalStorage(disk->src)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot of disk '%s' of a domain that is shut off: only files are made, over local images"),
                       snap->name);
        return -1;
    }
    return 0;
}

/* Without locks; S2.6, S2.7. */
static int
qbjMomentOfflineCheckFile(const qbjMomentOfflineDisk *disk)
{
    const char *path = disk->overlay->path;

    if (virFileExists(path) == disk->reuse)
        return 0;
    if (disk->reuse)
        virReportSystemError(ENOENT, _("missing existing file for disk %s: %s"), disk->target, path);
    else
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot file for disk %s already exists and is not a block device: %s"),
                       disk->target, path);
    return -1;
}

static GPtrArray *
qbjMomentOfflineDisks(virDomainObj *vm, const virDomainSnapshotDef *def, bool reuse)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(qbjMomentOfflineDiskFree);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainSnapshotDiskDef *snap = &def->disks[i];
        qbjMomentOfflineDisk *disk;

        if (snap->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
            continue;
        if (qbjMomentOfflineCheckDisk(vm, snap) < 0)
            return NULL;
        disk = g_new0(qbjMomentOfflineDisk, 1);
        disk->target = g_strdup(snap->name);
        disk->overlay = virStorageSourceCopy(snap->src, false);
        disk->base = virStorageSourceCopy(virDomainDiskByTarget(vm->def, snap->name)->src, false);
        disk->reuse = reuse;
        g_ptr_array_add(disks, disk);
    }
    return g_steal_pointer(&disks);
}

/* Without locks: an image that is there must have the size, and stand on the present one if it says
 * anything. */
static int
qbjMomentOfflineCheckReused(const qbjMomentOfflineDisk *disk)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) below = { 0 };

    if (qbjHostImgRead(disk->overlay, &info) < 0 || qbjHostImgRead(disk->base, &below) < 0)
        return -1;
    if (info.size == below.size && (!info.backing || virFileLinkPointsTo(info.backing, disk->base->path)))
        return 0;
    virReportError(VIR_ERR_INVALID_ARG,
                   _("image '%s' for the snapshot of disk '%s' has another size, or stands on another image"),
                   disk->overlay->path, disk->target);
    return -1;
}

/* --- making it --- */

/* Without locks. Bitmaps that record begin anew in the overlay (behaviour/20, 6). */
static int
qbjMomentOfflineMakeOne(qbjMomentOfflineDisk *disk)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    size_t i;

    if (disk->reuse)
        return qbjMomentOfflineCheckReused(disk);
    if (qbjHostImgCreate(disk->overlay->path, disk->base) < 0)
        return -1;
    disk->identity = qbjHostTargetIdentify(disk->overlay->path);
    if (qbjHostImgRead(disk->base, &info) < 0)
        return -1;
    for (i = 0; info.bitmaps && i < info.bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info.bitmaps, i);

        if (bitmap->usable && qbjHostImgAddBitmap(disk->overlay, bitmap) < 0)
            return -1;
    }
    return 0;
}

/* Without locks. */
static int
qbjMomentOfflineMake(const char *record, const char *name, GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        if (qbjMomentOfflineCheckFile(g_ptr_array_index(disks, i)) < 0)
            return -1;
    }
    if (qbjMomentOfflineWriteRecord(record, name, disks) < 0)
        return -1;
    for (i = 0; i < disks->len; i++) {
        if (qbjMomentOfflineMakeOne(g_ptr_array_index(disks, i)) < 0)
            return -1;
    }
    return qbjMomentOfflineWriteRecord(record, name, disks);
}

/* Without locks. */
static void
qbjMomentOfflineRemove(GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        const qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (disk->identity && qbjHostTargetRemove(disk->overlay->path, disk->identity) < 0)
            VIR_WARN("cannot remove '%s': %s", disk->overlay->path, virGetLastErrorMessage());
    }
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
        virStorageSource *overlay = virStorageSourceCopy(one->overlay, false);

        if (virStorageSourceInitChainElement(overlay, disk->src, true) < 0) {
            virObjectUnref(overlay);
            return NULL;
        }
        overlay->backingStore = disk->src;
        disk->src = overlay;
    }
    return g_steal_pointer(&def);
}

static int
qbjMomentOfflineSwitch(virDomainObj *vm, virDomainSnapshotDef **def, const char *name, const GPtrArray *disks)
{
    g_autoptr(virDomainDef) newDef = qbjMomentOfflineDefinition(vm, disks);
    virDomainMomentObj *snap = NULL;

    if (!newDef || (name && qbjMomentListWrite(vm, *def, true) < 0))
        return -1;
    if (virQbjFaultHit("moment-switch") || qbjDomainSaveConfig(vm, newDef) < 0)
        return -1;
    virDomainObjAssignDef(vm, &newDef, false, NULL);
    if (!name || !(snap = virDomainSnapshotAssignDef(vm->snapshots, def)))
        return 0;
    virDomainSnapshotLinkParent(vm->snapshots, snap);
    if (qbjMomentListSetCurrent(vm, snap) < 0) {
        virDomainSnapshotSetCurrent(vm->snapshots, snap);
        virResetLastError();            /* logged: the later one of two is right */
    }
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

/* @disks: into images that are there. */
static int
qbjMomentOfflineCheckImages(virDomainObj *vm, const GPtrArray *disks)
{
    g_autoptr(GPtrArray) overlays = g_ptr_array_new();
    size_t i;

    for (i = 0; i < disks->len; i++)
        g_ptr_array_add(overlays, ((qbjMomentOfflineDisk *) g_ptr_array_index(disks, i))->overlay);
    return qbjMomentReuseCheck(vm, overlays);
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
        !(disks = qbjMomentOfflineDisks(vm, *def, flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)))
        return -1;
    if ((flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT) && qbjMomentOfflineCheckImages(vm, disks) < 0)
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

/* --- another daemon --- */

/* The disks of the record @json; *@made: the definition names all of them. */
static GPtrArray *
qbjMomentOfflineRead(virDomainDef *def, virJSONValue *json, bool *made)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func(qbjMomentOfflineDiskFree);
    virJSONValue *files = virJSONValueObjectGetArray(json, "files");
    size_t i;

    *made = true;
    for (i = 0; i < virQbjJSONArraySize(files); i++) {
        virJSONValue *file = virJSONValueArrayGet(files, i);
        const char *target = virJSONValueObjectGetString(file, "disk");
        const virDomainDiskDef *now = target ? virDomainDiskByTarget(def, target) : NULL;
        qbjMomentOfflineDisk *disk = g_new0(qbjMomentOfflineDisk, 1);

        disk->overlay = virStorageSourceNew();
        disk->overlay->path = g_strdup(virJSONValueObjectGetString(file, "path"));
        disk->identity = disk->overlay->path ? g_strdup(virJSONValueObjectGetString(file, "identity")) : NULL;
        if (!now || STRNEQ_NULLABLE(now->src->path, disk->overlay->path))
            *made = false;
        g_ptr_array_add(disks, disk);
    }
    return disks;
}

static void
qbjMomentOfflineRecoverBack(virDomainObj *vm, const char *name, GPtrArray *disks)
{
    virDomainMomentObj *snap = name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;
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
    bool made;

    if (!path || !virFileExists(path))
        return;
    if (virFileReadAll(path, QBJ_MOMENT_OFFLINE_RECORD_MAX, &text) < 0 || !(json = virJSONValueFromString(text))) {
        VIR_WARN("Domain '%s': '%s' cannot be read: %s", vm->def->name, path, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    disks = qbjMomentOfflineRead(vm->newDef ? vm->newDef : vm->def, json, &made);
    if (!made)
        qbjMomentOfflineRecoverBack(vm, virJSONValueObjectGetString(json, "name"), disks);
    virObjectUnlock(vm);
    qbjMomentOfflineDropRecord(path);
    virObjectLock(vm);
}
