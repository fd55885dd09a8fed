/* Planner of virDomainBlockCommit: active and intermediate commit. Pure. */
#pragma once

#include "domain_conf.h"
#include "spec.h"

/* A commit request whose image names have been looked up already (host/ does that: it needs the file
 * system). */
typedef struct _qbjCommitRequest qbjCommitRequest;
struct _qbjCommitRequest {
    virStorageSource *top;              /* member of the disk's chain */
    virStorageSource *topParent;        /* image above top; NULL when top is the active image */
    virStorageSource *base;             /* member below top */
    virStorageSource *baseParent;       /* image directly above base */
    unsigned long long bandwidth;       /* bytes/s, 0 unlimited */
    unsigned int flags;                 /* virDomainBlockCommitFlags, only known ones */
};

/* Checks C7 to C15 of behaviour/01 in their order, on the disk and the resolved request; before them a
 * bandwidth that QEMU cannot take (A15). Job-on-disk (C9) is given by the caller as @busy: NULL, or the
 * refusal that qbjJobVerbCheck(NEW_JOB) gave. @req->base may be NULL when nothing is below top. Returns 0, or
 * -1 with @refusal set. */
int qbjGuardCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, const qbjRefusal *busy,
                   qbjRefusal *refusal);

/* Whether the capacities of top and base are known, and base is not the larger one: then
 * qbjGuardCommitSizes() has nothing to say. */
bool qbjGuardCommitSizesFit(const qbjCommitRequest *req);

/* A top that is smaller than base hides the end of base: what is above reads zeroes there. After a commit
 * the guest would see base's old data: in an active commit as a disk that has grown (protocol H14), else
 * where the image above top is larger than top. Both are refused: VIR_ERR_OPERATION_UNSUPPORTED. A base that
 * is smaller grows, which QEMU does. @req has passed qbjGuardCommit(); @nodes: the "return" array of
 * query-named-block-nodes; VIR_ERR_INTERNAL_ERROR when it does not have the images. */
int qbjGuardCommitSizes(const qbjCommitRequest *req, virJSONValue *nodes, qbjRefusal *refusal);

/* @req has passed qbjGuardCommit(). @spec is set only on success; the caller frees it. Refused are images
 * without a node name (06/R6.5), chains of more than 200 layers, and what blocknode.h cannot express:
 * VIR_ERR_OPERATION_UNSUPPORTED, VIR_ERR_CONFIG_UNSUPPORTED. The pending phase is planned without bitmaps:
 * qbjSpecPlanCommitPending() completes it when they are known. */
int qbjSpecPlanCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjSpec **spec, qbjRefusal *refusal);

/* (Re)plans the pending phase of a commit: H2 parent writable, bitmap merges of @nodes (behaviour/20, 2 and
 * 3), H1 flush of base. @nodes: the "return" array of query-named-block-nodes, or NULL when no image has
 * bitmaps.
 * @disk still has the old chain. Repeatable: the phase is replaced, and each run of it (after a restart as
 * well) needs a plan from fresh @nodes, for a bitmap that was added by the last run must not be added again.
 * Bitmaps that are new in base are taken off again by the abort phase.
 *
 * It may also be called before the start, to learn early that the bitmaps could not be kept. Refused, with
 * @spec unchanged: VIR_ERR_OPERATION_UNSUPPORTED when base cannot store bitmaps or one would have to be
 * merged into a different size (20/B20, B23), VIR_ERR_OPERATION_INVALID when one is in use. */
int qbjSpecPlanCommitPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes,
                             qbjRefusal *refusal);

/* The same for an intermediate commit that QEMU has finalized without us, and whose images are still open:
 * base, which is read-only by then, becomes writable and gets the bitmaps. The nodes phase makes it read-only
 * again, which stores them. Without bitmaps there is nothing to do. */
int qbjSpecPlanCommitEnded(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal);

/* Names of the bitmaps that images of @spec hold and that no merge keeps, because they are not valid any more
 * (20/B3, B5):
 * for the log, sorted, NULL terminated; the caller frees with g_strfreev(). NULL: none, or @nodes cannot
 * be read. */
char **qbjSpecCommitLostBitmaps(const qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes);
