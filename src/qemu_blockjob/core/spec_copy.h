/* Planner of virDomainBlockCopy. Pure. */
#pragma once

#include "domain_conf.h"
#include "spec.h"

/* What is known of the guest's disk when a target has to be made for it. */
typedef struct _qbjCopySize qbjCopySize;
struct _qbjCopySize {
    unsigned long long capacity;        /* bytes that the guest sees */
    unsigned long long clusterSize;     /* of a qcow2 source, else 0 */
    bool extendedL2;
};

typedef struct _qbjCopyRequest qbjCopyRequest;
struct _qbjCopyRequest {
    virStorageSource *target;           /* with its format, and for qbjSpecPlanCopy() its node names */
    unsigned long long bandwidth;       /* bytes/s, 0 unlimited */
    unsigned long long bufSize;         /* bytes, 0 QEMU's choice */
    unsigned int granularity;           /* bytes, 0 QEMU's choice */
    unsigned int flags;                 /* virDomainBlockCopyFlags, only known ones */
    const char *identity;               /* of the empty file that becomes the target (host_target.h); NULL: the
                                         * target has content, or is no file */
    bool made;                          /* the file was made for the copy, and goes away when that does not
                                         * start; one that was there before gets empty again */
    bool filled;                        /* the file of @identity is an image already */
    qbjCopySize source;
};

/* What virDomainBlockRebase with COPY asks for (01/Y5). @flags: virDomainBlockRebaseFlags, only known ones;
 * @bandwidth: bytes/s or MiB/s, as they say. Returns the target, which the caller unreferences and @req
 * borrows: without a format unless it is COPY_RAW. @req is set only on success. NULL: VIR_ERR_OVERFLOW,
 * VIR_ERR_ARGUMENT_UNSUPPORTED. */
virStorageSource *qbjCopyRequestRebase(const char *path, unsigned long bandwidth, unsigned int flags,
                                       qbjCopyRequest *req, qbjRefusal *refusal);

/* Numbers that QEMU would refuse after everything is prepared (01/Y2, Y3, A15), and 01/Y6. Needs nothing
 * but the request: VIR_ERR_INVALID_ARG. */
int qbjGuardCopyRequest(const qbjCopyRequest *req, qbjRefusal *refusal);

/* Checks Y7 to Y11 and Y17 of behaviour/01 in their order, then what we cannot copy to or from yet.
 * @busy: NULL, or the refusal that qbjJobVerbCheck(NEW_JOB) gave; @persistent: the domain has a definition
 * that stays. VIR_ERR_OPERATION_INVALID, VIR_ERR_INVALID_ARG, VIR_ERR_CONFIG_UNSUPPORTED,
 * VIR_ERR_OPERATION_UNSUPPORTED. */
int qbjGuardCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req, bool persistent, const qbjRefusal *busy,
                 qbjRefusal *refusal);

/* Sets @req->granularity for a shallow copy into an image that was there, on images that the client names:
 * the target has no backing node until the pivot, and only if its header names a backing image does QEMU
 * fill a whole cluster of it from the disk when it copies a part of one. Else zeroes would hide what is
 * below. So it copies whole clusters. To be called after qbjGuardCopy() and before the chain of such an
 * image is probed. VIR_ERR_INVALID_ARG when the client wants less. */
int qbjCopySetGranularity(const virDomainDiskDef *disk, qbjCopyRequest *req, qbjRefusal *refusal);

/* What can be said only when the format of the target is known: 01/Y11, Y17, Y20. */
int qbjGuardCopyFormat(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal);

/* Whether the copy leaves out what is below the active image: SHALLOW means nothing for a single image
 * (01/Y9). */
bool qbjCopyIsShallow(const virDomainDiskDef *disk, const qbjCopyRequest *req);

/* The images that a shallow target brings along to stand on (01/Y32, Y33), its top; NULL: it stands on those
 * of the disk, or on nothing. Borrowed. */
virStorageSource *qbjCopyOwnChain(const virDomainDiskDef *disk, const qbjCopyRequest *req);

/* @req has passed all guards. @spec is set only on success; the caller frees it. The pending phase is planned
 * without bitmaps: qbjSpecPlanCopyPending() completes it. */
int qbjSpecPlanCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjSpec **spec, qbjRefusal *refusal);

/* Appends to the prepare phase what makes the image @req->target on top of the images of @disk, which it is
 * to stand on, and opens it on nothing: for a snapshot. */
int qbjSpecAddOverlay(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal);

/* (Re)plans the pending phase: merges of the bitmaps of @nodes (behaviour/20 B17, B18) into the target, which
 * is the mirror of @disk. @nodes: the "return" array of query-named-block-nodes, or NULL when no image has
 * bitmaps. Refused, with @spec unchanged: VIR_ERR_OPERATION_UNSUPPORTED when the target cannot store them
 * (20/B20). */
int qbjSpecPlanCopyPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes,
                           qbjRefusal *refusal);
