/* The plan of a commit, but for its pending phase (spec_commit_pending.c).
 *
 * Where the stock driver differs (02/Q61 to Q63, Q84, Q85, 01/J17): rights and read-only state of base are
 * put back after an end that leaves the old chain, too, and after the pivot base is reopened: read-only if
 * the disk is, and with the disk's detect_zeroes, which it did not have below the active image. */
#include <config.h>

#include "internal.h"
#include "spec_commit.h"
#include "blocknode.h"
#include "spec_parts.h"
#include "storage_file/storage_source.h"

/* 01/C16; the active image of a read-only disk is a parent whose header cannot be written either */
static void
qbjSpecPlanPrepare(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCommitRequest *req)
{
    qbjSpecAddRaise(spec, req->base);
    if (req->topParent && !qbjSpecIsWritable(disk, req->topParent))
        qbjSpecAddRaise(spec, req->topParent);
}

static int
qbjSpecBackingName(const qbjCommitRequest *req, char **name, char **relative, qbjRefusal *refusal)
{
    if (!(req->flags & VIR_DOMAIN_BLOCK_COMMIT_RELATIVE))
        return (*name = qbjBlockNodeBackingString(req->base, refusal)) ? 0 : -1;

    if (virStorageSourceGetRelativeBackingPath(req->top, req->base, relative) != 0 || !*relative) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("can't keep relative backing relationship"));
        return -1;
    }

    *name = g_strdup(*relative);
    return 0;
}

static int
qbjSpecPlanStart(qbjSpec *spec, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autofree char *backing = NULL;

    if (req->topParent && qbjSpecBackingName(req, &backing, &spec->change.relative, refusal) < 0)
        return -1;

    if (virJSONValueObjectAdd(&arguments,
                              "s:device", spec->device,
                              "s:job-id", spec->job,
                              "P:speed", req->bandwidth,
                              "s:top-node", spec->top,
                              "s:base-node", spec->base,
                              "S:backing-file", backing,
                              "s:on-error", qbjSpecErrorPolicy(req->base),
                              "b:auto-finalize", false,
                              "b:auto-dismiss", false,
                              NULL) < 0)
        return qbjSpecNotMade(spec, refusal);

    qbjSpecAddCommand(spec, QBJ_PHASE_START, "block-commit", g_steal_pointer(&arguments));
    return 0;
}

/* Everything between top and base leaves the chain: nodes top first (02/Q14), rights, and the files if
 * asked (C22). */
static void
qbjSpecPlanRemoved(qbjSpec *spec, const qbjCommitRequest *req)
{
    const virStorageSource *src;

    for (src = req->top; src != req->base; src = src->backingStore) {
        qbjSpecAddNodesDelete(spec, QBJ_PHASE_NODES, src);
        qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(src), QBJ_ACCESS_NONE);
        if ((req->flags & VIR_DOMAIN_BLOCK_COMMIT_DELETE) &&
            virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_FILE)
            qbjSpecAddUnlink(spec, qbjSpecImage(src));
    }
}

/* An active commit's base takes the place of the active image: its mode for zeroes, and read-only as the disk
 * is. */
static int
qbjSpecPlanActiveBase(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    virJSONValue *arguments;

    if (!disk->src->readonly && !qbjBlockNodeDetectsZeroes(disk))
        return 0;
    if (!(arguments = qbjBlockNodeReopenActive(disk, req->base, qbjSpecBackingNode(req->base), disk->src->readonly,
                                               refusal)))
        return -1;

    qbjSpecAddCommand(spec, QBJ_PHASE_NODES, "blockdev-reopen", arguments)->optional = true;
    return 0;
}

/* Outcome new. An active commit's base is the guest's disk now and keeps the rights it was given, unless the
 * disk is read-only; of an intermediate one base and parent become backing images again, the parent on its
 * new backing node. */
static int
qbjSpecPlanNew(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    bool parentReadonly = req->topParent && !qbjSpecIsWritable(disk, req->topParent);

    if (parentReadonly &&
        qbjSpecAddReopen(spec, QBJ_PHASE_NODES, disk, req->topParent, spec->base, refusal) < 0)
        return -1;
    qbjSpecPlanRemoved(spec, req);

    if (req->topParent ?
        qbjSpecAddReopen(spec, QBJ_PHASE_NODES, disk, req->base, qbjSpecBackingNode(req->base), refusal) < 0 :
        qbjSpecPlanActiveBase(spec, disk, req, refusal) < 0)
        return -1;
    if (req->topParent || disk->src->readonly)
        qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(req->base), QBJ_ACCESS_RO);
    if (parentReadonly)
        qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(req->topParent), QBJ_ACCESS_RO);

    return 0;
}

/* Outcome old. QEMU leaves base writable after a cancelled or failed commit, with its stored bitmaps marked
 * in use; reopening it read-only stores them clean (protocol 2). */
static int
qbjSpecPlanOld(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjRefusal *refusal)
{
    bool parentReadonly = req->topParent && !qbjSpecIsWritable(disk, req->topParent);

    if (parentReadonly &&
        qbjSpecAddReopen(spec, QBJ_PHASE_ABORT, disk, req->topParent, spec->top, refusal) < 0)
        return -1;
    if (qbjSpecAddReopen(spec, QBJ_PHASE_ABORT, disk, req->base, qbjSpecBackingNode(req->base), refusal) < 0)
        return -1;

    qbjSpecAddAccess(spec, QBJ_PHASE_ABORT, qbjSpecImage(req->base), QBJ_ACCESS_RO);
    if (parentReadonly)
        qbjSpecAddAccess(spec, QBJ_PHASE_ABORT, qbjSpecImage(req->topParent), QBJ_ACCESS_RO);

    return 0;
}

static qbjSpec *
qbjSpecNewCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req)
{
    g_autofree char *job = g_strdup_printf("commit-%s-%s", disk->dst, req->top->nodeformat);
    qbjSpec *spec = qbjSpecNew(req->topParent ? QBJ_TYPE_COMMIT : QBJ_TYPE_ACTIVE_COMMIT, job, disk->dst);

    spec->device = qbjSpecDevice(disk);
    spec->base = g_strdup(req->base->nodeformat);
    spec->top = g_strdup(req->top->nodeformat);
    spec->change.disk = g_strdup(disk->dst);
    spec->change.nowOn = g_strdup(req->base->nodeformat);

    if (req->topParent) {
        spec->topParent = g_strdup(req->topParent->nodeformat);
        spec->change.type = QBJ_CHANGE_CUT;
        spec->change.above = g_strdup(req->topParent->nodeformat);
    } else {
        spec->rootOld = g_strdup(req->top->nodeformat);
        spec->rootNew = g_strdup(req->base->nodeformat);
        spec->change.type = QBJ_CHANGE_SWITCH;
    }

    return spec;
}

int
qbjSpecPlanCommit(const virDomainDiskDef *disk, const qbjCommitRequest *req, qbjSpec **spec, qbjRefusal *refusal)
{
    g_autoptr(qbjSpec) plan = NULL;

    if (qbjSpecCheckChain(disk, refusal) < 0)
        return -1;

    plan = qbjSpecNewCommit(disk, req);
    qbjSpecPlanPrepare(plan, disk, req);

    if (qbjSpecPlanStart(plan, req, refusal) < 0 ||
        qbjSpecPlanCommitPending(plan, disk, NULL, refusal) < 0 ||
        qbjSpecPlanNew(plan, disk, req, refusal) < 0 ||
        qbjSpecPlanOld(plan, disk, req, refusal) < 0)
        return -1;

    *spec = g_steal_pointer(&plan);
    return 0;
}
