#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

VIR_ENUM_IMPL(qbjUndoHow, QBJ_UNDO_LAST,
              "active", "intermediate", "offline", "remove", "merged", "keep", "internal");

qbjUndoChain *
qbjUndoChainNew(qbjUndoOwner owner, const char *moment, const char *disk, virStorageSource *top)
{
    qbjUndoChain *chain = g_new0(qbjUndoChain, 1);

    chain->owner = owner;
    chain->moment = moment;
    chain->disk = g_strdup(disk);
    chain->top = top;
    return chain;
}

void
qbjUndoChainFree(qbjUndoChain *chain)
{
    if (!chain)
        return;
    g_free(chain->disk);
    virObjectUnref(chain->top);
    g_free(chain);
}

void
qbjUndoDeleteFree(qbjUndoDelete *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->disks);
    g_clear_pointer(&plan->removed, g_ptr_array_unref);
    g_clear_pointer(&plan->inodes, g_hash_table_unref);
    g_ptr_array_unref(plan->unlink);
    g_ptr_array_unref(plan->changed);
    g_ptr_array_unref(plan->children);
    g_free(plan->parent);
    g_free(plan->current);
    g_free(plan);
}

void
qbjUndoRevertFree(qbjUndoRevert *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->laid);
    g_ptr_array_unref(plan->unlink);
    g_free(plan);
}

bool
qbjUndoIsMerge(const qbjUndoDisk *item)
{
    return item->how == QBJ_UNDO_ACTIVE || item->how == QBJ_UNDO_INTERMEDIATE || item->how == QBJ_UNDO_OFFLINE ||
           item->how == QBJ_UNDO_MERGED;
}

static const char *
qbjUndoInode(const qbjUndo *undo, virStorageSource *image)
{
    if (!virStorageSourceIsLocalStorage(image) || !image->path)
        return NULL;
    return g_hash_table_lookup(undo->inodes, image->path);
}

bool
qbjUndoIsSame(const qbjUndo *undo, virStorageSource *a, virStorageSource *b)
{
    const char *inode;

    if (virStorageSourceIsSameLocation(a, b))
        return true;
    return a && b && (inode = qbjUndoInode(undo, a)) && STREQ_NULLABLE(inode, qbjUndoInode(undo, b));
}

virStorageSource *
qbjUndoFind(const qbjUndo *undo, virStorageSource *top, virStorageSource *image, virStorageSource **above)
{
    virStorageSource *over = NULL;
    virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjUndoIsSame(undo, src, image)) {
            if (above)
                *above = over;
            return src;
        }
        over = src;
    }
    return NULL;
}

const qbjUndoChain *
qbjUndoChainOf(const qbjUndo *undo, qbjUndoOwner owner, const char *moment, const char *disk)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->owner == owner && STREQ_NULLABLE(chain->moment, moment) && STREQ(chain->disk, disk))
            return chain;
    }
    return NULL;
}

const qbjUndoChain *
qbjUndoLiveOf(const qbjUndo *undo, virStorageSource *image)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->owner == QBJ_UNDO_LIVE && qbjUndoFind(undo, chain->top, image, NULL))
            return chain;
    }
    return NULL;
}

bool
qbjUndoIsInDomain(const qbjUndo *undo, virStorageSource *image)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (!chain->moment && qbjUndoFind(undo, chain->top, image, NULL))
            return true;
    }
    return false;
}

bool
qbjUndoIsUsed(const qbjUndo *undo, virStorageSource *image, const char *moment)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (STRNEQ_NULLABLE(chain->moment, moment) && qbjUndoFind(undo, chain->top, image, NULL))
            return true;
    }
    return false;
}

/* What @table has for @image, by its path or its inode. */
static void *
qbjUndoLookup(const qbjUndo *undo, GHashTable *table, virStorageSource *image)
{
    const char *inode = qbjUndoInode(undo, image);
    void *value = NULL;

    if (virStorageSourceIsLocalStorage(image) && image->path)
        value = g_hash_table_lookup(table, image->path);
    return value || !inode ? value : g_hash_table_lookup(table, inode);
}

const char *
qbjUndoForeign(const qbjUndo *undo, virStorageSource *image)
{
    return qbjUndoLookup(undo, undo->foreign, image);
}

GPtrArray *
qbjUndoSnapshotsIn(const qbjUndo *undo, virStorageSource *image)
{
    GPtrArray *names = qbjUndoLookup(undo, undo->inside, image);

    return names && names->len > 0 ? names : NULL;
}

bool
qbjUndoIsMissing(const qbjUndo *undo, virStorageSource *image)
{
    return virStorageSourceIsLocalStorage(image) && image->path && g_hash_table_contains(undo->missing, image->path);
}

virStorageSource *
qbjUndoBelow(const qbjUndo *undo, virStorageSource *image)
{
    virStorageSource *chain = NULL;

    if (undo->headers && virStorageSourceIsLocalStorage(image) && image->path)
        chain = g_hash_table_lookup(undo->headers, image->path);
    return chain && virStorageSourceIsBacking(chain->backingStore) ? chain->backingStore : NULL;
}

const virDomainSnapshotDiskDef *
qbjUndoMomentDisk(const virDomainSnapshotDef *snapshot, const char *disk)
{
    size_t i;

    for (i = 0; i < snapshot->ndisks; i++) {
        if (STREQ_NULLABLE(snapshot->disks[i].name, disk))
            return &snapshot->disks[i];
    }
    return NULL;
}

const virDomainSnapshotDef *
qbjUndoMoment(const qbjUndo *undo, const char *name)
{
    size_t i;

    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (STREQ_NULLABLE(moment->parent.name, name))
            return moment;
    }
    return NULL;
}

bool
qbjUndoIsTop(const qbjUndo *undo, virStorageSource *image, const char *moment)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (STRNEQ_NULLABLE(chain->moment, moment) && qbjUndoIsSame(undo, chain->top, image))
            return true;
    }
    return false;
}

bool
qbjUndoDescends(const qbjUndo *undo, const char *name, const char *ancestor)
{
    size_t depth;

    for (depth = 0; name && depth <= undo->moments->len; depth++) {
        const virDomainSnapshotDef *moment = qbjUndoMoment(undo, name);

        name = moment ? moment->parent.parent_name : NULL;
        if (STREQ_NULLABLE(name, ancestor))
            return true;
    }
    return false;
}
