/* What a job does to the two definitions of its VM. */
#pragma once

#include "engine_job.h"

/* The disk of @job in the live definition, or NULL when it has been unplugged. */
virDomainDiskDef *qbjEngineChangeDisk(virDomainObj *vm, const virQbjJob *job);

/* Member of @chain with this format node-name; @parent (may be NULL) gets the image above it. NULL when
 * there is none. */
virStorageSource *qbjEngineChangeFindNode(virStorageSource *chain, const char *node, virStorageSource **parent);

/* The image that a type A job changes over to: a member of the chain, or the target of a copy, which is the
 * mirror until the job has switched and the disk's source afterwards. NULL when it is neither. */
virStorageSource *qbjEngineChangeTarget(virDomainDiskDef *disk, const virQbjJob *job);

/* Makes <mirror> say what the job's state says: absent, running, ready, pivot, abort (03/X). Type A only. */
void qbjEngineChangeShowMirror(virDomainObj *vm, virQbjJob *job);

/* Type A: the disk's source becomes the new image and <mirror> goes away; nothing is freed, so that it can
 * be undone. */
typedef struct _qbjEngineSwap qbjEngineSwap;
struct _qbjEngineSwap {
    virDomainDiskDef *disk;
    virStorageSource *oldSource;        /* owned between Apply and Undo or Keep */
    virStorageSource *mirror;           /* owned likewise */
    int mirrorState;
    int mirrorJob;
    int copyOnRead;
    bool newReadonly;                   /* of the new image, before */
    bool inherited;                     /* the new image got the chain below the old one */
};
/* Returns 0, -1 with VIR_ERR_INTERNAL_ERROR reported when disk or image are not in the definition any
 * more. */
int qbjEngineChangeSwap(virDomainObj *vm, const virQbjJob *job, qbjEngineSwap *swap);
void qbjEngineChangeSwapUndo(qbjEngineSwap *swap);
void qbjEngineChangeSwapKeep(qbjEngineSwap *swap);

/* Type B, live definition. Returns as above. */
int qbjEngineChangeCut(virDomainObj *vm, const virQbjJob *job);

/* The persistent definition @def as it must be once the job's outcome is new (02/Q67). @oldTop: the live
 * source that the disk had before; @live: the live disk, whose chain still is the old one (type B) or whose
 * @newTop is known (type A).
 * Returns true when @def was changed; false when it names something else than the live disk did. */
bool qbjEngineChangePersistent(virDomainDef *def, const virQbjJob *job, virStorageSource *oldTop,
                               virDomainDiskDef *live);

/* A description of @src and its stated chain for a definition that is not running: no node names, nothing
 * that was only
 * probed; @like: what it is to stand for: where that states no chain, neither does the copy. New object. */
virStorageSource *qbjEngineChangeInactiveCopy(virStorageSource *src, const virStorageSource *like);
