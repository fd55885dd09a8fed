/* The plan of a pull, but for its pending phase (spec_pull_pending.c).
 *
 * Where the stock driver differs (01/P14): the image of a read-only disk gets access rights for writing
 * before QEMU opens it so, and loses them afterwards. */
#include <config.h>

#include "internal.h"
#include "spec_pull.h"
#include "blocknode.h"
#include "guard.h"
#include "spec_parts.h"
#include "storage_file/storage_source.h"

int
qbjPullRelativeName(const virDomainDiskDef *disk, const qbjPullRequest *req, char **name, qbjRefusal *refusal)
{
    if (virStorageSourceGetRelativeBackingPath(disk->src->backingStore, req->base, name) == 0 && *name)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("can't keep relative backing relationship"));
    return -1;
}

static int
qbjPullBackingName(const virDomainDiskDef *disk, const qbjPullRequest *req, char **name, char **relative,
                   qbjRefusal *refusal)
{
    if (!req->base)
        return 0;
    if (!req->relative)
        return (*name = qbjBlockNodeBackingString(req->base, refusal)) ? 0 : -1;
    if (qbjPullRelativeName(disk, req, relative, refusal) < 0)
        return -1;

    *name = g_strdup(*relative);
    return 0;
}

static int
qbjPullPlanStart(qbjSpec *spec, const virDomainDiskDef *disk, const qbjPullRequest *req, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autofree char *backing = NULL;

    if (qbjPullBackingName(disk, req, &backing, &spec->change.relative, refusal) < 0)
        return -1;

    if (virJSONValueObjectAdd(&arguments,
                              "s:device", spec->device,
                              "s:job-id", spec->job,
                              "P:speed", req->bandwidth,
                              "S:base-node", spec->base,
                              "S:backing-file", backing,
                              "s:on-error", qbjSpecErrorPolicy(NULL),
                              "b:auto-finalize", false,
                              "b:auto-dismiss", false,
                              NULL) < 0)
        return qbjSpecNotMade(spec, refusal);

    qbjSpecAddCommand(spec, QBJ_PHASE_START, "block-stream", g_steal_pointer(&arguments));
    return 0;
}

/* QEMU itself makes the image of a read-only disk read-only again when a stream ends; that is said once more,
 * for the flush has named it writable. @phase: where rights are lowered afterwards. */
static int
qbjPullPlanReadonly(qbjSpec *spec, const virDomainDiskDef *disk, qbjSpecPhase reopen, qbjSpecPhase rights,
                    const char *backing, qbjRefusal *refusal)
{
    if (!disk->src->readonly)
        return 0;
    if (qbjSpecAddReopen(spec, reopen, disk, disk->src, backing, refusal) < 0)
        return -1;

    qbjSpecAddAccess(spec, rights, qbjSpecImage(disk->src), QBJ_ACCESS_RO);
    return 0;
}

/* Everything between the active image and base leaves the chain: nodes top first (02/Q14), then rights. Files
 * stay (P10). */
static void
qbjPullPlanRemoved(qbjSpec *spec, const virDomainDiskDef *disk, const qbjPullRequest *req)
{
    const virStorageSource *src;

    for (src = disk->src->backingStore; virStorageSourceIsBacking(src) && src != req->base; src = src->backingStore) {
        qbjSpecAddNodesDelete(spec, QBJ_PHASE_NODES, src);
        qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(src), QBJ_ACCESS_NONE);
    }
}

static qbjSpec *
qbjSpecNewPull(const virDomainDiskDef *disk, const qbjPullRequest *req)
{
    g_autofree char *job = g_strdup_printf("pull-%s-%s", disk->dst, disk->src->nodeformat);
    qbjSpec *spec = qbjSpecNew(QBJ_TYPE_PULL, job, disk->dst);

    /* never the copy-on-read filter above it (02/Q4) */
    spec->device = g_strdup(disk->src->nodeformat);
    spec->base = req->base ? g_strdup(req->base->nodeformat) : NULL;
    spec->change.type = QBJ_CHANGE_CUT;
    spec->change.disk = g_strdup(disk->dst);
    spec->change.above = g_strdup(disk->src->nodeformat);
    spec->change.nowOn = g_strdup(spec->base);
    return spec;
}

int
qbjSpecPlanPull(const virDomainDiskDef *disk, const qbjPullRequest *req, qbjSpec **spec, qbjRefusal *refusal)
{
    g_autoptr(qbjSpec) plan = NULL;

    if (virStorageSourceIsEmpty(disk->src)) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("disk %s has no source file to be pulled into"),
                      disk->dst);
        return -1;
    }
    if (qbjGuardBandwidth(req->bandwidth, refusal) < 0 ||
        qbjSpecCheckChain(disk, refusal) < 0)
        return -1;

    plan = qbjSpecNewPull(disk, req);
    if (disk->src->readonly)
        qbjSpecAddRaise(plan, disk->src);

    if (qbjPullPlanStart(plan, disk, req, refusal) < 0 ||
        qbjSpecPlanPullPending(plan, disk, NULL, false, refusal) < 0 ||
        qbjPullPlanReadonly(plan, disk, QBJ_PHASE_NODES, QBJ_PHASE_RIGHTS, NULLSTR_EMPTY(plan->base), refusal) < 0)
        return -1;
    qbjPullPlanRemoved(plan, disk, req);
    if (qbjPullPlanReadonly(plan, disk, QBJ_PHASE_ABORT, QBJ_PHASE_ABORT, qbjSpecBackingNode(disk->src), refusal) < 0)
        return -1;

    *spec = g_steal_pointer(&plan);
    return 0;
}
