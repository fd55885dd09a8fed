/* Planner of virDomainBlockCommit: active and intermediate commit. Pure. */
#pragma once

#include "domain_conf.h"
#include "spec.h"

/* A commit request whose image names have been looked up already (host/ does that: it needs the file system). */
typedef struct _qbjCommitRequest qbjCommitRequest;
struct _qbjCommitRequest {
    virStorageSource *top;              /* member of the disk's chain */
    virStorageSource *topParent;        /* image above top; NULL when top is the active image */
    virStorageSource *base;             /* member below top */
    virStorageSource *baseParent;       /* image directly above base */
    unsigned long long bandwidth;       /* bytes/s, 0 unlimited */
    unsigned int flags;                 /* virDomainBlockCommitFlags, only known ones */
};

/* Checks C7 to C15 of behaviour/01 in their order, on the disk and the resolved request. Job-on-disk (C9) is given by
 * the caller as @busy: NULL, or the refusal that qbjJobVerbCheck(NEW_JOB) gave. Returns 0, or -1 with @refusal set. */
int qbjGuardCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, const qbjRefusal *busy, qbjRefusal *refusal);

/* @req has passed qbjGuardCommit(). @spec is set only on success; the caller frees it.
 * The pending phase is planned without bitmaps: qbjSpecPlanCommitPending() completes it when they are known. */
int qbjSpecPlanCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjSpec **spec, qbjRefusal *refusal);

/* (Re)plans the pending phase of a commit: H2 parent writable, bitmap merges of @nodes (behaviour/20, 2 and 3), H1
 * flush of base. @nodes: the "return" array of query-named-block-nodes, or NULL when no image has bitmaps.
 * @disk still has the old chain. Repeatable: the phase is replaced. */
int qbjSpecPlanCommitPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal);
