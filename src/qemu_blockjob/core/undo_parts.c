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

bool
qbjUndoIsSame(virStorageSource *a, virStorageSource *b)
{
    return virStorageSourceIsSameLocation(a, b);
}

virStorageSource *
qbjUndoFind(virStorageSource *top, virStorageSource *image, virStorageSource **above)
{
    virStorageSource *over = NULL;
    virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjUndoIsSame(src, image)) {
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

        if (chain->owner == QBJ_UNDO_LIVE && qbjUndoFind(chain->top, image, NULL))
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

        if (!chain->moment && qbjUndoFind(chain->top, image, NULL))
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

        if (STRNEQ_NULLABLE(chain->moment, moment) && qbjUndoFind(chain->top, image, NULL))
            return true;
    }
    return false;
}

bool
qbjUndoInSet(GHashTable *set, virStorageSource *image)
{
    return virStorageSourceIsLocalStorage(image) && image->path && g_hash_table_contains(set, image->path);
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

        if (chain->moment && STRNEQ_NULLABLE(chain->moment, moment) && qbjUndoIsSame(chain->top, image))
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
