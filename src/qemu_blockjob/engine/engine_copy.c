#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "engine_copy.h"
#include "engine_begin.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "engine_target.h"
#include "blocknode.h"
#include "domain_qmp.h"
#include "host_chain.h"
#include "host_secret.h"
#include "host_target.h"
#include "spec_parts.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virfile.h"
#include "virqbjjson.h"
#include "virsecureerase.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Y12 to Y15 */
static int
qbjEngineCopyCheckTarget(const virDomainDiskDef *disk, const qbjCopyRequest *req, const qbjHostTarget *found)
{
    bool reuse = req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
    bool block = virStorageSourceGetActualType(req->target) == VIR_STORAGE_TYPE_BLOCK;
    const char *path = req->target->path;

    if (!found->exists && (reuse || block)) {
        virReportSystemError(ENOENT, _("missing destination file for disk %s: %s"), disk->dst, path);
        return -1;
    }
    if (found->exists && !found->device && !found->empty && !reuse) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external destination file for disk %s already exists and is not a block device: %s"),
                       disk->dst, path);
        return -1;
    }
    if (found->exists && !found->device && block) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("blockdev flag requested for disk %s, but file '%s' is not a block device"),
                       disk->dst, path);
        return -1;
    }
    if (found->exists && !found->regular && !block) {
        virReportError(VIR_ERR_INVALID_ARG, _("destination '%s' for disk %s is not a regular file"), path, disk->dst);
        return -1;
    }
    return 0;
}

/* Y16 */
static int
qbjEngineCopySetFormat(const virDomainDiskDef *disk, qbjCopyRequest *req)
{
    bool reuse = req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;

    if (req->target->format != VIR_STORAGE_FILE_NONE)
        return 0;
    if (reuse && !virStorageSourceIsLocalStorage(req->target)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("reused mirror destination format must be specified"));
        return -1;
    }
    req->target->format = reuse ? qbjHostTargetProbe(req->target->path) : disk->src->format;
    return req->target->format < 0 ? -1 : 0;
}

/* The same file under another name is the same file: QEMU's lock would tell after all had been prepared
 * (01/Y27). On a server there is no lock, and a copy onto itself would destroy the disk. */
static bool
qbjEngineCopyIsSame(virStorageSource *target, virStorageSource *src)
{
    if (!virStorageSourceIsLocalStorage(target) || !virStorageSourceIsLocalStorage(src))
        return virStorageSourceIsSameLocation(target, src);

    return src->path && virFileLinkPointsTo(target->path, src->path);
}

static int
qbjEngineCopyCheckChain(const char *disk, virStorageSource *src, const qbjCopyRequest *req)
{
    for (; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjEngineCopyIsSame(req->target, src)) {
            virReportError(VIR_ERR_INVALID_ARG, _("destination '%s' is an image of disk '%s' itself"),
                           req->target->path, disk);
            return -1;
        }
    }
    return 0;
}

/* What the target stands on is there, is another image than itself, and nobody writes it (01/Y27). */
static int
qbjEngineCopyCheckBelow(const virDomainDef *def, const virStorageSource *image, const qbjCopyRequest *req)
{
    size_t i;

    if (!virStorageSourceIsLocalStorage(image) || !image->path)
        return 0;
    if (access(image->path, F_OK) < 0) {
        virReportSystemError(errno, _("Cannot access backing file '%s' of copy destination '%s'"), image->path,
                             NULLSTR(req->target->path));
        return -1;
    }
    if (virStorageSourceIsLocalStorage(req->target) && virFileLinkPointsTo(image->path, req->target->path)) {
        virReportError(VIR_ERR_INVALID_ARG, _("destination '%s' is in its own backing chain"), image->path);
        return -1;
    }
    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (!disk->src->readonly && virStorageSourceIsLocalStorage(disk->src) && disk->src->path &&
            virFileLinkPointsTo(image->path, disk->src->path)) {
            virReportError(VIR_ERR_INVALID_ARG, _("backing image '%s' of the destination is written by disk '%s'"),
                           image->path, disk->dst);
            return -1;
        }
    }
    return 0;
}

/* Y21, Y33: of a shallow copy, what the target stands on as far as the client does not say. */
static int
qbjEngineCopyProbe(virDomainObj *vm, const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    virStorageSource *from = req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT ? req->target : qbjCopyOwnChain(disk, req);
    const virStorageSource *src;

    if (!qbjCopyIsShallow(disk, req) || !from)
        return 0;
    if (qbjHostChainProbe(from, disk->dst, conf->user, conf->group) < 0)
        return -1;
    for (src = qbjCopyOwnChain(disk, req); virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjEngineCopyCheckBelow(vm->def, src, req) < 0)
            return -1;
    }
    return 0;
}

int
qbjEngineCopyCheckImages(const virDomainDef *def, const qbjCopyRequest *req)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (qbjEngineCopyCheckChain(disk->dst, disk->src, req) < 0 ||
            qbjEngineCopyCheckChain(disk->dst, disk->mirror, req) < 0)
            return -1;
    }
    return 0;
}

/* Of a block device on which QEMU makes an encryption: how large its header is, is known only afterwards. */
static int
qbjEngineCopyCheckRoom(const virDomainDiskDef *disk, const qbjCopyRequest *req, unsigned long long room)
{
    if (room > req->source.capacity)
        return 0;
    virReportError(VIR_ERR_INVALID_ARG,
                   _("destination '%s' of %llu bytes has no room for disk '%s' of %llu bytes and the header of its encryption"),
                   req->target->path, room, disk->dst, req->source.capacity);
    return -1;
}

/* A target that is not made by us must be as large as the disk: QEMU would start, and fail (01/Y26). */
static int
qbjEngineCopyCheckSize(const virDomainDiskDef *disk, const qbjCopyRequest *req, const qbjHostTarget *found)
{
    g_autoptr(virStorageSource) copy = NULL;
    unsigned long long capacity;

    if (!virStorageSourceIsLocalStorage(req->target) ||
        (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) &&
         !(found->device && req->target->format == VIR_STORAGE_FILE_RAW)))
        return 0;
    copy = virStorageSourceCopy(req->target, false);
    if (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT))
        g_clear_pointer(&copy->encryption, virStorageEncryptionFree);
    if (qbjHostTargetCapacity(copy, &capacity) < 0)
        return -1;
    if (req->target->encryption && !copy->encryption)
        return qbjEngineCopyCheckRoom(disk, req, capacity);
    return qbjEngineTargetFits(req->target->path, capacity, disk->dst, req->source.capacity);
}

static virJSONValue *
qbjEngineCopyInserted(virJSONValue *reply, const char *node)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *inserted = virJSONValueObjectGetObject(virJSONValueArrayGet(reply, i), "inserted");

        if (inserted && STREQ_NULLABLE(virJSONValueObjectGetString(inserted, "node-name"), node))
            return inserted;
    }
    return NULL;
}

/* query-block, for query-named-block-nodes must not be asked while a stream may have ended (protocol H3). */
int
qbjEngineCopyAskSource(virDomainObj *vm, const virDomainDiskDef *disk, qbjCopyRequest *req)
{
    g_autofree char *node = qbjSpecDevice(disk);
    g_autoptr(virJSONValue) reply = NULL;
    virJSONValue *inserted;
    virJSONValue *image;
    virJSONValue *specific;

    if (qbjDomainQmpCall(vm, "query-block", NULL, &reply) < 0)
        return -1;
    inserted = qbjEngineCopyInserted(reply, node);
    image = inserted ? virJSONValueObjectGetObject(inserted, "image") : NULL;
    if (!image || virJSONValueObjectGetNumberUlong(image, "virtual-size", &req->source.capacity) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of disk '%s'"), disk->dst);
        return -1;
    }
    if (disk->src->format == VIR_STORAGE_FILE_QCOW2 && req->target->format == VIR_STORAGE_FILE_QCOW2) {
        ignore_value(virJSONValueObjectGetNumberUlong(image, "cluster-size", &req->source.clusterSize));
        if ((specific = virJSONValueObjectGetObject(image, "format-specific")) &&
            (specific = virJSONValueObjectGetObject(specific, "data")))
            ignore_value(virJSONValueObjectGetBoolean(specific, "extended-l2", &req->source.extendedL2));
    }
    return 0;
}

/* Everything about the target that needs the host, with the lock dropped. The MODIFY job keeps @disk. */
static int
qbjEngineCopyTarget(virDomainObj *vm, const virDomainDiskDef *disk, qbjCopyRequest *req, qbjHostTarget *found)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (virStorageSourceIsLocalStorage(req->target) &&
        (qbjHostTargetLook(req->target->path, found) < 0 ||
         qbjEngineCopyCheckTarget(disk, req, found) < 0))
        return -1;
    if (qbjEngineCopyCheckImages(vm->def, req) < 0 ||
        qbjEngineCopySetFormat(disk, req) < 0 ||
        qbjEngineCopyProbe(vm, disk, req) < 0)
        return -1;
    return qbjGuardCopyFormat(disk, req, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
}

/* Node names (02/Q1), and what an image takes over from the disk. */
void
qbjEngineCopySetImage(virDomainObj *vm, const virDomainDiskDef *disk, virStorageSource *image, bool active)
{
    virQbjStatusNumberImage(QBJ_DOMAIN_PRIVATE(vm)->status, image);
    qbjBlockNodeSetModes(image, disk, active);
    qbjBlockNodeSetEngine(image);
    image->readonly = !active;
}

/* Y19 */
static void
qbjEngineCopySetTarget(virDomainObj *vm, const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    virStorageSource *target = req->target;
    virStorageSource *below;

    qbjEngineCopySetImage(vm, disk, target, true);
    target->shared = disk->src->shared;
    for (below = qbjCopyOwnChain(disk, req); virStorageSourceIsBacking(below); below = below->backingStore)
        qbjEngineCopySetImage(vm, disk, below, false);
    if (!qbjCopyIsShallow(disk, req) && !target->backingStore)
        target->backingStore = virStorageSourceNew();
}

/* What is in an image that was there may hold bitmaps of its own. */
static bool
qbjEngineCopyBitmaps(const qbjCopyRequest *req)
{
    return virStorageSourceHasBacking(req->target) ||
        (req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT && req->target->format == VIR_STORAGE_FILE_QCOW2);
}

/* What the target needs, with the lock dropped. @libDir: the VM's. */
int
qbjEngineCopySecrets(const qbjCopyRequest *req, const char *libDir, GHashTable *secrets)
{
    uint8_t key[QBJ_HOST_KEY_LEN] = { 0 };
    int rc = -1;

    if (!qbjHostSecretsNeeded(req->target))
        return 0;
    if (qbjHostSecretReadKey(libDir, key) == 0)
        rc = qbjHostSecretsAdd(req->target, key, secrets);
    virSecureErase(key, sizeof(key));
    return rc;
}

/* The plan names the objects; what is in them goes to QEMU, and never into the record. */
int
qbjEngineCopyGiveSecrets(qbjSpec *spec, GHashTable *secrets)
{
    GPtrArray *steps = spec->phase[QBJ_PHASE_PREPARE];
    size_t i;

    for (i = 0; i < steps->len; i++) {
        qbjStep *step = g_ptr_array_index(steps, i);
        const qbjHostSecret *secret;

        if (step->type != QBJ_STEP_SECRET)
            continue;
        if (!(secret = g_hash_table_lookup(secrets, step->secret))) {
            virReportError(VIR_ERR_INTERNAL_ERROR, _("There is no secret for object '%s'."), step->secret);
            return -1;
        }
        if (!(step->arguments = qbjHostSecretObject(step->secret, secret)))
            return -1;
    }
    return 0;
}

/* @fd: of the target's file, -1 when it is at its place; it is taken. */
static int
qbjEngineCopyBegin(virDomainObj *vm, virDomainDiskDef *disk, const qbjCopyRequest *req, GHashTable *secrets, int *fd)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    qbjSpec *spec = NULL;
    virQbjJob *job;

    if (qbjSpecPlanCopy(disk, req, &spec, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    if (qbjEngineCopyGiveSecrets(spec, secrets) < 0) {
        qbjSpecFree(spec);
        return -1;
    }

    job = virQbjJobNew(spec, req->flags);
    job->shallowNew = qbjCopyIsShallow(disk, req) && !qbjCopyOwnChain(disk, req);
    job->speed = req->bandwidth;
    job->targetFd = *fd;
    *fd = -1;
    disk->mirror = virObjectRef(req->target);
    disk->mirrorState = VIR_DOMAIN_DISK_MIRROR_STATE_NONE;
    disk->mirrorJob = VIR_DOMAIN_BLOCK_JOB_TYPE_COPY;
    if (qbjEngineCopyBitmaps(req))
        QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps = true;
    return qbjEngineBegin(vm, job);
}

/* A file of ours that no record names yet. */
static void
qbjEngineCopyRemove(const qbjCopyRequest *req, const char *identity)
{
    virErrorPtr reason;

    if (!identity)
        return;
    virErrorPreserveLast(&reason);
    ignore_value(qbjHostTargetRemove(req->target->path, identity));
    virErrorRestore(&reason);
}

/* @found: what is at the target's place. Y18: the file is made before the record, which names it by its
 * identity, so that no later daemon removes one that somebody else has put there. It gets its name when the
 * record is saved. */
static int
qbjEngineCopyMake(virDomainObj *vm, virDomainDiskDef *disk, qbjCopyRequest *req, const qbjHostTarget *found)
{
    g_autofree char *target = g_strdup(disk->dst);
    g_autofree char *identity = NULL;
    g_autofree char *libDir = g_strdup(QBJ_DOMAIN_PRIVATE(vm)->status->libDir);
    g_autoptr(GHashTable) secrets = qbjHostSecretsNew();
    VIR_AUTOCLOSE fd = -1;
    int rc = 0;

    qbjEngineCopySetTarget(vm, disk, req);
    virObjectUnlock(vm);
    if (qbjEngineCopyCheckSize(disk, req, found) < 0 ||
        qbjEngineCopySecrets(req, libDir, secrets) < 0 ||
        (!found->exists && virStorageSourceIsLocalStorage(req->target) &&
         qbjHostTargetCreate(req->target->path, &identity, &fd) < 0))
        rc = -1;
    virObjectLock(vm);
    if (rc < 0)
        return -1;

    req->made = identity != NULL;
    req->identity = identity;
    if (!identity && !(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT))
        req->identity = found->identity;
    rc = qbjEngineRequestRunning(vm) < 0 ? -1 : qbjEngineCopyBegin(vm, disk, req, secrets, &fd);
    req->identity = NULL;
    /* a record that is left goes on by itself, and undoes it if need be */
    if (rc < 0 && !qbjEngineJobFindByDisk(vm, target)) {
        virObjectUnlock(vm);
        qbjEngineCopyRemove(req, identity);
        virObjectLock(vm);
    }
    return rc;
}

int
qbjEngineCopy(virDomainObj *vm, const char *diskName, qbjCopyRequest *req)
{
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_auto(qbjHostTarget) found = { 0 };
    virDomainDiskDef *disk;
    int rc;

    if (qbjEngineRequestRunning(vm) < 0 || !(disk = qbjEngineRequestDisk(vm, diskName)))
        return -1;
    qbjEngineRequestBusy(vm, disk, &busy);
    if (qbjGuardCopy(disk, req, vm->persistent, busy.code == VIR_ERR_OK ? NULL : &busy, &refusal) < 0 ||
        qbjCopySetGranularity(disk, req, &refusal) < 0)
        return qbjEngineRefuse(&refusal);

    virObjectUnlock(vm);
    rc = qbjEngineCopyTarget(vm, disk, req, &found);
    virObjectLock(vm);
    if (rc < 0 || qbjEngineRequestRunning(vm) < 0 ||
        qbjEngineRequestBeside(vm, false, qbjEngineCopyBitmaps(req)) < 0 || qbjEngineCopyAskSource(vm, disk, req) < 0 ||
        qbjEngineRequestRunning(vm) < 0)
        return -1;
    return qbjEngineCopyMake(vm, disk, req, &found);
}
