/* Planner of virDomainBlockPull and of virDomainBlockRebase without COPY: the images between the active one
 * and base are copied into the active one and leave the chain. Pure. */
#pragma once

#include "domain_conf.h"
#include "spec.h"

/* A pull request whose base has been looked up already (that needs the file system). */
typedef struct _qbjPullRequest qbjPullRequest;
struct _qbjPullRequest {
    virStorageSource *base;             /* member below the active image; NULL: everything is pulled */
    unsigned long long bandwidth;       /* bytes/s, 0 unlimited */
    bool relative;                      /* base stays a relative name in the header; only with a base */
};

/* What is checked before base is looked up: job on the disk (01/A13; @busy: NULL, or what
 * qbjJobVerbCheck(NEW_JOB) refused), then the kind of disk (A12). Returns 0, or -1 with @refusal set. */
int qbjGuardPullDisk(const virDomainDiskDef *disk, const qbjRefusal *busy, qbjRefusal *refusal);

/* What is checked after that: 01/P5. Returns as above. */
int qbjGuardPull(const virDomainDiskDef *disk, const qbjPullRequest *req, qbjRefusal *refusal);

/* Sets @name, to be freed, to how the header names req->base where it stays a relative name. Returns as
 * above. */
int qbjPullRelativeName(const virDomainDiskDef *disk, const qbjPullRequest *req, char **name, qbjRefusal *refusal);

/* @req has passed both. @spec is set only on success; the caller frees it. Refused are a disk without a
 * source (P15), a bandwidth that QEMU cannot take (A15), and what spec_parts.h and blocknode.h say. The
 * pending phase is planned without bitmaps: qbjSpecPlanPullPending() completes it when they are known. */
int qbjSpecPlanPull(const virDomainDiskDef *disk, const qbjPullRequest *req, qbjSpec **spec, qbjRefusal *refusal);

/* (Re)plans the pending phase: bitmaps of the images that are pulled go into those of the active one
 * (behaviour/20 B21), and the active image, which QEMU never flushes by itself, is flushed (H1). @nodes: the
 * "return" array of query-named-block-nodes, or NULL when no image has bitmaps. @disk still has the old
 * chain. Repeatable, with fresh @nodes.
 *
 * A bitmap that is not valid, but would look so without the images between (20/B3: one of them does not
 * hold it), is taken off the active image: an incremental backup from it would miss what is pulled.
 *
 * @ended: QEMU has shortened the chain already, without being asked by us. Then a bitmap that cannot be
 * merged is taken off, too, and what is flushed is the active image on its new backing node.
 *
 * Refused, with @spec unchanged, unless @ended: VIR_ERR_OPERATION_UNSUPPORTED when a bitmap would have to
 * be merged into a different size (20/B23), VIR_ERR_OPERATION_INVALID when one is in use. It may also be
 * called before the start, to learn that early. */
int qbjSpecPlanPullPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, bool ended,
                           qbjRefusal *refusal);

/* Arguments of the blockdev-reopen that puts the active image of @disk, whose definition still has the old
 * chain, back onto its old backing node (H15). NULL with @refusal set. The caller frees. */
virJSONValue *qbjSpecPullGraphBack(const qbjSpec *spec, const virDomainDiskDef *disk, qbjRefusal *refusal);
