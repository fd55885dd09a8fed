/* Questions to a qbjUndo. Images are the same when they are at the same place, or the same file. */
#pragma once

#include "undo.h"

bool qbjUndoIsSame(const qbjUndo *undo, virStorageSource *a, virStorageSource *b);

/* The member of @top's chain that is @image, or NULL; @above gets the one over it. */
virStorageSource *qbjUndoFind(const qbjUndo *undo, virStorageSource *top, virStorageSource *image,
                              virStorageSource **above);

/* A chain of @owner for @disk, of the snapshot @moment (NULL: the domain's). */
const qbjUndoChain *qbjUndoChainOf(const qbjUndo *undo, qbjUndoOwner owner, const char *moment, const char *disk);

/* The chain of the domain as it is that has @image, whichever disk's. */
const qbjUndoChain *qbjUndoLiveOf(const qbjUndo *undo, virStorageSource *image);

/* Whether a chain of the domain itself, now or at its next start, has @image. */
bool qbjUndoIsInDomain(const qbjUndo *undo, virStorageSource *image);

/* Whether a chain of anybody but the snapshot @moment has @image. */
bool qbjUndoIsUsed(const qbjUndo *undo, virStorageSource *image, const char *moment);

/* The name of another domain that has @image, or NULL. */
const char *qbjUndoForeign(const qbjUndo *undo, virStorageSource *image);

/* The names of the internal snapshots that @image holds; NULL: none. */
GPtrArray *qbjUndoSnapshotsIn(const qbjUndo *undo, virStorageSource *image);

bool qbjUndoIsMissing(const qbjUndo *undo, virStorageSource *image);

/* The snapshot @name, or NULL. */
const virDomainSnapshotDef *qbjUndoMoment(const qbjUndo *undo, const char *name);
const virDomainSnapshotDiskDef *qbjUndoMomentDisk(const virDomainSnapshotDef *snapshot, const char *disk);

/* What the header of @image says is below it, down to the end; NULL: nothing, or it is not known. */
virStorageSource *qbjUndoBelow(const qbjUndo *undo, virStorageSource *image);

/* Whether it is the active image of a definition of the domain, or of another snapshot than @moment. */
bool qbjUndoIsTop(const qbjUndo *undo, virStorageSource *image, const char *moment);

/* Whether the snapshot @name descends from @ancestor, which is not NULL. */
bool qbjUndoDescends(const qbjUndo *undo, const char *name, const char *ancestor);

/* Fills in which snapshots go, who gets which parent, and which one is current afterwards (S7, S8.6). */
void qbjUndoPlanTree(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, unsigned int flags,
                     qbjUndoDelete *plan);

/* --- what else refers to the images of a deletion --- */

/* Sets @refusal: @image cannot be changed or removed because of @what, a sentence. Returns -1. */
int qbjUndoRefuseOther(virStorageSource *image, const char *what, qbjRefusal *refusal);

/* Whether no other domain has @image. Each of these returns 0, -1 with @refusal set. */
int qbjUndoCheckForeign(const qbjUndo *undo, virStorageSource *image, qbjRefusal *refusal);

/* Fills in what stands on the base of @item, a disk of @snapshot, beside the overlay; @below is what is below
 * base, or NULL. */
int qbjUndoPlanOver(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, virStorageSource *below,
                    qbjUndoDisk *item, qbjRefusal *refusal);

/* Fills in what an earlier call has put from the base of @item, which is merged, onto what is below, and is
 * still on base by a definition. */
void qbjUndoPlanMoved(const qbjUndo *undo, qbjUndoDisk *item);

/* Fills in what stands on @item's overlay beside the image above. */
int qbjUndoPlanBeside(const qbjUndo *undo, qbjUndoDisk *item, qbjRefusal *refusal);

/* Whether the overlay may be merged into base; fills in both. */
int qbjUndoCheckMerge(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, qbjUndoDisk *merge,
                      qbjRefusal *refusal);
