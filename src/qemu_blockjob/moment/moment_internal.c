#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_undo.h"
#include "engine_refuse.h"
#include "host_img.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"
#include "vm_inside.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_internal");

/* Digits of ids; libvirt's own names, seconds since 1970, have more. */
#define QBJ_MOMENT_INTERNAL_ID_MAX 8

/* --- which images --- */

GPtrArray *
qbjMomentInternalImages(const qbjMomentUndo *view, virDomainSnapshotDef *def)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(GPtrArray) images = g_ptr_array_new();
    size_t i;

    if (qbjUndoCheckMark(def, &refusal) < 0) {
        qbjEngineRefuse(&refusal);
        return NULL;
    }
    for (i = 0; i < def->ndisks; i++) {
        virStorageSource *image;

        if (def->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            continue;
        if (!(image = qbjUndoInternalImage(&view->undo, def, def->disks[i].name, &refusal))) {
            qbjEngineRefuse(&refusal);
            return NULL;
        }
        g_ptr_array_add(images, image);
    }
    return g_steal_pointer(&images);
}

/* Without locks. Returns 1 or 0, -1 with an error reported. */
static int
qbjMomentInternalHas(virStorageSource *image, const char *name)
{
    g_auto(qbjHostImgInfo) info = { 0 };

    if (qbjHostImgReadInside(image, &info) < 0)
        return -1;
    return info.snapshots && g_strv_contains((const char *const *) info.snapshots, name);
}

/* --- create --- */

/* From the first @n images. Without locks; the error that led here stays. */
static void
qbjMomentInternalTakeBack(const GPtrArray *images, size_t n, const char *name)
{
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    while (n-- > 0) {
        if (qbjHostImgSnapshot(g_ptr_array_index(images, n), "-d", name) < 0)
            VIR_WARN("the internal snapshot '%s' stays: %s", name, virGetLastErrorMessage());
    }
    virErrorRestore(&reason);
}

/* What is asked for by a name goes by the ids first. A number that is, or may become, another one's id would
 * be a name that nobody can revert to; as the snapshot's own id it does no harm. */
static int
qbjMomentInternalCheckNumber(const char *path, const qbjHostImgInfo *info, const char *name)
{
    g_autofree char *own = NULL;

    if (strlen(name) > QBJ_MOMENT_INTERNAL_ID_MAX || strspn(name, "0123456789") < strlen(name))
        return 0;
    own = qbjHostImgNextId(info);
    if (STREQ(own, name))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("the number '%s' as the name of an internal snapshot, which is number %s in image '%s': it may be "
                     "the id of another one"), name, own, path);
    return -1;
}

static int
qbjMomentInternalCheckImage(virStorageSource *image, const char *name)
{
    g_auto(qbjHostImgInfo) info = { 0 };

    if (qbjHostImgReadInside(image, &info) < 0)
        return -1;
    if (!info.snapshots || !g_strv_contains((const char *const *) info.snapshots, name))
        return qbjMomentInternalCheckNumber(image->path, &info, name);
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("image '%s' has an internal snapshot '%s' already"), image->path,
                   name);
    return -1;
}

int
qbjMomentInternalCheckFree(const GPtrArray *images, const char *name)
{
    size_t i;

    for (i = 0; i < images->len; i++) {
        if (qbjMomentInternalCheckImage(g_ptr_array_index(images, i), name) < 0)
            return -1;
    }
    return 0;
}

/* Without locks. */
static int
qbjMomentInternalCreateAll(const GPtrArray *images, const char *name)
{
    size_t i;

    if (qbjMomentInternalCheckFree(images, name) < 0)
        return -1;
    for (i = 0; i < images->len; i++) {
        if (qbjHostImgSnapshot(g_ptr_array_index(images, i), "-c", name) < 0)
            break;
    }
    if (i == images->len)
        return 0;
    qbjMomentInternalTakeBack(images, i, name);
    return -1;
}

static int
qbjMomentInternalCheckCreate(const virDomainSnapshotDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("snapshot '%s' is internal for other disks and external for disk '%s'"), def->parent.name,
                           def->disks[i].name);
            return -1;
        }
    }
    return 0;
}

/* A file that may not last is there all the same; its folder goes, too, when nothing else is in it. The error
 * that led here stays. */
static void
qbjMomentInternalUnlink(virDomainObj *vm, const virDomainSnapshotDef *def)
{
    g_autofree char *path = qbjMomentListPath(vm, def->parent.name);
    g_autofree char *folder = g_path_get_dirname(path);
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s': %s", path, g_strerror(errno));
    qbjMomentListRemoveFolder(folder);
    virObjectLock(vm);
    virErrorRestore(&reason);
}

int
qbjMomentInternalAdd(virDomainObj *vm, virDomainSnapshotDef **def, qbjMomentFiles *files)
{
    if (qbjMomentFilesWrite(vm, files) < 0)
        return -1;
    if (qbjMomentFilesCommitMetadata(vm, files) == 0 &&
        qbjMomentListAddCurrent(vm, def, qbjMomentFilesFormer(files)) == 0)
        return 0;
    qbjMomentInternalUnlink(vm, *def);
    return -1;
}

/* The data are in the images. */
static int
qbjMomentInternalAddNow(virDomainObj *vm, virDomainSnapshotDef **def)
{
    qbjMomentFiles *files = qbjMomentFilesBeginMetadata(vm, *def);
    int rc = files ? qbjMomentInternalAdd(vm, def, files) : -1;

    qbjMomentFilesFree(vm, files);
    return rc;
}

int
qbjMomentInternalCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    g_autoptr(qbjMomentUndo) view = NULL;
    g_autoptr(GPtrArray) images = NULL;
    int rc;

    if (qbjMomentInternalCheckCreate(*def) < 0 || !(view = qbjMomentUndoNew(vm, true)) ||
        !(images = qbjMomentInternalImages(view, *def)))
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentInternalCreateAll(images, (*def)->parent.name);
    virObjectLock(vm);
    if (rc < 0 || (flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA) || qbjMomentInternalAddNow(vm, def) == 0)
        return rc;
    virObjectUnlock(vm);
    qbjMomentInternalTakeBack(images, images->len, (*def)->parent.name);
    virObjectLock(vm);
    return -1;
}

/* --- delete --- */

int
qbjMomentInternalRemove(const GPtrArray *images, const char *name)
{
    size_t i;

    for (i = 0; i < images->len; i++) {
        int has = qbjMomentInternalHas(g_ptr_array_index(images, i), name);

        if (has < 0 || (has == 1 && qbjHostImgSnapshot(g_ptr_array_index(images, i), "-d", name) < 0))
            return -1;
    }
    return 0;
}

char **
qbjMomentInternalNodes(const GPtrArray *images)
{
    g_auto(GStrv) nodes = g_new0(char *, images->len + 1);
    size_t i;

    for (i = 0; i < images->len; i++) {
        const virStorageSource *image = g_ptr_array_index(images, i);

        if (!image->nodeformat) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the node of image '%s' in QEMU is not known"),
                           NULLSTR(image->path));
            return NULL;
        }
        nodes[i] = g_strdup(image->nodeformat);
    }
    return g_steal_pointer(&nodes);
}

static int
qbjMomentInternalDeleteLive(virDomainObj *vm, const GPtrArray *images, const char *name)
{
    g_auto(GStrv) nodes = qbjMomentInternalNodes(images);

    return nodes ? qbjVmInsideRun(vm, QBJ_VM_INSIDE_DELETE, name, (const char *const *) nodes, NULL) : -1;
}

static int
qbjMomentInternalDeleteAll(virDomainObj *vm, const GPtrArray *images, const char *name)
{
    int rc;

    if (virDomainObjIsActive(vm))
        return qbjMomentInternalDeleteLive(vm, images, name);
    virObjectUnlock(vm);
    rc = qbjMomentInternalRemove(images, name);
    virObjectLock(vm);
    return rc;
}

static bool
qbjMomentInternalIsWhole(virDomainObj *vm, const GPtrArray *images, const char *name)
{
    bool whole = true;
    size_t i;

    virObjectUnlock(vm);
    for (i = 0; whole && i < images->len; i++)
        whole = qbjMomentInternalHas(g_ptr_array_index(images, i), name) == 1;
    virObjectLock(vm);
    return whole;
}

/* A deletion has failed: whether an image may have lost it, or will, for QEMU's job may go on. The error that
 * led here stays. */
static bool
qbjMomentInternalIsBegun(virDomainObj *vm, const GPtrArray *images, const char *name)
{
    virErrorPtr reason;
    bool begun;

    virErrorPreserveLast(&reason);
    begun = (virDomainObjIsActive(vm) && !qbjVmInsideHasEnded(vm, QBJ_VM_INSIDE_DELETE)) ||
        !qbjMomentInternalIsWhole(vm, images, name);
    virErrorRestore(&reason);
    return begun;
}

int
qbjMomentInternalDelete(virDomainObj *vm, const char *name, const qbjUndoDelete *plan, bool *begun)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new();
    size_t i;

    for (i = 0; i < plan->disks->len; i++)
        g_ptr_array_add(images, ((const qbjUndoDisk *) g_ptr_array_index(plan->disks, i))->base);
    if (qbjMomentInternalDeleteAll(vm, images, name) == 0)
        return 0;
    *begun = qbjMomentInternalIsBegun(vm, images, name);
    return -1;
}

void
qbjMomentInternalDeleted(virDomainObj *vm)
{
    if (qbjVmInsideAwait(vm, QBJ_VM_INSIDE_DELETE) == 0)
        return;
    VIR_WARN("Domain '%s': QEMU's job of a deletion that was begun may stay: %s", vm->def->name,
             virGetLastErrorMessage());
    virResetLastError();
}
