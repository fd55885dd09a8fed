/* Questions to a qbjUndo. Images are the same when they are at the same place. */
#pragma once

#include "undo.h"

bool qbjUndoIsSame(virStorageSource *a, virStorageSource *b);

/* The member of @top's chain that is @image, or NULL; @above gets the one over it. */
virStorageSource *qbjUndoFind(virStorageSource *top, virStorageSource *image, virStorageSource **above);

/* A chain of @owner for @disk, of the snapshot @moment (NULL: the domain's). */
const qbjUndoChain *qbjUndoChainOf(const qbjUndo *undo, qbjUndoOwner owner, const char *moment, const char *disk);

/* The chain of the domain as it is that has @image, whichever disk's. */
const qbjUndoChain *qbjUndoLiveOf(const qbjUndo *undo, virStorageSource *image);

/* Whether a chain of the domain itself, now or at its next start, has @image. */
bool qbjUndoIsInDomain(const qbjUndo *undo, virStorageSource *image);

/* Whether a chain of anybody but the snapshot @moment has @image. */
bool qbjUndoIsUsed(const qbjUndo *undo, virStorageSource *image, const char *moment);

bool qbjUndoInSet(GHashTable *set, virStorageSource *image);

/* The snapshot @name, or NULL. */
const virDomainSnapshotDef *qbjUndoMoment(const qbjUndo *undo, const char *name);
const virDomainSnapshotDiskDef *qbjUndoMomentDisk(const virDomainSnapshotDef *snapshot, const char *disk);

/* What the header of @image says is below it, down to the end; NULL: nothing, or it is not known. */
virStorageSource *qbjUndoBelow(const qbjUndo *undo, virStorageSource *image);

bool qbjUndoHasChildren(const qbjUndo *undo, const char *name);

/* Fills in which snapshots go, who gets which parent, and which one is current afterwards (S7, S8.6). */
void qbjUndoPlanTree(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, unsigned int flags,
                     qbjUndoDelete *plan);
