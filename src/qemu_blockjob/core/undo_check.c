/* Deletion: what else refers to the images of a snapshot, and whether it can be served. */
#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

int
qbjUndoRefuseOther(virStorageSource *image, const char *what, qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, _("image '%s' cannot be changed or removed: %s"),
                  NULLSTR(image->path), what);
    return -1;
}

int
qbjUndoCheckForeign(const qbjUndo *undo, virStorageSource *image, qbjRefusal *refusal)
{
    const char *domain = qbjUndoForeign(undo, image);
    g_autofree char *what = NULL;

    if (!domain)
        return 0;
    what = *domain ? g_strdup_printf(_("domain '%s' uses it"), domain) : g_strdup(_("another domain uses it"));
    return qbjUndoRefuseOther(image, what, refusal);
}

static bool
qbjUndoHas(const qbjUndo *undo, const GPtrArray *images, virStorageSource *image)
{
    size_t i;

    for (i = 0; i < images->len; i++) {
        if (qbjUndoIsSame(undo, g_ptr_array_index(images, i), image))
            return true;
    }
    return false;
}

/* --- other overlays --- */

static int
qbjUndoRefuseSeveral(virStorageSource *image, virStorageSource *over, qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                  _("image '%s' has several overlays, and '%s' would not be merged into it"), NULLSTR(image->path),
                  NULLSTR(over->path));
    return -1;
}

/* Whether qemu-img may put @over, which stands on @image, onto another image. @data: what is in @image goes
 * into it before. */
static int
qbjUndoCheckMove(const qbjUndo *undo, virStorageSource *image, virStorageSource *over, bool data, qbjRefusal *refusal)
{
    if (qbjUndoIsInDomain(undo, over))
        return qbjUndoRefuseSeveral(image, over, refusal);
    if (!virStorageSourceIsLocalStorage(over) || over->format != VIR_STORAGE_FILE_QCOW2 || over->encryption)
        return qbjUndoRefuseOther(over, _("it is not a qcow2 image of this host without encryption"), refusal);
    if (qbjUndoIsMissing(undo, over))
        return qbjUndoRefuseOther(over, _("it is not there"), refusal);
    if (data && qbjUndoSnapshotsIn(undo, over))
        return qbjUndoRefuseOther(over, _("it holds internal snapshots"), refusal);
    return qbjUndoCheckForeign(undo, over, refusal);
}

static int
qbjUndoAddOver(const qbjUndo *undo, virStorageSource *image, virStorageSource *over, bool data, GPtrArray *images,
               qbjRefusal *refusal)
{
    if (qbjUndoHas(undo, images, over))
        return 0;
    if (qbjUndoCheckMove(undo, image, over, data, refusal) < 0)
        return -1;
    g_ptr_array_add(images, over);
    return 0;
}

/* All that stand on @image but @only: into @images. */
static int
qbjUndoCollectOver(const qbjUndo *undo, virStorageSource *image, virStorageSource *only, bool data, GPtrArray *images,
                   qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        virStorageSource *over = NULL;

        if (qbjUndoFind(undo, chain->top, image, &over) && over && (!only || !qbjUndoIsSame(undo, over, only)) &&
            qbjUndoAddOver(undo, image, over, data, images, refusal) < 0)
            return -1;
    }
    return 0;
}

/* What an image that is not there stands on cannot be known. */
static int
qbjUndoCheckThere(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const char *disk, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->moment && STREQ(chain->disk, disk) && qbjUndoIsMissing(undo, chain->top) &&
            qbjUndoDescends(undo, chain->moment, snapshot->parent.name))
            return qbjUndoRefuseOther(chain->top, _("it is not there"), refusal);
    }
    return 0;
}

int
qbjUndoPlanOver(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, virStorageSource *below, qbjUndoDisk *item,
                qbjRefusal *refusal)
{
    if (qbjUndoCheckThere(undo, snapshot, item->disk, refusal) < 0 ||
        qbjUndoCollectOver(undo, item->base, item->overlay, true, item->over, refusal) < 0)
        return -1;
    if (item->over->len == 0)
        return 0;
    /* a full copy of all that is below would have to be made */
    if (!virStorageSourceIsBacking(below))
        return qbjUndoRefuseSeveral(item->base, g_ptr_array_index(item->over, 0), refusal);
    item->below = below;
    return qbjUndoCheckForeign(undo, item->base, refusal);
}

/* Whoever stands on base by its header as well has come later, and is right. */
void
qbjUndoPlanMoved(const qbjUndo *undo, qbjUndoDisk *item)
{
    virStorageSource *next = item->base->backingStore;
    size_t i;

    for (i = 0; virStorageSourceIsBacking(next) && i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        virStorageSource *over = NULL;
        virStorageSource *below;

        if (!qbjUndoFind(undo, chain->top, item->base, &over) || !over || qbjUndoHas(undo, item->over, over) ||
            !(below = qbjUndoBelow(undo, over)) || !qbjUndoIsSame(undo, below, next))
            continue;
        g_ptr_array_add(item->over, over);
        item->below = next;
    }
}

int
qbjUndoPlanBeside(const qbjUndo *undo, qbjUndoDisk *item, qbjRefusal *refusal)
{
    if (qbjUndoCollectOver(undo, item->overlay, item->above, false, item->beside, refusal) < 0)
        return -1;
    /* the guest will write into base */
    if (item->beside->len > 0 && !item->above)
        return qbjUndoRefuseSeveral(item->overlay, g_ptr_array_index(item->beside, 0), refusal);
    return 0;
}

/* --- what else refers to them --- */

/* The overlay that another snapshot says it has made over @image, when it is still there. */
static int
qbjUndoCheckMoment(const qbjUndo *undo, const virDomainSnapshotDef *moment, const virDomainSnapshotDiskDef *disk,
                   const qbjUndoDisk *merge, qbjRefusal *refusal)
{
    const qbjUndoChain *chain = qbjUndoChainOf(undo, QBJ_UNDO_MOMENT, moment->parent.name, disk->name);
    g_autofree char *what = g_strdup_printf(_("snapshot '%s' refers to it"), moment->parent.name);
    bool onBase = chain && qbjUndoIsSame(undo, chain->top, merge->base);
    bool onOverlay = chain && qbjUndoIsSame(undo, chain->top, merge->overlay);

    /* base keeps what is within it, whatever is written to it */
    if (disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
        return onOverlay ? qbjUndoRefuseOther(merge->overlay, what, refusal) : 0;
    if (disk->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        return 0;
    if (onBase || qbjUndoIsSame(undo, disk->src, merge->overlay))
        return qbjUndoRefuseOther(onBase ? merge->base : merge->overlay, what, refusal);
    if (onOverlay && (!merge->above || !qbjUndoIsSame(undo, disk->src, merge->above)) &&
        !qbjUndoHas(undo, merge->beside, disk->src) && !qbjUndoIsMissing(undo, disk->src))
        return qbjUndoRefuseOther(merge->overlay, what, refusal);
    return 0;
}

static int
qbjUndoCheckMoments(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const qbjUndoDisk *merge,
                    qbjRefusal *refusal)
{
    size_t i;
    size_t j;

    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        for (j = 0; moment != snapshot && j < moment->ndisks; j++) {
            if (qbjUndoCheckMoment(undo, moment, &moment->disks[j], merge, refusal) < 0)
                return -1;
        }
    }
    return 0;
}

/* The next start would open other images than the running domain has. */
static int
qbjUndoCheckPersistent(const qbjUndo *undo, const qbjUndoDisk *merge, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        const qbjUndoChain *live = qbjUndoChainOf(undo, QBJ_UNDO_LIVE, NULL, chain->disk);

        if (chain->owner != QBJ_UNDO_PERSISTENT || (live && qbjUndoIsSame(undo, chain->top, live->top)))
            continue;
        if (qbjUndoFind(undo, chain->top, merge->overlay, NULL) || qbjUndoFind(undo, chain->top, merge->base, NULL))
            return qbjUndoRefuseOther(merge->base, _("the persistent definition uses it in another chain"), refusal);
    }
    return 0;
}

int
qbjUndoCheckMerge(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDisk *merge, qbjRefusal *refusal)
{
    if (qbjUndoCheckPersistent(undo, merge, refusal) < 0 ||
        qbjUndoPlanOver(undo, snapshot, merge->base->backingStore, merge, refusal) < 0 ||
        qbjUndoPlanBeside(undo, merge, refusal) < 0 ||
        qbjUndoCheckMoments(undo, snapshot, merge, refusal) < 0 ||
        qbjUndoCheckForeign(undo, merge->base, refusal) < 0 ||
        qbjUndoCheckForeign(undo, merge->overlay, refusal) < 0)
        return -1;
    if (qbjUndoSnapshotsIn(undo, merge->overlay))
        return qbjUndoRefuseOther(merge->overlay, _("it holds internal snapshots"), refusal);
    return 0;
}
