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

/* Steals @options. Only the prepare phase is undone. */
static int
qbjCopyAddNode(qbjSpec *spec, qbjSpecPhase phase, virJSONValue *options, const char *node)
{
    qbjStep *step;

    if (!options)
        return -1;
    step = qbjSpecAddCommand(spec, phase, "blockdev-add", options);
    if (phase == QBJ_PHASE_PREPARE)
        step->undo = qbjStepNewDelete("blockdev-del", "node-name", node);
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

/* The passphrases of the images of @chain, and the passwords by which they are reached. */
static void
qbjCopyAddSecrets(qbjSpec *spec, const virStorageSource *chain)
{
    for (; virStorageSourceIsBacking(chain); chain = chain->backingStore) {
        g_autofree char *password = qbjBlockNodeAuthSecret(chain);
        g_autofree char *passphrase = chain->encryption ? qbjBlockNodeSecret(chain) : NULL;

        if (password)
            qbjSpecAddSecret(spec, password);
        if (passphrase)
            qbjSpecAddSecret(spec, passphrase);
    }
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

/* What the target stands on when it is opened, and when the job has switched: an image of its own chain, one
 * of the disk's, or nothing. */
static const virStorageSource *
qbjCopyBelow(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    const virStorageSource *own = qbjCopyOwnChain(disk, req);

    if (own)
        return own;
    return qbjCopyIsShallow(disk, req) ? disk->src->backingStore : NULL;
}

/* 02/Q40. An encrypted image without a format of its own is one of the driver luks. */
static int
qbjCopyPlanLuks(qbjSpec *spec, const qbjCopyRequest *req)
{
    const virStorageSource *target = req->target;
    g_autofree char *secret = qbjBlockNodeSecret(target);
    g_autoptr(virJSONValue) options = NULL;

    if (virJSONValueObjectAdd(&options, "s:driver", "luks", "s:file", target->nodestorage,
                              "U:size", req->source.capacity, "s:key-secret", secret, NULL) < 0)
        return -1;

    return qbjCopyAddCreate(spec, target->nodeformat, &options);
}

static int
qbjCopyEncryptOptions(const virStorageSource *target, virJSONValue **encrypt)
{
    g_autofree char *secret = target->encryption ? qbjBlockNodeSecret(target) : NULL;

    if (!secret)
        return 0;
    return virJSONValueObjectAdd(encrypt, "s:format", "luks", "s:key-secret", secret, NULL);
}

/* What the header of a target that is made names; NULL: nothing. */
static int
qbjCopyBackingString(const virDomainDiskDef *disk, const qbjCopyRequest *req, char **backing, qbjRefusal *refusal)
{
    const virStorageSource *below = req->target->format == VIR_STORAGE_FILE_RAW ? NULL : qbjCopyBelow(disk, req);

    return below && !(*backing = qbjBlockNodeBackingString(below, refusal)) ? -1 : 0;
}

/* A file that was there says what is going to be made of it: nothing else is taken for ours when it is to be
 * empty again. */
static int
qbjCopyPlanThere(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    qbjStep *step = qbjSpecAddFile(spec, qbjSpecImage(req->target), req->identity, req->made);

    step->filled = req->filled;
    if (step->undo->type != QBJ_STEP_EMPTY)
        return 0;
    step->undo->capacity = req->source.capacity;
    step->undo->encrypted = req->target->encryption != NULL;
    return qbjCopyBackingString(disk, req, &step->undo->backing, refusal);
}

static int
qbjCopyPlanFormat(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *target = req->target;
    const virStorageSource *below = qbjCopyBelow(disk, req);
    g_autoptr(virJSONValue) options = NULL;
    g_autoptr(virJSONValue) encrypt = NULL;
    g_autofree char *backing = NULL;

    if (qbjCopyIsReuse(req) || req->filled)
        return 0;
    if (target->format == VIR_STORAGE_FILE_RAW)
        return target->encryption ? qbjCopyPlanLuks(spec, req) : 0;
    if (qbjCopyBackingString(disk, req, &backing, refusal) < 0)
        return -1;
    if (qbjCopyEncryptOptions(target, &encrypt) < 0)
        return -1;
    if (virJSONValueObjectAdd(&options, "s:driver", virStorageFileFormatTypeToString(target->format),
                              "s:file", target->nodestorage,
                              "U:size", req->source.capacity,
                              "P:cluster-size", req->source.clusterSize,
                              "B:extended-l2", req->source.extendedL2,
                              "S:backing-file", backing,
                              "S:backing-fmt", below ? qbjSpecBackingFormat(below) : NULL,
                              "A:encrypt", &encrypt,
                              NULL) < 0)
        return -1;

    return qbjCopyAddCreate(spec, target->nodeformat, &options);
}

static const char *
qbjCopyBelowNode(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    const virStorageSource *below = qbjCopyBelow(disk, req);

    return below ? below->nodeformat : "";
}

/* Images of the target's own chain that the disk uses as well keep their rights. */
static bool
qbjCopyIsShared(const virStorageSource *chain, const virStorageSource *image)
{
    for (; virStorageSourceIsBacking(chain); chain = chain->backingStore) {
        /* changes neither */
        if (virStorageSourceIsSameLocation((virStorageSource *) (uintptr_t) chain,
                                           (virStorageSource *) (uintptr_t) image))
            return true;
    }
    return false;
}

static void
qbjCopyAddChainAccess(qbjSpec *spec, const virDomainDiskDef *disk, const virStorageSource *chain)
{
    for (; virStorageSourceIsBacking(chain); chain = chain->backingStore) {
        if (!qbjCopyIsShared(disk->src, chain))
            qbjSpecAddAccess(spec, QBJ_PHASE_PREPARE, qbjSpecImage(chain), QBJ_ACCESS_RO)->undo =
                qbjStepNewAccess(qbjSpecImage(chain), QBJ_ACCESS_NONE);
    }
}

/* Appends the nodes of @chain to @phase, the lowest image first (02/Q12). */
static int
qbjCopyAddChainNodes(qbjSpec *spec, qbjSpecPhase phase, const virStorageSource *chain, qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new();
    size_t i;

    for (; virStorageSourceIsBacking(chain); chain = chain->backingStore)
        g_ptr_array_add(images, (void *) (uintptr_t) chain);
    for (i = images->len; i > 0; i--) {
        const virStorageSource *src = images->pdata[i - 1];
        const char *backing = i < images->len ? src->backingStore->nodeformat : "";

        if (qbjCopyAddNode(spec, phase, qbjBlockNodeStorage(src, refusal), src->nodestorage) < 0 ||
            qbjCopyAddNode(spec, phase, qbjBlockNodeFormat(src, backing, true, refusal), src->nodeformat) < 0)
            return -1;
    }
    return 0;
}

/* 02/Q30, Q31. An image that was there is opened on nothing: what it stands on may still be on its way
 * (01/Y32). The passphrases of that are given to QEMU all the same: later nobody may have them any more. */
static int
qbjCopyPlanPrepare(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, const char *backing,
                   qbjRefusal *refusal)
{
    const virStorageSource *target = req->target;
    const virStorageSource *own = qbjCopyOwnChain(disk, req);

    if (req->identity && qbjCopyPlanThere(spec, disk, req, refusal) < 0)
        return -1;
    qbjSpecAddAccess(spec, QBJ_PHASE_PREPARE, qbjSpecImage(target), QBJ_ACCESS_RW)->undo =
        qbjStepNewAccess(qbjSpecImage(target), QBJ_ACCESS_NONE);
    qbjCopyAddChainAccess(spec, disk, own);
    qbjCopyAddSecrets(spec, target);

    if ((!qbjCopyIsReuse(req) && qbjCopyAddChainNodes(spec, QBJ_PHASE_PREPARE, own, refusal) < 0) ||
        qbjCopyPlanFile(spec, req) < 0 ||
        qbjCopyAddNode(spec, QBJ_PHASE_PREPARE, qbjBlockNodeStorage(target, refusal), target->nodestorage) < 0 ||
        qbjCopyPlanFormat(spec, disk, req, refusal) < 0 ||
        qbjCopyAddNode(spec, QBJ_PHASE_PREPARE, qbjBlockNodeFormat(target, backing, false, refusal),
                       target->nodeformat) < 0)
        return qbjSpecNotMade(spec, refusal);

    return 0;
}

int
qbjSpecAddOverlay(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    /* what a shallow copy makes, were there an image above the active one */
    virStorageSource top = { .type = VIR_STORAGE_TYPE_FILE, .backingStore = disk->src };
    virDomainDiskDef above = *disk;
    qbjCopyRequest shallow = *req;

    above.src = &top;
    shallow.flags |= VIR_DOMAIN_BLOCK_COPY_SHALLOW;
    return qbjCopyPlanPrepare(spec, &above, &shallow, "", refusal);
}

/* @backing: as of qbjBlockNodeFormat() */
static qbjStep *
qbjCopyAddTargetReopen(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, const char *backing,
                       qbjRefusal *refusal)
{
    virJSONValue *arguments = qbjBlockNodeReopenActive(disk, req->target, backing, false, refusal);

    return arguments ? qbjSpecAddCommand(spec, QBJ_PHASE_ATTACH, "blockdev-reopen", arguments) : NULL;
}

/* The chain of an image that was there comes below it when the job is about to be completed. An earlier try
 * that failed, also of an earlier daemon, is taken back first. */
static int
qbjCopyPlanAttach(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *own = qbjCopyOwnChain(disk, req);
    const virStorageSource *src;
    qbjStep *detach;

    if (!own || !qbjCopyIsReuse(req))
        return 0;
    if (!(detach = qbjCopyAddTargetReopen(spec, disk, req, "", refusal)))
        return qbjSpecNotMade(spec, refusal);
    detach->optional = true;
    for (src = own; virStorageSourceIsBacking(src); src = src->backingStore)
        qbjSpecAddNodesOnlyDelete(spec, QBJ_PHASE_ATTACH, src);
    if (qbjCopyAddChainNodes(spec, QBJ_PHASE_ATTACH, own, refusal) < 0 ||
        !qbjCopyAddTargetReopen(spec, disk, req, own->nodeformat, refusal))
        return qbjSpecNotMade(spec, refusal);
    return 0;
}

static int
qbjCopyPlanStart(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    bool synchronous = req->flags & VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES;
    const char *replaces = disk->copy_on_read == VIR_TRISTATE_SWITCH_ON ? spec->rootOld : NULL;
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments,
                              "s:job-id", spec->job,
                              "s:device", spec->device,
                              "s:target", req->target->nodeformat,
                              "S:replaces", replaces,
                              "P:speed", req->bandwidth,
                              "p:granularity", req->granularity,
                              "P:buf-size", req->bufSize,
                              "s:sync", qbjCopyIsShallow(disk, req) ? "top" : "full",
                              "S:copy-mode", synchronous ? "write-blocking" : NULL,
                              "s:on-target-error", qbjSpecErrorPolicy(req->target),
                              "b:auto-finalize", false,
                              "b:auto-dismiss", false,
                              NULL) < 0)
        return qbjSpecNotMade(spec, refusal);

    qbjSpecAddCommand(spec, QBJ_PHASE_START, "blockdev-mirror", g_steal_pointer(&arguments));
    return 0;
}

/* Outcome new: of a shallow copy on the disk's own images only the top has left the chain. */
static int
qbjCopyPlanNew(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *own = qbjCopyOwnChain(disk, req);
    bool topOnly = qbjCopyIsShallow(disk, req) && !own;
    const virStorageSource *src;

    for (src = disk->src; virStorageSourceIsBacking(src); src = topOnly ? NULL : src->backingStore) {
        qbjSpecAddNodesDelete(spec, QBJ_PHASE_NODES, src);
        if (!qbjCopyIsShared(own, src))
            qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(src), QBJ_ACCESS_NONE);
    }
    if (!disk->src->readonly)
        return 0;

    /* 01/Y19 */
    if (qbjSpecAddReopen(spec, QBJ_PHASE_NODES, disk, req->target, qbjCopyBelowNode(disk, req), refusal) < 0)
        return -1;
    qbjSpecAddAccess(spec, QBJ_PHASE_RIGHTS, qbjSpecImage(req->target), QBJ_ACCESS_RO);
    return 0;
}

/* Outcome old: the file stays where it is (01/Y34). */
static void
qbjCopyPlanOld(qbjSpec *spec, const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    const virStorageSource *own = qbjCopyOwnChain(disk, req);
    const virStorageSource *src;

    qbjSpecAddNodesDelete(spec, QBJ_PHASE_ABORT, req->target);
    for (src = own; virStorageSourceIsBacking(src); src = src->backingStore)
        qbjSpecAddNodesDelete(spec, QBJ_PHASE_ABORT, src);

    qbjSpecAddAccess(spec, QBJ_PHASE_ABORT, qbjSpecImage(req->target), QBJ_ACCESS_NONE);
    for (src = own; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (!qbjCopyIsShared(disk->src, src))
            qbjSpecAddAccess(spec, QBJ_PHASE_ABORT, qbjSpecImage(src), QBJ_ACCESS_NONE);
    }
}

static qbjSpec *
qbjSpecNewCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    g_autofree char *job = g_strdup_printf("copy-%s-%s", disk->dst, disk->src->nodeformat);
    qbjSpec *spec = qbjSpecNew(QBJ_TYPE_COPY, job, disk->dst);

    spec->device = qbjSpecDevice(disk);
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
    if (qbjCopyPlanPrepare(plan, disk, req, qbjCopyIsReuse(req) ? "" : qbjCopyBelowNode(disk, req), refusal) < 0 ||
        qbjCopyPlanStart(plan, disk, req, refusal) < 0 ||
        qbjCopyPlanAttach(plan, disk, req, refusal) < 0 ||
        qbjCopyPlanNew(plan, disk, req, refusal) < 0)
        return -1;
    qbjCopyPlanOld(plan, disk, req);

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
