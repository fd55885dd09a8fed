/* Deletion: which image is merged into which, and whether anything else refers to either. */
#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

static void
qbjUndoDiskFree(void *opaque)
{
    qbjUndoDisk *item = opaque;

    g_free(item->disk);
    virObjectUnref(item->base);
    virObjectUnref(item->overlay);
    virObjectUnref(item->above);
    virObjectUnref(item->below);
    g_clear_pointer(&item->over, g_ptr_array_unref);
    g_clear_pointer(&item->beside, g_ptr_array_unref);
    g_free(item);
}

static GPtrArray *
qbjUndoKeep(const GPtrArray *images)
{
    GPtrArray *kept = g_ptr_array_new_with_free_func(virObjectUnref);
    size_t i;

    for (i = 0; images && i < images->len; i++)
        g_ptr_array_add(kept, virObjectRef(g_ptr_array_index(images, i)));
    return kept;
}

/* @item's images become the plan's own. */
static void
qbjUndoAddDisk(qbjUndoDelete *plan, const qbjUndoDisk *item)
{
    qbjUndoDisk *owned = g_new0(qbjUndoDisk, 1);

    owned->disk = g_strdup(item->disk);
    owned->how = item->how;
    owned->begun = item->begun;
    owned->base = virObjectRef(item->base);
    owned->overlay = virObjectRef(item->overlay);
    owned->above = virObjectRef(item->above);
    owned->below = virObjectRef(item->below);
    owned->over = qbjUndoKeep(item->over);
    owned->beside = qbjUndoKeep(item->beside);
    g_ptr_array_add(plan->disks, owned);
}

static qbjUndoDelete *
qbjUndoDeleteNew(void)
{
    qbjUndoDelete *plan = g_new0(qbjUndoDelete, 1);

    plan->disks = g_ptr_array_new_with_free_func(qbjUndoDiskFree);
    plan->unlink = g_ptr_array_new_with_free_func(g_free);
    plan->changed = g_ptr_array_new_with_free_func(g_free);
    plan->children = g_ptr_array_new_with_free_func(g_free);
    return plan;
}

/* S8.10: the disk is not as the snapshot has left it. */
static int
qbjUndoRefuseChanged(bool below, qbjRefusal *refusal)
{
    if (below)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_FAILED, "%s",
                      _("snapshot VM disk source and parent disk source are not the same"));
    else
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_FAILED, "%s",
                      _("VM disk source and snapshot disk source are not the same"));
    return -1;
}

static void
qbjUndoAddUnlink(qbjUndoDelete *plan, virStorageSource *image)
{
    if (virStorageSourceGetActualType(image) == VIR_STORAGE_TYPE_FILE && image->path)
        g_ptr_array_add(plan->unlink, g_strdup(image->path));
}

/* Whether the header of @overlay says that @base is below it: whatever metadata call an overlay, no other
 * file is removed as one. */
static bool
qbjUndoIsOverlayOf(const qbjUndo *undo, virStorageSource *overlay, virStorageSource *base)
{
    virStorageSource *below = qbjUndoBelow(undo, overlay);

    return below && qbjUndoIsSame(undo, below, base);
}

/* The image of the moment is in the chain that the domain has. @chain's member there: what QEMU knows. */
static int
qbjUndoPlanMerge(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const virDomainSnapshotDiskDef *disk,
                 const qbjUndoChain *live, qbjUndoDisk *merge, qbjRefusal *refusal)
{
    merge->base = qbjUndoFind(undo, live->top, merge->base, &merge->overlay);
    if (!merge->overlay || !qbjUndoIsSame(undo, merge->overlay, disk->src)) {
        if (!disk->snapshotDeleteInProgress || qbjUndoIsInDomain(undo, disk->src) ||
            (!qbjUndoIsMissing(undo, disk->src) && !qbjUndoIsOverlayOf(undo, disk->src, merge->base)))
            return qbjUndoRefuseChanged(merge->overlay, refusal);
        merge->how = QBJ_UNDO_MERGED;
        merge->above = merge->overlay;
        merge->overlay = disk->src;
        if (qbjUndoPlanBeside(undo, merge, refusal) < 0)
            return -1;
        qbjUndoPlanMoved(undo, merge);
        return qbjUndoCheckForeign(undo, merge->overlay, refusal);
    }
    qbjUndoFind(undo, live->top, merge->overlay, &merge->above);
    merge->how = !undo->running ? QBJ_UNDO_OFFLINE : merge->above ? QBJ_UNDO_INTERMEDIATE : QBJ_UNDO_ACTIVE;
    return qbjUndoCheckMerge(undo, snapshot, merge, refusal);
}

/* Whether the domain is where a revert to @ancestor has put it: on the overlay that it has recorded, over an
 * image that @base stands on as well. */
static bool
qbjUndoIsRevertedTo(const qbjUndo *undo, const virDomainSnapshotDef *ancestor, const char *name, virStorageSource *base)
{
    const virDomainSnapshotDiskDef *disk = qbjUndoMomentDisk(ancestor, name);
    const qbjUndoChain *then = qbjUndoChainOf(undo, QBJ_UNDO_MOMENT, ancestor->parent.name, name);
    const qbjUndoChain *live = then ? qbjUndoLiveOf(undo, then->top) : NULL;
    virStorageSource *above = NULL;

    if (!live || !disk || disk->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL || !disk->src ||
        !qbjUndoFind(undo, qbjUndoBelow(undo, base), then->top, NULL))
        return false;
    qbjUndoFind(undo, live->top, then->top, &above);
    return above && qbjUndoIsSame(undo, above, disk->src);
}

/* Whether a revert has taken the domain away from @base, which a snapshot or a revert has made then. An image
 * that has come out of the chain in any other way is not ours to remove. */
static bool
qbjUndoIsLeft(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const virDomainSnapshotDiskDef *disk,
              virStorageSource *base)
{
    const virDomainSnapshotDef *ancestor = snapshot;
    size_t depth;

    if (qbjUndoIsInDomain(undo, disk->src))
        return false;
    for (depth = 0; depth <= undo->moments->len; depth++) {
        if (!ancestor->parent.parent_name || !(ancestor = qbjUndoMoment(undo, ancestor->parent.parent_name)))
            return false;
        if (qbjUndoIsRevertedTo(undo, ancestor, disk->name, base))
            return true;
    }
    return false;
}

/* The image of the moment goes, and with it an overlay that has no use any more. */
static int
qbjUndoPlanRemove(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const virDomainSnapshotDiskDef *disk,
                  qbjUndoDisk *item, qbjRefusal *refusal)
{
    if (qbjUndoIsOverlayOf(undo, disk->src, item->base) && !qbjUndoIsUsed(undo, disk->src, snapshot->parent.name))
        item->overlay = disk->src;
    if (qbjUndoSnapshotsIn(undo, item->base))
        return qbjUndoRefuseOther(item->base, _("it holds internal snapshots"), refusal);
    if (item->overlay && qbjUndoSnapshotsIn(undo, item->overlay))
        return qbjUndoRefuseOther(item->overlay, _("it holds internal snapshots"), refusal);
    if (qbjUndoCheckForeign(undo, item->base, refusal) < 0 ||
        (item->overlay && qbjUndoCheckForeign(undo, item->overlay, refusal) < 0))
        return -1;
    return qbjUndoPlanOver(undo, snapshot, qbjUndoBelow(undo, item->base), item, refusal);
}

/* The image of the moment is in no chain that the domain has (S10.4). What stands on it there gets its
 * data. */
static int
qbjUndoPlanOutside(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const virDomainSnapshotDiskDef *disk,
                   qbjUndoDisk *item, qbjRefusal *refusal)
{
    item->how = QBJ_UNDO_KEEP;
    if (qbjUndoIsTop(undo, item->base, snapshot->parent.name))
        return 0;
    item->how = QBJ_UNDO_REMOVE;
    /* an earlier deletion has come so far */
    if (disk->snapshotDeleteInProgress && qbjUndoIsMissing(undo, item->base))
        return 0;
    if (!qbjUndoIsLeft(undo, snapshot, disk, item->base))
        return qbjUndoRefuseChanged(false, refusal);
    return qbjUndoPlanRemove(undo, snapshot, disk, item, refusal);
}

static int
qbjUndoPlanDisk(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const virDomainSnapshotDiskDef *disk,
                qbjUndoDelete *plan, qbjRefusal *refusal)
{
    const qbjUndoChain *moment = qbjUndoChainOf(undo, QBJ_UNDO_MOMENT, snapshot->parent.name, disk->name);
    g_autoptr(GPtrArray) over = g_ptr_array_new();
    g_autoptr(GPtrArray) beside = g_ptr_array_new();
    qbjUndoDisk item = { .disk = disk->name, .over = over, .beside = beside,
                         .begun = disk->snapshotDeleteInProgress };
    const qbjUndoChain *live;
    int rc;

    if (!moment) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_FAILED, _("disk '%s' is not in the <domain> of snapshot '%s'"),
                      disk->name, snapshot->parent.name);
        return -1;
    }
    item.base = moment->top;
    if ((live = qbjUndoLiveOf(undo, item.base)))
        rc = qbjUndoPlanMerge(undo, snapshot, disk, live, &item, refusal);
    else
        rc = qbjUndoPlanOutside(undo, snapshot, disk, &item, refusal);
    if (rc < 0)
        return -1;
    if (item.overlay)
        qbjUndoAddUnlink(plan, item.overlay);
    if (item.how == QBJ_UNDO_REMOVE)
        qbjUndoAddUnlink(plan, item.base);
    qbjUndoAddDisk(plan, &item);
    return 0;
}

/* Whether @chain names an image that has another one below it, or in its place, afterwards. */
static bool
qbjUndoChanges(const qbjUndo *undo, const qbjUndoChain *chain, const qbjUndoDisk *item)
{
    size_t i;

    if (qbjUndoIsMerge(item) && qbjUndoFind(undo, chain->top, item->overlay, NULL))
        return true;
    for (i = 0; i < item->over->len; i++) {
        virStorageSource *over = qbjUndoFind(undo, chain->top, g_ptr_array_index(item->over, i), NULL);

        if (over && virStorageSourceIsBacking(over->backingStore) &&
            qbjUndoIsSame(undo, over->backingStore, item->base))
            return true;
    }
    return false;
}

static bool
qbjUndoChangesMoment(const qbjUndo *undo, const char *name, const qbjUndoDelete *plan)
{
    size_t i;
    size_t j;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        for (j = 0; STREQ_NULLABLE(chain->moment, name) && j < plan->disks->len; j++) {
            if (qbjUndoChanges(undo, chain, g_ptr_array_index(plan->disks, j)))
                return true;
        }
    }
    return false;
}

static void
qbjUndoPlanChanged(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDelete *plan)
{
    size_t i;

    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (moment != snapshot && qbjUndoChangesMoment(undo, moment->parent.name, plan))
            g_ptr_array_add(plan->changed, g_strdup(moment->parent.name));
    }
}

/* The memory file, unless another snapshot has the same (S8.7). */
static void
qbjUndoPlanMemory(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDelete *plan)
{
    size_t i;

    if (snapshot->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL || !snapshot->memorysnapshotfile)
        return;
    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        if (moment != snapshot && STREQ_NULLABLE(moment->memorysnapshotfile, snapshot->memorysnapshotfile))
            return;
    }
    g_ptr_array_add(plan->unlink, g_strdup(snapshot->memorysnapshotfile));
}

static int
qbjUndoPlanDisks(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDelete *plan, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < snapshot->ndisks; i++) {
        const virDomainSnapshotDiskDef *disk = &snapshot->disks[i];

        if (disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL) {
            qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                          _("snapshot '%s' is internal for disk '%s' and external for others"), snapshot->parent.name,
                          disk->name);
            return -1;
        }
        if (disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL &&
            qbjUndoPlanDisk(undo, snapshot, disk, plan, refusal) < 0)
            return -1;
    }
    return 0;
}

static int
qbjUndoPlanInternal(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDelete *plan,
                    qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < snapshot->ndisks; i++) {
        qbjUndoDisk item = { .disk = snapshot->disks[i].name, .how = QBJ_UNDO_INTERNAL };

        if (snapshot->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            continue;
        if (!(item.base = qbjUndoInternalImage(undo, snapshot, item.disk, refusal)))
            return -1;
        qbjUndoAddDisk(plan, &item);
    }
    return 0;
}

int
qbjUndoPlanDelete(const qbjUndo *undo, virDomainSnapshotDef *snapshot, unsigned int flags, qbjUndoDelete **plan,
                  qbjRefusal *refusal)
{
    g_autoptr(qbjUndoDelete) made = qbjUndoDeleteNew();
    bool files = !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);

    made->inodes = g_hash_table_ref(undo->inodes);
    if (files && virDomainSnapshotDefIsExternal(snapshot)) {
        if (qbjUndoPlanDisks(undo, snapshot, made, refusal) < 0)
            return -1;
        qbjUndoPlanChanged(undo, snapshot, made);
        qbjUndoPlanMemory(undo, snapshot, made);
    } else if (files && qbjUndoPlanInternal(undo, snapshot, made, refusal) < 0) {
        return -1;
    }
    qbjUndoPlanTree(undo, snapshot, flags, made);
    *plan = g_steal_pointer(&made);
    return 0;
}
