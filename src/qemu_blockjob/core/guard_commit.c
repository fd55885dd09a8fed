/* Refusals of virDomainBlockCommit that need nothing but the disk and the resolved request: 01/C7 to C15. */
#include <config.h>

#include "internal.h"
#include "spec_commit.h"
#include "blocknode.h"
#include "guard.h"
#include "storage_file/storage_source.h"

/* C11, C12 */
static int
qbjGuardCommitActive(const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    bool wanted = req->flags & VIR_DOMAIN_BLOCK_COMMIT_ACTIVE;
    bool active = req->top == disk->src;

    if (active && !wanted) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("commit of '%s' active layer requires active flag"), disk->dst);
        return -1;
    }
    if (!active && wanted) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("active commit requested but '%s' is not active"),
                      NULLSTR(req->top->path));
        return -1;
    }

    return 0;
}

/* C13, C14 */
static int
qbjGuardCommitBase(const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    if (!virStorageSourceHasBacking(req->top)) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("top '%s' in chain for '%s' has no backing file"),
                      NULLSTR(req->top->path), NULLSTR(disk->src->path));
        return -1;
    }
    if ((req->flags & VIR_DOMAIN_BLOCK_COMMIT_SHALLOW) && req->base != req->top->backingStore) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("base '%s' is not immediately below '%s' in chain for '%s'"),
                      NULLSTR(req->base->path), NULLSTR(req->top->path), NULLSTR(disk->src->path));
        return -1;
    }

    return 0;
}

/* C15. An active commit writes no backing name at all, so RELATIVE is kept there without doing anything. */
static int
qbjGuardCommitRelative(const qbjCommitRequest *req, qbjRefusal *refusal)
{
    g_autofree char *relative = NULL;

    if (!(req->flags & VIR_DOMAIN_BLOCK_COMMIT_RELATIVE) || !req->topParent)
        return 0;
    if (virStorageSourceGetRelativeBackingPath(req->top, req->base, &relative) == 0 && relative)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("can't keep relative backing relationship"));
    return -1;
}

int
qbjGuardCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, const qbjRefusal *busy, qbjRefusal *refusal)
{
    if (qbjGuardBandwidth(req->bandwidth, refusal) < 0 ||
        qbjGuardDiskKind(disk, refusal) < 0)
        return -1;

    if (virStorageSourceIsEmpty(disk->src)) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("disk %s has no source file to be committed"), disk->dst);
        return -1;
    }
    if (qbjGuardBusy(busy, refusal) < 0 ||
        qbjGuardCommitActive(disk, req, refusal) < 0 ||
        qbjGuardCommitBase(disk, req, refusal) < 0 ||
        qbjGuardCommitRelative(req, refusal) < 0)
        return -1;

    return 0;
}

bool
qbjGuardCommitSizesFit(const qbjCommitRequest *req)
{
    return req->top->capacity > 0 && req->base->capacity > 0 && req->base->capacity <= req->top->capacity;
}

/* Returns 0 with *@size in bytes, -1 with @refusal set. */
static int
qbjGuardCommitSize(const virStorageSource *src, virJSONValue *nodes, unsigned long long *size,
                   qbjRefusal *refusal)
{
    if (qbjBlockNodeSize(nodes, src->nodeformat, size) == 0)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of image '%s'"), NULLSTR(src->path));
    return -1;
}

int
qbjGuardCommitSizes(const qbjCommitRequest *req, virJSONValue *nodes, qbjRefusal *refusal)
{
    unsigned long long above = ULLONG_MAX;
    unsigned long long top;
    unsigned long long base;

    if (qbjGuardCommitSize(req->top, nodes, &top, refusal) < 0 ||
        qbjGuardCommitSize(req->base, nodes, &base, refusal) < 0 ||
        (req->topParent && qbjGuardCommitSize(req->topParent, nodes, &above, refusal) < 0))
        return -1;
    if (top >= base || above <= top)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                  _("top '%s' is smaller than base '%s': the guest would see what base holds beyond the end of top"),
                  NULLSTR(req->top->path), NULLSTR(req->base->path));
    return -1;
}
