/* The plan of a copy.
 *
 * The record of the copy covers the making of its target as well: whoever finds the record, whatever became
 * of daemon and QEMU meanwhile, knows the file, the nodes and the create job that are to be undone. */
#include <config.h>

#include "internal.h"
#include "spec_copy.h"
#include "blocknode.h"
#include "bitmap.h"
#include "spec_parts.h"
#include "storage_file/storage_source.h"

static qbjStep *
qbjCopyDeleteStep(const char *node)
{
    g_autoptr(virJSONValue) arguments = NULL;
    qbjStep *step;

    if (virJSONValueObjectAdd(&arguments, "s:node-name", node, NULL) < 0)
        return NULL;

    step = qbjStepNewCommand("blockdev-del", g_steal_pointer(&arguments));
    step->optional = true;
    return step;
}

/* Steals @options. */
static int
qbjCopyAddNode(qbjSpec *spec, virJSONValue *options, const char *node)
{
    qbjStep *undo;

    if (!options || !(undo = qbjCopyDeleteStep(node))) {
        virJSONValueFree(options);
        return -1;
    }
    qbjSpecAddCommand(spec, QBJ_PHASE_PREPARE, "blockdev-add", options)->undo = undo;
    return 0;
}

/* @options is stolen. The phase goes on when the job has ended. */
static int
qbjCopyAddCreate(qbjSpec *spec, const char *node, virJSONValue **options)
{
    g_autofree char *job = g_strdup_printf("create-%s", node);
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:job-id", job, "a:options", options, NULL) < 0)
        return -1;

    qbjSpecAddCommand(spec, QBJ_PHASE_PREPARE, "blockdev-create", g_steal_pointer(&arguments))->job =
        g_steal_pointer(&job);
    return 0;
}

static bool
qbjCopyIsReuse(const qbjCopyRequest *req)
{
    return req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
}

/* A raw file is as large as its content; a block device is as large as it is. */
static int
qbjCopyPlanFile(qbjSpec *spec, const qbjCopyRequest *req)
{
    const virStorageSource *target = req->target;
    g_autoptr(virJSONValue) options = NULL;

    if (qbjCopyIsReuse(req) || target->format != VIR_STORAGE_FILE_RAW ||
        virStorageSourceGetActualType(target) != VIR_STORAGE_TYPE_FILE)
        return 0;
    if (virJSONValueObjectAdd(&options, "s:driver", "file", "s:filename", target->path,
                              "U:size", req->source.capacity, NULL) < 0)
        return -1;

    return qbjCopyAddCreate(spec, target->nodestorage, &options);
}

static int
qbjCopyPlanFormat(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *target = req->target;
    const virStorageSource *below = qbjCopyIsShallow(disk, req) ? disk->src->backingStore : NULL;
    g_autoptr(virJSONValue) options = NULL;
    g_autofree char *backing = NULL;

    if (qbjCopyIsReuse(req) || target->format == VIR_STORAGE_FILE_RAW)
        return 0;
    if (below && !(backing = qbjBlockNodeBackingString(below, refusal)))
        return -1;
    if (virJSONValueObjectAdd(&options, "s:driver", virStorageFileFormatTypeToString(target->format),
                              "s:file", target->nodestorage,
                              "U:size", req->source.capacity,
                              "P:cluster-size", req->source.clusterSize,
                              "B:extended-l2", req->source.extendedL2,
                              "S:backing-file", backing,
                              "S:backing-fmt", below ? virStorageFileFormatTypeToString(below->format) : NULL,
                              NULL) < 0)
        return -1;

    return qbjCopyAddCreate(spec, target->nodeformat, &options);
}

/* 02/Q30, Q31 */
static int
qbjCopyPlanPrepare(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *target = req->target;
    const char *backing = qbjCopyIsShallow(disk, req) ? disk->src->backingStore->nodeformat : "";

    if (req->identity)
        qbjSpecAddFile(spec, qbjSpecImage(target), req->identity, req->made);
    qbjSpecAddAccess(spec, QBJ_PHASE_PREPARE, qbjSpecImage(target), QBJ_ACCESS_RW)->undo =
        qbjStepNewAccess(qbjSpecImage(target), QBJ_ACCESS_NONE);

    if (qbjCopyPlanFile(spec, req) < 0 ||
        qbjCopyAddNode(spec, qbjBlockNodeStorage(target, refusal), target->nodestorage) < 0 ||
        qbjCopyPlanFormat(spec, disk, req, refusal) < 0 ||
        qbjCopyAddNode(spec, qbjBlockNodeFormat(target, backing, false, refusal), target->nodeformat) < 0)
        return qbjSpecNotMade(spec, refusal);

    return 0;
}

static int
qbjCopyPlanStart(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    bool synchronous = req->flags & VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES;
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments,
                              "s:job-id", spec->job,
                              "s:device", spec->device,
                              "s:target", req->target->nodeformat,
                              "P:speed", req->bandwidth,
                              "p:granularity", req->granularity,
                              "P:buf-size", req->bufSize,
                              "s:sync", qbjCopyIsShallow(disk, req) ? "top" : "full",
                              "S:copy-mode", synchronous ? "write-blocking" : NULL,
                              "b:auto-finalize", false,
                              "b:auto-dismiss", false,
                              NULL) < 0)
        return qbjSpecNotMade(spec, refusal);

    qbjSpecAddCommand(spec, QBJ_PHASE_START, "blockdev-mirror", g_steal_pointer(&arguments));
    return 0;
}

/* Outcome new: of a shallow copy only the top has left the chain. */
static int
qbjCopyPlanNew(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    bool shallow = qbjCopyIsShallow(disk, req);
    const virStorageSource *src;

    for (src = disk->src; virStorageSourceIsBacking(src); src = shallow ? NULL : src->backingStore) {
        if (qbjSpecAddNodesDelete(spec, QBJ_PHASE_NODES, src) < 0)
            return qbjSpecNotMade(spec, refusal);
        qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(src), QBJ_ACCESS_NONE);
    }
    if (!disk->src->readonly)
        return 0;

    /* 01/Y19 */
    if (qbjSpecAddReopen(spec, QBJ_PHASE_NODES, disk, req->target,
                         shallow ? disk->src->backingStore->nodeformat : "", refusal) < 0)
        return -1;
    qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(req->target), QBJ_ACCESS_RO);
    return 0;
}

/* Outcome old: the file stays where it is (01/Y34). */
static int
qbjCopyPlanOld(qbjSpec *spec, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (qbjSpecAddNodesDelete(spec, QBJ_PHASE_ABORT, req->target) < 0)
        return qbjSpecNotMade(spec, refusal);

    qbjSpecAddAccess(spec, QBJ_PHASE_ABORT, qbjSpecImage(req->target), QBJ_ACCESS_NONE);
    return 0;
}

static qbjSpec *
qbjSpecNewCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    g_autofree char *job = g_strdup_printf("copy-%s-%s", disk->dst, disk->src->nodeformat);
    qbjSpec *spec = qbjSpecNew(QBJ_TYPE_COPY, job, disk->dst);

    spec->device = g_strdup(disk->src->nodeformat);
    spec->rootOld = g_strdup(disk->src->nodeformat);
    spec->rootNew = g_strdup(req->target->nodeformat);
    if (qbjCopyIsShallow(disk, req))
        spec->base = g_strdup(disk->src->backingStore->nodeformat);
    spec->change.type = QBJ_CHANGE_SWITCH;
    spec->change.disk = g_strdup(disk->dst);
    spec->change.nowOn = g_strdup(req->target->nodeformat);
    return spec;
}

int
qbjSpecPlanCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjSpec **spec, qbjRefusal *refusal)
{
    g_autoptr(qbjSpec) plan = NULL;

    if (qbjSpecCheckChain(disk, refusal) < 0)
        return -1;

    plan = qbjSpecNewCopy(disk, req);
    if (qbjCopyPlanPrepare(plan, disk, req, refusal) < 0 ||
        qbjCopyPlanStart(plan, disk, req, refusal) < 0 ||
        qbjCopyPlanNew(plan, disk, req, refusal) < 0 ||
        qbjCopyPlanOld(plan, req, refusal) < 0)
        return -1;

    *spec = g_steal_pointer(&plan);
    return 0;
}

int
qbjSpecPlanCopyPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func((GDestroyNotify) qbjStepFree);
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    g_autoptr(qbjBitmapSet) set = NULL;
    const virStorageSource *stop = qbjSpecFindImage(disk->src, spec->base);

    if (!disk->mirror || STRNEQ_NULLABLE(disk->mirror->nodeformat, spec->rootNew) ||
        STRNEQ_NULLABLE(disk->src->nodeformat, spec->rootOld) || (spec->base && !stop)) {
        qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("images of block job '%s' are not in the chain of disk '%s'"),
                      spec->job, disk->dst);
        return -1;
    }
    if (nodes && (!(set = qbjBitmapSetFromJSON(nodes, refusal)) ||
                  qbjSpecPlanMerges(set, disk->src, stop, disk->mirror, actions, NULL, refusal) < 0 ||
                  qbjSpecAddTransaction(steps, &actions) < 0))
        return qbjSpecNotMade(spec, refusal);

    g_ptr_array_unref(spec->phase[QBJ_PHASE_PENDING]);
    spec->phase[QBJ_PHASE_PENDING] = g_steal_pointer(&steps);
    return 0;
}
