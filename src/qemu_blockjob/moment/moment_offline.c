#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "moment_offline.h"
#include "moment_list.h"
#include "moment_names.h"
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

#define VIR_FROM_THIS VIR_FROM_QEMU
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
    char *stamp;                /* tells whether it has been written to since */
    int fd;                     /* of such a file that has no name yet, else -1 */
};

static void
qbjMomentOfflineDiskFree(void *opaque)
{
    qbjMomentOfflineDisk *disk = opaque;

    g_free(disk->target);
    virObjectUnref(disk->overlay);
    virObjectUnref(disk->base);
    g_free(disk->identity);
    g_free(disk->stamp);
    VIR_FORCE_CLOSE(disk->fd);
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
                                  "s:base", disk->base->path, "S:identity", disk->identity, "S:stamp", disk->stamp,
                                  NULL) < 0 ||
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

/* Without locks. The folder goes, too, when nothing else is in it. A record that stays does no harm: see
 * qbjMomentOfflineIsOld(). */
static void
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
        disk->fd = -1;
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
    if (qbjHostImgFill(disk->overlay->path, disk->fd, disk->base) < 0)
        return -1;
    VIR_FORCE_CLOSE(disk->fd);
    if (qbjHostImgRead(disk->base, &info) < 0)
        return -1;
    for (i = 0; info.bitmaps && i < info.bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info.bitmaps, i);

        if (bitmap->usable && qbjHostImgAddBitmap(disk->overlay, bitmap) < 0)
            return -1;
    }
    return 0;
}

/* Whether a file has been written to; to be freed. NULL: it cannot be told. */
static char *
qbjMomentOfflineStamp(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return NULL;
    return g_strdup_printf("%lld:%lld.%09ld", (long long) st.st_size, (long long) st.st_mtim.tv_sec,
                           (long) st.st_mtim.tv_nsec);
}

/* Without locks. */
static int
qbjMomentOfflineMake(const char *record, const char *name, GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (qbjMomentOfflineCheckFile(disk) < 0 ||
            (!disk->reuse && qbjHostImgCreate(disk->overlay->path, &disk->identity, &disk->fd) < 0))
            return -1;
    }
    if (qbjMomentOfflineWriteRecord(record, name, disks) < 0)
        return -1;
    for (i = 0; i < disks->len; i++) {
        qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (qbjMomentOfflineMakeOne(disk) < 0)
            return -1;
        disk->stamp = qbjMomentOfflineStamp(disk->overlay->path);
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
        ignore_value(qbjMomentListAddCurrent(vm, def));
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

/* The disks of the record @json. */
static GPtrArray *
qbjMomentOfflineRead(virJSONValue *json)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func(qbjMomentOfflineDiskFree);
    virJSONValue *files = virJSONValueObjectGetArray(json, "files");
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(files); i++) {
        virJSONValue *file = virJSONValueArrayGet(files, i);
        qbjMomentOfflineDisk *disk = g_new0(qbjMomentOfflineDisk, 1);

        disk->fd = -1;
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
