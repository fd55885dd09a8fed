#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "moment_undo.h"
#include "moment_list.h"
#include "moment_undo_hide.h"
#include "host_chain.h"
#include "host_img.h"
#include "undo_parts.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_undo");

static void
qbjMomentForeignFree(void *opaque)
{
    qbjMomentForeign *foreign = opaque;

    g_free(foreign->domain);
    virObjectUnref(foreign->top);
    g_free(foreign);
}

void
qbjMomentUndoFree(qbjMomentUndo *view)
{
    if (!view)
        return;
    g_ptr_array_unref(view->undo.moments);
    g_ptr_array_unref(view->undo.chains);
    g_hash_table_unref(view->undo.inodes);
    g_hash_table_unref(view->undo.missing);
    g_hash_table_unref(view->undo.inside);
    g_hash_table_unref(view->undo.foreign);
    g_hash_table_unref(view->undo.headers);
    g_free(view->current);
    g_free(view);
}

static GHashTable *
qbjMomentUndoSet(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

/* --- copies, under locks --- */

static bool
qbjMomentUndoIsReadonly(const virDomainDiskDef *disk)
{
    return disk->src->readonly || disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM ||
           disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY;
}

static void
qbjMomentUndoAddDef(qbjUndo *undo, qbjUndoOwner owner, const char *moment, const virDomainDef *def)
{
    size_t i;

    for (i = 0; def && i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];
        virStorageSource *top;
        qbjUndoChain *chain;

        if (virStorageSourceIsEmpty(disk->src) || !(top = virStorageSourceCopy(disk->src, true)))
            continue;
        chain = qbjUndoChainNew(owner, moment, disk->dst, top);
        chain->readonly = qbjMomentUndoIsReadonly(disk);
        g_ptr_array_add(undo->chains, chain);
    }
}

static int
qbjMomentUndoAddMoment(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    virDomainMomentObj *snap = payload;
    qbjUndo *undo = opaque;

    g_ptr_array_add(undo->moments, virObjectRef(virDomainSnapshotObjGetDef(snap)));
    qbjMomentUndoAddDef(undo, QBJ_UNDO_MOMENT, snap->def->name, snap->def->dom);
    qbjMomentUndoAddDef(undo, QBJ_UNDO_MOMENT_INACTIVE, snap->def->name, snap->def->inactiveDom);
    return 0;
}

static int
qbjMomentUndoCompare(gconstpointer a, gconstpointer b)
{
    const virDomainSnapshotDef *const *one = a;
    const virDomainSnapshotDef *const *other = b;

    return strcmp((*one)->parent.name, (*other)->parent.name);
}

static void
qbjMomentForeignAdd(GPtrArray *foreign, const char *domain, const virDomainDef *def)
{
    size_t i;

    for (i = 0; def && i < def->ndisks; i++) {
        virStorageSource *top;
        qbjMomentForeign *item;

        if (virStorageSourceIsEmpty(def->disks[i]->src) || !virStorageSourceIsLocalStorage(def->disks[i]->src) ||
            !(top = virStorageSourceCopy(def->disks[i]->src, true)))
            continue;
        item = g_new0(qbjMomentForeign, 1);
        item->domain = g_strdup(domain);
        item->top = top;
        g_ptr_array_add(foreign, item);
    }
}

typedef struct {
    GPtrArray *foreign;
    const char *domain;
} qbjMomentForeignMoments;

/* Its definitions may be those of a former name of the domain. */
static int
qbjMomentForeignAddMoment(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    const virDomainMomentObj *snap = payload;
    const qbjMomentForeignMoments *moments = opaque;

    qbjMomentForeignAdd(moments->foreign, moments->domain, snap->def->dom);
    qbjMomentForeignAdd(moments->foreign, moments->domain, snap->def->inactiveDom);
    return 0;
}

GPtrArray *
qbjMomentForeignCollect(qbjDriver *driver, const virDomainObj *self)
{
    GPtrArray *foreign = g_ptr_array_new_with_free_func(qbjMomentForeignFree);
    qbjMomentForeignMoments moments = { .foreign = foreign };
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms; i++) {
        VIR_LOCK_GUARD lock = virObjectLockGuard(vms[i]);

        if (vms[i] == self)
            continue;
        moments.domain = vms[i]->def->name;
        qbjMomentForeignAdd(foreign, moments.domain, vms[i]->def);
        qbjMomentForeignAdd(foreign, moments.domain, vms[i]->newDef);
        virDomainSnapshotForEach(vms[i]->snapshots, qbjMomentForeignAddMoment, &moments);
    }
    virObjectListFreeCount(vms, nvms);
    return foreign;
}

/* --- completing them, without locks --- */

static bool
qbjMomentUndoIsMissing(virStorageSource *image)
{
    return virStorageSourceIsLocalStorage(image) && image->path && access(image->path, F_OK) < 0 && errno == ENOENT;
}

/* Which file, or which device, @path leads to; NULL when it leads to none, or may not be looked at. */
static char *
qbjMomentUndoInode(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return NULL;
    if (S_ISBLK(st.st_mode))
        return g_strdup_printf("device %llu", (unsigned long long) st.st_rdev);
    return g_strdup_printf("%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
}

/* Gives the inode of @image, which is noted then, or NULL; borrowed. */
static const char *
qbjMomentUndoNote(qbjUndo *undo, virStorageSource *image)
{
    char *inode;

    if (!image || !virStorageSourceIsLocalStorage(image) || !image->path)
        return NULL;
    if (!g_hash_table_contains(undo->inodes, image->path) && (inode = qbjMomentUndoInode(image->path)))
        g_hash_table_insert(undo->inodes, g_strdup(image->path), inode);
    if (qbjMomentUndoIsMissing(image))
        g_hash_table_add(undo->missing, g_strdup(image->path));
    return g_hash_table_lookup(undo->inodes, image->path);
}

static void
qbjMomentUndoNoteAll(qbjUndo *undo, virStorageSource *top)
{
    virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore)
        qbjMomentUndoNote(undo, src);
}

/* A snapshot whose images are not all there any more says what it states; the domain's own chain must be
 * known. */
static int
qbjMomentUndoProbe(qbjUndo *undo, qbjUndoChain *chain, const virQbjConf *conf)
{
    int rc = 0;

    if (virStorageSourceIsLocalStorage(chain->top))
        rc = qbjHostChainProbe(chain->top, chain->disk, conf->user, conf->group);
    qbjMomentUndoNoteAll(undo, chain->top);
    if (rc >= 0)
        return 0;
    if (!chain->moment && chain->owner == QBJ_UNDO_LIVE)
        return -1;
    VIR_INFO("a chain of disk '%s' cannot be read: %s", chain->disk, virGetLastErrorMessage());
    virResetLastError();
    return 0;
}

static void
qbjMomentForeignProbe(qbjUndo *undo, qbjMomentForeign *foreign, const virQbjConf *conf)
{
    virStorageSource *src;

    if (!qbjMomentUndoIsMissing(foreign->top) &&
        qbjHostChainProbe(foreign->top, "", conf->user, conf->group) < 0) {
        VIR_WARN("which images domain '%s' uses is not wholly known: %s", foreign->domain, virGetLastErrorMessage());
        virResetLastError();
    }
    for (src = foreign->top; virStorageSourceIsBacking(src); src = src->backingStore) {
        const char *inode = qbjMomentUndoNote(undo, src);

        if (src->path)
            g_hash_table_replace(undo->foreign, g_strdup(src->path), g_strdup(foreign->domain));
        if (inode)
            g_hash_table_replace(undo->foreign, g_strdup(inode), g_strdup(foreign->domain));
    }
}

static int
qbjMomentUndoComplete(qbjUndo *undo, GPtrArray *foreign, const virQbjConf *conf)
{
    size_t i;
    size_t j;

    for (i = 0; i < undo->chains->len; i++) {
        if (qbjMomentUndoProbe(undo, g_ptr_array_index(undo->chains, i), conf) < 0)
            return -1;
    }
    for (i = 0; i < foreign->len; i++)
        qbjMomentForeignProbe(undo, g_ptr_array_index(foreign, i), conf);
    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        for (j = 0; j < moment->ndisks; j++)
            qbjMomentUndoNote(undo, moment->disks[j].src);
    }
    return 0;
}

qbjMomentUndo *
qbjMomentUndoNew(virDomainObj *vm, bool files)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    g_autoptr(qbjMomentUndo) view = g_new0(qbjMomentUndo, 1);
    g_autoptr(GPtrArray) foreign = NULL;
    qbjUndo *undo = &view->undo;
    int rc;

    undo->moments = g_ptr_array_new_with_free_func(virObjectUnref);
    undo->chains = g_ptr_array_new_with_free_func((GDestroyNotify) qbjUndoChainFree);
    undo->inodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    undo->missing = qbjMomentUndoSet();
    undo->inside = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    undo->foreign = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    undo->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, virObjectUnref);
    view->conf = driver->conf;
    undo->running = virDomainObjIsActive(vm);
    undo->persistent = vm->persistent;
    view->current = g_strdup(virDomainSnapshotGetCurrentName(vm->snapshots));
    undo->current = view->current;
    qbjMomentUndoAddDef(undo, QBJ_UNDO_LIVE, NULL, vm->def);
    qbjMomentUndoAddDef(undo, QBJ_UNDO_PERSISTENT, NULL, vm->newDef);
    virDomainSnapshotForEach(vm->snapshots, qbjMomentUndoAddMoment, undo);
    g_ptr_array_sort(undo->moments, qbjMomentUndoCompare);
    if (!files)
        return g_steal_pointer(&view);

    virObjectUnlock(vm);
    foreign = qbjMomentForeignCollect(driver, vm);
    rc = qbjMomentUndoComplete(undo, foreign, driver->conf);
    qbjMomentUndoHide(undo, driver);
    virObjectLock(vm);
    return rc == 0 ? g_steal_pointer(&view) : NULL;
}

/* --- internal snapshots within, and headers --- */

/* Nothing that a definition states is believed here. */
static void
qbjMomentUndoReadHeaders(qbjMomentUndo *view, virStorageSource *image)
{
    g_autoptr(virStorageSource) chain = NULL;

    if (!image || image->format != VIR_STORAGE_FILE_QCOW2 || !virStorageSourceIsLocalStorage(image) || !image->path ||
        qbjMomentUndoIsMissing(image) || !(chain = virStorageSourceCopy(image, false)))
        return;
    if (qbjHostChainProbe(chain, "", view->conf->user, view->conf->group) < 0) {
        VIR_INFO("what is below '%s' cannot be read: %s", image->path, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    qbjMomentUndoNoteAll(&view->undo, chain);
    g_hash_table_replace(view->undo.headers, g_strdup(image->path), g_steal_pointer(&chain));
}

static GPtrArray *
qbjMomentUndoNames(char *const *names)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; names[i]; i++)
        g_ptr_array_add(copy, g_strdup(names[i]));
    return copy;
}

/* @names: taken over. */
static void
qbjMomentUndoHolds(qbjUndo *undo, virStorageSource *image, GPtrArray *names)
{
    const char *inode = qbjMomentUndoNote(undo, image);

    if (inode)
        g_hash_table_replace(undo->inside, g_strdup(inode), g_ptr_array_ref(names));
    g_hash_table_replace(undo->inside, g_strdup(image->path), names);
}

static int
qbjMomentUndoLookInto(qbjUndo *undo, virStorageSource *image)
{
    g_auto(qbjHostImgInfo) info = { 0 };

    if (!image || image->format != VIR_STORAGE_FILE_QCOW2 || !virStorageSourceIsLocalStorage(image) || !image->path ||
        image->encryption || qbjMomentUndoIsMissing(image))
        return 0;
    if (qbjHostImgRead(image, &info) < 0)
        return -1;
    if (info.snapshots)
        qbjMomentUndoHolds(undo, image, qbjMomentUndoNames(info.snapshots));
    return 0;
}

/* Those that stand on @image and may have to be put onto another one, or have been. */
static int
qbjMomentUndoLookOver(qbjMomentUndo *view, virStorageSource *image)
{
    qbjUndo *undo = &view->undo;
    g_autoptr(GHashTable) looked = g_hash_table_new(g_str_hash, g_str_equal);
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        virStorageSource *over = NULL;

        if (!chain->moment || !qbjUndoFind(undo, chain->top, image, &over) || !over || !over->path ||
            !g_hash_table_add(looked, over->path))
            continue;
        if (qbjMomentUndoLookInto(undo, over) < 0)
            return -1;
        qbjMomentUndoReadHeaders(view, over);
    }
    return 0;
}

int
qbjMomentUndoLook(qbjMomentUndo *view, virDomainSnapshotDef *snapshot, bool live)
{
    qbjUndo *undo = &view->undo;
    size_t i;

    for (i = 0; i < snapshot->ndisks; i++) {
        if (snapshot->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
            continue;
        if (qbjMomentUndoLookInto(undo, snapshot->disks[i].src) < 0)
            return -1;
        qbjMomentUndoReadHeaders(view, snapshot->disks[i].src);
    }
    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        bool own = chain->owner == QBJ_UNDO_MOMENT && STREQ_NULLABLE(chain->moment, snapshot->parent.name);

        if ((own || (live && chain->owner == QBJ_UNDO_LIVE && !chain->readonly)) &&
            qbjMomentUndoLookInto(undo, chain->top) < 0)
            return -1;
        if (!own)
            continue;
        if (qbjMomentUndoLookOver(view, chain->top) < 0)
            return -1;
        qbjMomentUndoReadHeaders(view, chain->top);
    }
    return 0;
}

const char *
qbjMomentUndoForeign(const qbjMomentUndo *view, const char *path)
{
    g_autofree char *inode = qbjMomentUndoInode(path);
    const char *domain = g_hash_table_lookup(view->undo.foreign, path);

    return domain || !inode ? domain : g_hash_table_lookup(view->undo.foreign, inode);
}

bool
qbjMomentUndoHas(qbjMomentUndo *view, const char *path, const char *except)
{
    g_autoptr(virStorageSource) image = virStorageSourceNew();
    size_t i;

    image->type = VIR_STORAGE_TYPE_FILE;
    image->path = g_strdup(path);
    qbjMomentUndoNote(&view->undo, image);
    for (i = 0; i < view->undo.chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(view->undo.chains, i);

        if ((!except || STRNEQ_NULLABLE(chain->moment, except)) &&
            qbjUndoFind(&view->undo, chain->top, image, NULL))
            return true;
    }
    return false;
}
