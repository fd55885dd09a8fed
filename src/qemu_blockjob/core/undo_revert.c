/* Revert: fresh overlays over the images of the moment; what no longer has a use goes last (S10.3). */
#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

static void
qbjUndoLaidFree(void *opaque)
{
    qbjUndoLaid *laid = opaque;

    g_free(laid->stem);
    g_free(laid);
}

int
qbjUndoCheckMark(const virDomainSnapshotDef *snapshot, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < snapshot->ndisks; i++) {
        if (!snapshot->disks[i].snapshotDeleteInProgress)
            continue;
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID,
                      _("the deletion of snapshot '%s' was begun: disk '%s' is not as it was then"),
                      snapshot->parent.name, snapshot->disks[i].name);
        return -1;
    }
    return 0;
}

int
qbjUndoCheckTransient(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, unsigned int flags,
                      qbjRefusal *refusal)
{
    if (undo->persistent || qbjUndoRevertTo(snapshot, flags) != QBJ_UNDO_TO_SHUTOFF)
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s",
                  _("transient domain needs to request run or pause to revert to inactive snapshot"));
    return -1;
}

/* S9: what does not depend on the images */
static int
qbjUndoCheckRevert(const qbjUndo *undo, virDomainSnapshotDef *snapshot, unsigned int flags, qbjRefusal *refusal)
{
    size_t i;

    if (qbjUndoCheckTransient(undo, snapshot, flags, refusal) < 0)
        return -1;
    for (i = 0; i < snapshot->ndisks; i++) {
        if (snapshot->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL) {
            qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                          _("revert to snapshot '%s', which is internal for disk '%s', is not supported"),
                          snapshot->parent.name, snapshot->disks[i].name);
            return -1;
        }
    }
    return qbjUndoCheckMark(snapshot, refusal);
}

/* Whether the image is somebody's past: below another one, or the image of a moment. */
static bool
qbjUndoIsFrozen(const qbjUndo *undo, virStorageSource *image)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);
        virStorageSource *above = NULL;

        if (!qbjUndoFind(undo, chain->top, image, &above))
            continue;
        if (above)
            return true;
    }
    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);
        size_t j;

        for (j = 0; j < moment->ndisks; j++) {
            const qbjUndoChain *chain = qbjUndoChainOf(undo, QBJ_UNDO_MOMENT, moment->parent.name,
                                                       moment->disks[j].name);

            if (chain && moment->disks[j].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_NO &&
                qbjUndoIsSame(undo, chain->top, image))
                return true;
        }
    }
    return false;
}

static int
qbjUndoRefuseMissing(virStorageSource *image, const char *disk, qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_FAILED, _("image '%s' of disk '%s' is not there"), NULLSTR(image->path),
                  disk);
    return -1;
}

static int
qbjUndoCheckImages(const qbjUndo *undo, const qbjUndoChain *chain, qbjRefusal *refusal)
{
    virStorageSource *src;

    for (src = chain->top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjUndoIsMissing(undo, src))
            return qbjUndoRefuseMissing(src, chain->disk, refusal);
    }
    return 0;
}

/* The image's path without its last suffix. */
static char *
qbjUndoStem(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *slash = strrchr(path, '/');

    return dot && slash && dot > slash + 1 ? g_strndup(path, dot - path) : g_strdup(path);
}

static int
qbjUndoLay(const qbjUndoChain *chain, qbjUndoRevert *plan, qbjRefusal *refusal)
{
    qbjUndoLaid *laid;

    if (virStorageSourceGetActualType(chain->top) != VIR_STORAGE_TYPE_FILE || !chain->top->path) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("disk '%s' is not in a file, so the overlay that a revert needs has no place"), chain->disk);
        return -1;
    }
    laid = g_new0(qbjUndoLaid, 1);
    laid->disk = chain->disk;
    laid->base = chain->top;
    laid->stem = qbjUndoStem(chain->top->path);
    g_ptr_array_add(plan->laid, laid);
    return 0;
}

static int
qbjUndoPlanLaid(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoRevert *plan, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->owner != QBJ_UNDO_MOMENT || STRNEQ_NULLABLE(chain->moment, snapshot->parent.name))
            continue;
        if (qbjUndoCheckImages(undo, chain, refusal) < 0)
            return -1;
        if (!chain->readonly && qbjUndoIsFrozen(undo, chain->top) && qbjUndoLay(chain, plan, refusal) < 0)
            return -1;
    }
    return 0;
}

/* Whether it is an overlay that a snapshot, or a revert to one, has made. */
static bool
qbjUndoIsMade(const qbjUndo *undo, virStorageSource *image)
{
    size_t i;
    size_t j;

    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        for (j = 0; j < moment->ndisks; j++) {
            if (moment->disks[j].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL && moment->disks[j].src &&
                qbjUndoIsSame(undo, moment->disks[j].src, image))
                return true;
        }
    }
    return false;
}

static bool
qbjUndoInMoments(const qbjUndo *undo, virStorageSource *image)
{
    size_t i;

    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->moment && qbjUndoFind(undo, chain->top, image, NULL))
            return true;
    }
    return false;
}

/* From the active image down, as long as nothing but the state that is thrown away has a use for it. */
static void
qbjUndoPlanAbandoned(const qbjUndo *undo, const qbjUndoChain *live, qbjUndoRevert *plan)
{
    virStorageSource *src;

    for (src = live->top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (virStorageSourceGetActualType(src) != VIR_STORAGE_TYPE_FILE || !qbjUndoIsMade(undo, src) ||
            qbjUndoInMoments(undo, src) || qbjUndoForeign(undo, src) || qbjUndoSnapshotsIn(undo, src))
            return;
        g_ptr_array_add(plan->unlink, g_strdup(src->path));
    }
}

qbjUndoTo
qbjUndoRevertTo(const virDomainSnapshotDef *snapshot, unsigned int flags)
{
    if (flags & VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING)
        return QBJ_UNDO_TO_RUNNING;
    if (flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        return QBJ_UNDO_TO_PAUSED;
    if (snapshot->state == VIR_DOMAIN_SNAPSHOT_RUNNING)
        return QBJ_UNDO_TO_RUNNING;
    return snapshot->state == VIR_DOMAIN_SNAPSHOT_PAUSED ? QBJ_UNDO_TO_PAUSED : QBJ_UNDO_TO_SHUTOFF;
}

int
qbjUndoPlanRevert(const qbjUndo *undo, virDomainSnapshotDef *snapshot, unsigned int flags, qbjUndoRevert **plan,
                  qbjRefusal *refusal)
{
    g_autoptr(qbjUndoRevert) made = g_new0(qbjUndoRevert, 1);
    size_t i;

    made->laid = g_ptr_array_new_with_free_func(qbjUndoLaidFree);
    made->unlink = g_ptr_array_new_with_free_func(g_free);
    if (qbjUndoCheckRevert(undo, snapshot, flags, refusal) < 0 ||
        qbjUndoPlanLaid(undo, snapshot, made, refusal) < 0)
        return -1;
    if (snapshot->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        made->memory = snapshot->memorysnapshotfile;
    made->to = qbjUndoRevertTo(snapshot, flags);
    for (i = 0; i < undo->chains->len; i++) {
        const qbjUndoChain *chain = g_ptr_array_index(undo->chains, i);

        if (chain->owner == QBJ_UNDO_LIVE && !chain->readonly)
            qbjUndoPlanAbandoned(undo, chain, made);
    }
    *plan = g_steal_pointer(&made);
    return 0;
}
