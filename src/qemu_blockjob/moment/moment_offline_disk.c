#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "moment_offline_parts.h"
#include "moment_overlay.h"
#include "host_img.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_offline_disk");

static void
qbjMomentOfflineDiskFree(void *opaque)
{
    qbjMomentOfflineDisk *disk = opaque;

    g_free(disk->target);
    virObjectUnref(disk->overlay);
    virObjectUnref(disk->base);
    qbjHostTargetClear(&disk->there);
    g_free(disk->identity);
    g_free(disk->stamp);
    VIR_FORCE_CLOSE(disk->fd);
    g_free(disk);
}

GPtrArray *
qbjMomentOfflineDisksNew(void)
{
    return g_ptr_array_new_with_free_func(qbjMomentOfflineDiskFree);
}

/* --- checks --- */

static int
qbjMomentOfflineCheckDisk(virDomainObj *vm, const virDomainSnapshotDiskDef *snap)
{
    const virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, snap->name);
    virStorageType type = virStorageSourceGetActualType(snap->src);

    if ((type != VIR_STORAGE_TYPE_FILE && type != VIR_STORAGE_TYPE_BLOCK) ||
        snap->src->format != VIR_STORAGE_FILE_QCOW2 || !disk || !virStorageSourceIsLocalStorage(disk->src)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot of disk '%s' of a domain that is shut off: only local images, files or devices"),
                       snap->name);
        return -1;
    }
    return 0;
}

int
qbjMomentOfflineLook(GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (qbjHostTargetLook(disk->overlay->path, &disk->there) < 0 ||
            qbjMomentOverlayCheckFile(disk->target, disk->overlay, &disk->there, disk->reuse) < 0)
            return -1;
    }
    return 0;
}

GPtrArray *
qbjMomentOfflineDisks(virDomainObj *vm, const virDomainSnapshotDef *def, bool reuse)
{
    g_autoptr(GPtrArray) disks = qbjMomentOfflineDisksNew();
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

/* A file that was there is only made empty again when the record says that we write into it; it is looked at
 * as late as can be. */
static int
qbjMomentOfflineBegin(const char *record, const char *name, const GPtrArray *disks, qbjMomentOfflineDisk *disk)
{
    g_auto(qbjHostImgInfo) info = { 0 };

    if (!disk->found)
        return 0;
    if (qbjHostImgRead(disk->base, &info) < 0)
        return -1;
    disk->capacity = info.size;
    disk->bitmaps = info.bitmaps != NULL;
    disk->begun = true;
    if (qbjMomentOfflineWriteRecord(record, name, disks) < 0) {
        disk->begun = false;
        return -1;
    }
    if (qbjHostTargetIsEmpty(disk->overlay->path, disk->identity))
        return 0;
    disk->begun = false;
    virReportError(VIR_ERR_OPERATION_FAILED, _("file '%s' has been replaced or written to meanwhile"),
                   disk->overlay->path);
    return -1;
}

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
    disk->stamp = qbjMomentOfflineStamp(disk->overlay->path);
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

char *
qbjMomentOfflineStamp(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return NULL;
    return g_strdup_printf("%lld:%lld.%09ld", (long long) st.st_size, (long long) st.st_mtim.tv_sec,
                           (long) st.st_mtim.tv_nsec);
}

/* What becomes an image: a file of ours, which has no name yet, or what was there and holds nothing. */
static int
qbjMomentOfflineTake(qbjMomentOfflineDisk *disk)
{
    if (disk->reuse || disk->there.device)
        return 0;
    if (!disk->there.exists)
        return qbjHostImgCreate(disk->overlay->path, &disk->identity, &disk->fd);
    disk->found = true;
    disk->identity = g_strdup(disk->there.identity);
    return 0;
}

int
qbjMomentOfflineMake(const char *record, const char *name, GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        if (qbjMomentOfflineTake(g_ptr_array_index(disks, i)) < 0)
            return -1;
    }
    if (qbjMomentOfflineWriteRecord(record, name, disks) < 0)
        return -1;
    for (i = 0; i < disks->len; i++) {
        qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (qbjMomentOfflineBegin(record, name, disks, disk) < 0 || qbjMomentOfflineMakeOne(disk) < 0)
            return -1;
        g_free(disk->stamp);
        disk->stamp = qbjMomentOfflineStamp(disk->overlay->path);
    }
    return qbjMomentOfflineWriteRecord(record, name, disks);
}

/* Its owner may have written into it since the daemon died that was about to. */
static int
qbjMomentOfflineEmpty(const qbjMomentOfflineDisk *disk)
{
    qbjHostFresh made = { .format = VIR_STORAGE_FILE_QCOW2, .bitmaps = disk->bitmaps, .capacity = disk->capacity,
                          .backing = disk->base->path };
    g_autofree char *stamp = disk->stamp ? qbjMomentOfflineStamp(disk->overlay->path) : NULL;

    return qbjHostTargetEmpty(disk->overlay->path, disk->identity,
                              stamp && STREQ(stamp, disk->stamp) ? NULL : &made);
}

void
qbjMomentOfflineRemove(GPtrArray *disks)
{
    size_t i;

    for (i = 0; i < disks->len; i++) {
        const qbjMomentOfflineDisk *disk = g_ptr_array_index(disks, i);

        if (!disk->identity || (disk->found && !disk->begun))
            continue;
        if ((disk->found ? qbjMomentOfflineEmpty(disk) :
                           qbjHostTargetRemove(disk->overlay->path, disk->identity)) < 0)
            VIR_WARN("cannot remove '%s': %s", disk->overlay->path, virGetLastErrorMessage());
        virResetLastError();
    }
}
