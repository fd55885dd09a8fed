/* Which images hold an internal snapshot, and may be changed. */
#include <config.h>

#include "undo_parts.h"
#include "storage_file/storage_source.h"

static int
qbjUndoCheckInternal(const qbjUndo *undo, virStorageSource *image, const char *disk, qbjRefusal *refusal)
{
    if (image->format != VIR_STORAGE_FILE_QCOW2) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("internal snapshot for disk %s unsupported for storage type %s"), disk,
                      virStorageFileFormatTypeToString(image->format));
        return -1;
    }
    if (image->encryption || !virStorageSourceIsLocalStorage(image)) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("internal snapshot for disk %s: an image that is encrypted, or not on this host, is not supported"),
                      disk);
        return -1;
    }
    return qbjUndoCheckForeign(undo, image, refusal);
}

virStorageSource *
qbjUndoInternalImage(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const char *disk, qbjRefusal *refusal)
{
    const qbjUndoChain *live = qbjUndoChainOf(undo, QBJ_UNDO_LIVE, NULL, disk);
    const qbjUndoChain *then = qbjUndoChainOf(undo, QBJ_UNDO_MOMENT, snapshot->parent.name, disk);

    if (!live || (then && !qbjUndoIsSame(undo, live->top, then->top))) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("disk '%s' does not have the image any more that snapshot '%s' is in"), disk,
                      snapshot->parent.name);
        return NULL;
    }
    return qbjUndoCheckInternal(undo, live->top, disk, refusal) < 0 ? NULL : live->top;
}
