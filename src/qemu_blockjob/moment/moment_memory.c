#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "moment_memory.h"
#include "moment_reuse.h"
#include "moment_settle.h"
#include "domain_operation.h"
#include "domain_save.h"
#include "storage_source_conf.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "vm_saveimage.h"
#include "vm_savestream.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_memory");

/* --- where it may go --- */

/* The folder without links; its name is what it is. NULL: there is no such folder. */
static char *
qbjMomentMemoryPlace(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *real = virFileCanonicalizePath(folder);
    g_autofree char *name = g_path_get_basename(path);

    return real ? g_build_filename(real, name, NULL) : NULL;
}

/* Without locks. */
static int
qbjMomentMemoryCheckOverlays(const char *path, const GPtrArray *overlays)
{
    g_autofree char *place = qbjMomentMemoryPlace(path);
    size_t i;

    for (i = 0; place && i < overlays->len; i++) {
        g_autofree char *other = qbjMomentMemoryPlace(g_ptr_array_index(overlays, i));

        if (STRNEQ_NULLABLE(place, other))
            continue;
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("'%s' cannot be a disk's image and the memory of the snapshot"),
                       path);
        return -1;
    }
    return 0;
}

/* Without locks. */
static int
qbjMomentMemoryCheckFile(const char *path, bool reuse)
{
    struct stat st;

    if (reuse || stat(path, &st) < 0 || st.st_size == 0)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot memory file '%s' already exists"), path);
    return -1;
}

typedef struct _qbjMomentMemoryOther qbjMomentMemoryOther;
struct _qbjMomentMemoryOther {
    const char *path;
    const char *wanted;
    const char *name;           /* of the snapshot that has it */
};

static int
qbjMomentMemoryCompare(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    const virDomainMomentObj *snap = payload;
    const virDomainSnapshotDef *def = (const virDomainSnapshotDef *) snap->def;
    qbjMomentMemoryOther *other = opaque;

    if (def->memorysnapshotfile &&
        (STREQ(def->memorysnapshotfile, other->path) || STREQ(def->memorysnapshotfile, other->wanted)))
        other->name = snap->def->name;
    return 0;
}

static int
qbjMomentMemoryCheckOthers(virDomainObj *vm, const char *path, const char *wanted)
{
    qbjMomentMemoryOther other = { .path = path, .wanted = wanted };

    virDomainSnapshotForEach(vm->snapshots, qbjMomentMemoryCompare, &other);
    if (!other.name)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("'%s' is the memory of snapshot '%s'"), wanted, other.name);
    return -1;
}

/* A file that is there is replaced only if it is nobody's image, of any definition. */
static int
qbjMomentMemoryCheckImages(virDomainObj *vm, const char *path)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(virObjectUnref);
    virStorageSource *file;

    if (!virFileExists(path))
        return 0;
    file = virStorageSourceNew();
    file->type = VIR_STORAGE_TYPE_FILE;
    file->path = g_strdup(path);
    g_ptr_array_add(files, file);
    return qbjMomentReuseCheck(vm, files);
}

static virQbjStatusMemory *
qbjMomentMemoryNames(virDomainObj *vm, const char *wanted, const GPtrArray *overlays, bool reuse)
{
    g_autoptr(virQbjStatusMemory) names = g_new0(virQbjStatusMemory, 1);
    int rc;

    if (qbjVmSaveImageNames(vm, wanted, &names->path, &names->part) < 0 ||
        qbjMomentMemoryCheckOthers(vm, names->path, wanted) < 0)
        return NULL;
    names->kept = g_strdup_printf("%s.old", names->part);
    virObjectUnlock(vm);
    rc = qbjMomentMemoryCheckOverlays(names->path, overlays);
    if (rc == 0)
        rc = qbjMomentMemoryCheckFile(names->path, reuse);
    virObjectLock(vm);
    if (rc < 0 || qbjMomentMemoryCheckImages(vm, names->path) < 0 || virDomainObjCheckActive(vm) < 0)
        return NULL;
    return g_steal_pointer(&names);
}

int
qbjMomentMemoryPlan(virDomainObj *vm, const virDomainSnapshotDef *def, const GPtrArray *overlays,
                    unsigned int flags, virQbjStatusSnapshot *record, qbjMomentMemory **memory)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    g_autoptr(virQbjSaveImage) image = NULL;
    virQbjSaveFormat format;

    if (def->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        return 0;
    if (qbjVmSaveImageFormat("snapshot_image_format", conf->snapshotImageFormat, &format) < 0 ||
        !(record->memory = qbjMomentMemoryNames(vm, def->memorysnapshotfile, overlays,
                                                flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)) ||
        qbjVmSaveStreamCheck(vm) < 0 || virDomainObjCheckActive(vm) < 0 ||
        !(image = qbjVmSaveImageNew(vm, NULL, -1, format)))
        return -1;
    *memory = g_new0(qbjMomentMemory, 1);
    (*memory)->image = g_steal_pointer(&image);
    (*memory)->live = flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE;
    return 0;
}

/* --- writing it --- */

/* So that whoever finds the record knows the file from another one at that path. */
static int
qbjMomentMemoryRecord(virDomainObj *vm, const qbjHostImage *file)
{
    virQbjStatusMemory *record = qbjMomentSettleRecord(vm)->memory;
    qbjHostImageId id = qbjHostImageGetId(file);

    record->device = id.device;
    record->inode = id.inode;
    return qbjDomainSaveStatus(vm);
}

/* What cannot be kept is known before the guest is stopped. */
static int
qbjMomentMemoryTryKeep(virDomainObj *vm, const char *path, const char *part, const char *kept)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostImageTryKeep(path, part, kept);
    virObjectLock(vm);
    return rc;
}

static int
qbjMomentMemoryCreate(virDomainObj *vm, qbjMomentMemory *memory)
{
    const virQbjStatusMemory *record = qbjMomentSettleRecord(vm)->memory;
    g_autofree char *path = g_strdup(record->path);
    g_autofree char *part = g_strdup(record->part);
    g_autofree char *kept = g_strdup(record->kept);

    if (!(memory->file = qbjVmSaveImageCreate(vm, path, part, memory->image, false)) ||
        qbjMomentMemoryTryKeep(vm, path, part, kept) < 0 || qbjDomainOperationCheck(vm) < 0)
        return -1;
    return qbjMomentMemoryRecord(vm, memory->file);
}

static int
qbjMomentMemoryStream(virDomainObj *vm, qbjMomentMemory *memory)
{
    if (!memory->live && qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_SNAPSHOT) < 0)
        return -1;
    if (qbjVmSaveStreamBegin(vm, memory->file) < 0 || qbjVmSaveStreamWait(vm) < 0)
        return -1;
    return qbjVmSaveStreamStopped(vm, VIR_DOMAIN_PAUSED_SNAPSHOT);
}

static int
qbjMomentMemoryFinish(virDomainObj *vm, qbjMomentMemory *memory)
{
    g_autofree char *kept = g_strdup(qbjMomentSettleRecord(vm)->memory->kept);
    bool named = false;
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostImageFinish(memory->file, kept, &named);
    virObjectLock(vm);
    if (rc == 0 && virQbjFaultHit("moment-memory")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("the memory is written"));
        return -1;
    }
    return rc;
}

int
qbjMomentMemoryWrite(virDomainObj *vm, qbjMomentMemory *memory)
{
    if (!memory)
        return 0;
    if (qbjDomainOperationCheck(vm) < 0 || qbjMomentMemoryCreate(vm, memory) < 0 ||
        qbjMomentMemoryStream(vm, memory) < 0 || qbjDomainOperationCheck(vm) < 0 ||
        qbjMomentMemoryFinish(vm, memory) < 0)
        return -1;
    return qbjDomainOperationCheck(vm);
}

void
qbjMomentMemoryFree(virDomainObj *vm, qbjMomentMemory *memory)
{
    virErrorPtr reason;

    if (!memory)
        return;
    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);                /* programs may not end before storage that hangs does */
    qbjHostImageFree(memory->file);
    virObjectLock(vm);
    virErrorRestore(&reason);
    virQbjSaveImageFree(memory->image);
    g_free(memory);
}

/* --- what becomes of it --- */

void
qbjMomentMemoryTakeBack(virDomainObj *vm, const virQbjStatusMemory *record)
{
    g_autofree char *path = g_strdup(record->path);
    g_autofree char *part = g_strdup(record->part);
    g_autofree char *kept = g_strdup(record->kept);
    qbjHostImageId id = { .device = record->device, .inode = record->inode };

    virObjectUnlock(vm);
    qbjHostImageTakeBack(path, part, kept, id);
    virObjectLock(vm);
}

void
qbjMomentMemoryKeep(virDomainObj *vm, const virQbjStatusMemory *record)
{
    g_autofree char *kept = g_strdup(record->kept);

    virObjectUnlock(vm);
    if (unlink(kept) < 0 && errno != ENOENT)
        VIR_WARN("Failed to remove '%s': %s", kept, g_strerror(errno));
    virObjectLock(vm);
}
