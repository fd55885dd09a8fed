/* Deletion: which snapshots go, and what is there when one of them has gone. */
#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

#define QBJ_UNDO_CHILDREN (VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)

/* Each one after all that descend from it. */
static void
qbjUndoAddSubtree(const qbjUndo *undo, const char *name, size_t depth, GPtrArray *names)
{
    size_t i;

    for (i = 0; depth <= undo->moments->len && i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (STREQ_NULLABLE(moment->parent.parent_name, name)) {
            qbjUndoAddSubtree(undo, moment->parent.name, depth + 1, names);
            g_ptr_array_add(names, g_strdup(moment->parent.name));
        }
    }
}

GPtrArray *
qbjUndoNames(const qbjUndo *undo, const char *name, unsigned int flags)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    if (flags & QBJ_UNDO_CHILDREN)
        qbjUndoAddSubtree(undo, name, 0, names);
    if (!(flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY))
        g_ptr_array_add(names, g_strdup(name));
    return names;
}

static bool
qbjUndoGoes(const qbjUndoDelete *plan, const char *name)
{
    return g_ptr_array_find_with_equal_func(plan->removed, name, g_str_equal, NULL);
}

void
qbjUndoPlanTree(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, unsigned int flags, qbjUndoDelete *plan)
{
    const char *name = snapshot->parent.name;
    bool only = flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
    size_t i;

    plan->removed = qbjUndoNames(undo, name, flags);
    plan->parent = g_strdup(snapshot->parent.parent_name);
    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (!only && STREQ_NULLABLE(moment->parent.parent_name, name) && !qbjUndoGoes(plan, moment->parent.name))
            g_ptr_array_add(plan->children, g_strdup(moment->parent.name));
    }
    plan->currentGoes = undo->current && qbjUndoGoes(plan, undo->current);
    if (plan->currentGoes)
        plan->current = g_strdup(only ? name : snapshot->parent.parent_name);
}

/* --- an image that gives its place to what is below --- */

/* The disk's own settings of it stay. */
static void
qbjUndoReplaceHead(const qbjUndo *undo, virStorageSource **top, virStorageSource *base)
{
    virStorageSource *old = *top;
    bool below = virStorageSourceIsBacking(old->backingStore) && qbjUndoIsSame(undo, old->backingStore, base);

    *top = below ? g_steal_pointer(&old->backingStore) : virStorageSourceCopy(base, true);
    (*top)->readonly = old->readonly;
    (*top)->shared = old->shared;
    virObjectUnref(old);
}

static bool
qbjUndoForgetBelow(const qbjUndo *undo, virStorageSource *top, virStorageSource *overlay)
{
    virStorageSource *above = NULL;
    virStorageSource *found = qbjUndoFind(undo, top, overlay, &above);

    if (!found || !above)
        return false;
    above->backingStore = g_steal_pointer(&found->backingStore);
    virObjectUnref(found);
    return true;
}

static bool
qbjUndoForgetIn(const qbjUndo *undo, virStorageSource **top, virStorageSource *overlay, virStorageSource *base)
{
    if (virStorageSourceIsEmpty(*top) || !qbjUndoIsSame(undo, *top, overlay))
        return qbjUndoForgetBelow(undo, *top, overlay);
    qbjUndoReplaceHead(undo, top, base);
    return true;
}

bool
qbjUndoForgetImage(virDomainDef *def, virStorageSource *overlay, virStorageSource *base, GHashTable *inodes)
{
    const qbjUndo names = { .inodes = inodes };
    const qbjUndo *undo = &names;
    bool changed = false;
    size_t i;

    for (i = 0; def && i < def->ndisks; i++)
        changed |= qbjUndoForgetIn(undo, &def->disks[i]->src, overlay, base);
    return changed;
}

/* @over got the data of @base, which was right below it. */
static bool
qbjUndoForgetUnder(const qbjUndo *undo, virStorageSource *top, virStorageSource *over, virStorageSource *base)
{
    virStorageSource *found = qbjUndoFind(undo, top, over, NULL);
    virStorageSource *gone = found ? found->backingStore : NULL;

    if (!virStorageSourceIsBacking(gone) || !qbjUndoIsSame(undo, gone, base))
        return false;
    found->backingStore = g_steal_pointer(&gone->backingStore);
    virObjectUnref(gone);
    return true;
}

static bool
qbjUndoForgetOver(const qbjUndo *undo, virStorageSource *top, const qbjUndoDisk *item)
{
    bool changed = false;
    size_t i;

    for (i = 0; i < item->over->len; i++)
        changed |= qbjUndoForgetUnder(undo, top, g_ptr_array_index(item->over, i), item->base);
    return changed;
}

bool
qbjUndoForgetDisk(virDomainDef *def, const qbjUndoDisk *item, bool merged, GHashTable *inodes)
{
    const qbjUndo names = { .inodes = inodes };
    const qbjUndo *undo = &names;
    bool changed = false;
    size_t i;

    for (i = 0; def && i < def->ndisks; i++)
        changed |= qbjUndoForgetOver(undo, def->disks[i]->src, item);
    if (merged && qbjUndoIsMerge(item))
        changed |= qbjUndoForgetImage(def, item->overlay, item->base, inodes);
    return changed;
}

/* --- several, one after the other --- */

static void
qbjUndoSetMissing(qbjUndo *undo, virStorageSource *image)
{
    if (image && virStorageSourceIsLocalStorage(image) && image->path) {
        g_hash_table_add(undo->missing, g_strdup(image->path));
        g_hash_table_remove(undo->headers, image->path);
    }
}

static void
qbjUndoApplyChain(const qbjUndo *undo, virStorageSource **top, const qbjUndoDisk *item)
{
    qbjUndoForgetOver(undo, *top, item);
    if (qbjUndoIsMerge(item))
        qbjUndoForgetIn(undo, top, item->overlay, item->base);
}

static void
qbjUndoApplyImages(qbjUndo *undo, const qbjUndoDisk *item)
{
    GHashTableIter iter;
    void *header;
    size_t i;

    for (i = 0; i < undo->chains->len; i++)
        qbjUndoApplyChain(undo, &((qbjUndoChain *) g_ptr_array_index(undo->chains, i))->top, item);
    g_hash_table_iter_init(&iter, undo->headers);
    while (g_hash_table_iter_next(&iter, NULL, &header)) {
        qbjUndoForgetOver(undo, header, item);
        if (qbjUndoIsMerge(item))
            qbjUndoForgetBelow(undo, header, item->overlay);
    }
    if (qbjUndoIsMerge(item) || item->how == QBJ_UNDO_REMOVE)
        qbjUndoSetMissing(undo, item->overlay);
    if (item->how == QBJ_UNDO_REMOVE)
        qbjUndoSetMissing(undo, item->base);
}

/* The internal snapshot @name of @image goes. */
static void
qbjUndoApplyInternal(qbjUndo *undo, virStorageSource *image, const char *name)
{
    GPtrArray *names = qbjUndoSnapshotsIn(undo, image);
    unsigned int at;

    if (names && g_ptr_array_find_with_equal_func(names, name, g_str_equal, &at))
        g_ptr_array_remove_index(names, at);
}

static void
qbjUndoApplyTree(qbjUndo *undo, virDomainSnapshotDef *snapshot, const qbjUndoDelete *plan)
{
    size_t i;

    for (i = undo->chains->len; i > 0; i--) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i - 1);

        if (STREQ_NULLABLE(chain->moment, snapshot->parent.name))
            g_ptr_array_remove_index(undo->chains, i - 1);
    }
    if (plan->currentGoes)
        undo->current = plan->current;
    g_ptr_array_remove(undo->moments, snapshot);
}

/* @snapshot, which has no children, has been deleted as planned. */
static void
qbjUndoApply(qbjUndo *undo, virDomainSnapshotDef *snapshot, const qbjUndoDelete *plan)
{
    size_t i;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *item = g_ptr_array_index(plan->disks, i);

        if (item->how == QBJ_UNDO_INTERNAL)
            qbjUndoApplyInternal(undo, item->base, snapshot->parent.name);
        else
            qbjUndoApplyImages(undo, item);
    }
    qbjUndoApplyTree(undo, snapshot, plan);
}

static virDomainSnapshotDef *
qbjUndoTake(const qbjUndo *undo, const char *name)
{
    size_t i;

    for (i = 0; i < undo->moments->len; i++) {
        virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (STREQ_NULLABLE(moment->parent.name, name))
            return moment;
    }
    return NULL;
}

/* Whose deletion is refused is said, unless it is the one that was asked for. */
static int
qbjUndoRefuseOne(const char *name, const char *asked, qbjRefusal *why, qbjRefusal *refusal)
{
    if (STREQ(name, asked))
        qbjRefusalSet(refusal, why->code, "%s", why->message);
    else
        qbjRefusalSet(refusal, why->code, _("snapshot '%s' cannot be deleted: %s"), name, why->message);
    return -1;
}

int
qbjUndoPlanDeleteAll(qbjUndo *undo, const char *name, unsigned int flags, GPtrArray **plans, qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) names = qbjUndoNames(undo, name, flags);
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func((GDestroyNotify) qbjUndoDeleteFree);
    size_t i;

    for (i = 0; i < names->len; i++) {
        g_auto(qbjRefusal) why = QBJ_REFUSAL_INIT;
        const char *one = g_ptr_array_index(names, i);
        virDomainSnapshotDef *snapshot = qbjUndoTake(undo, one);
        qbjUndoDelete *plan = NULL;

        if (!snapshot)
            continue;
        if (qbjUndoPlanDelete(undo, snapshot, 0, &plan, &why) < 0)
            return qbjUndoRefuseOne(one, name, &why, refusal);
        g_ptr_array_add(made, plan);
        qbjUndoApply(undo, snapshot, plan);
    }
    *plans = g_steal_pointer(&made);
    return 0;
}
