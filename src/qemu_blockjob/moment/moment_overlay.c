#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_overlay.h"
#include "moment_reuse.h"
#include "moment_settle.h"
#include "engine_copy.h"
#include "engine_inuse.h"
#include "engine_phase.h"
#include "engine_refuse.h"
#include "engine_request.h"
#include "domain_qmp.h"
#include "blocknode.h"
#include "host_chain.h"
#include "host_qcow2.h"
#include "host_secret.h"
#include "spec_overlay.h"
#include "spec_parts.h"
#include "vm_chain.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A disk that does not write this much in so long is not one to switch a guest to. */
#define QBJ_MOMENT_SYNC_MS 30000

static void
qbjMomentOverlayFree(void *opaque)
{
    qbjMomentOverlay *overlay = opaque;

    if (overlay->sync) {                /* something else has failed: nobody waits for it */
        virErrorPtr reason;

        virErrorPreserveLast(&reason);
        ignore_value(qbjHostSyncEnd(overlay->sync, 0));
        virErrorRestore(&reason);
    }
    g_free(overlay->target);
    virObjectUnref(overlay->image);
    qbjHostTargetClear(&overlay->found);
    g_free(overlay->identity);
    VIR_FORCE_CLOSE(overlay->fd);
    g_free(overlay);
}

GPtrArray *
qbjMomentOverlaysNew(const virDomainSnapshotDef *def, unsigned int flags)
{
    GPtrArray *overlays = g_ptr_array_new_with_free_func(qbjMomentOverlayFree);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainSnapshotDiskDef *disk = &def->disks[i];
        qbjMomentOverlay *overlay;

        if (disk->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
            continue;
        overlay = g_new0(qbjMomentOverlay, 1);
        overlay->target = g_strdup(disk->name);
        overlay->image = virStorageSourceCopy(disk->src, false);
        overlay->reuse = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;
        overlay->req.target = overlay->image;
        overlay->req.flags = overlay->reuse ? VIR_DOMAIN_BLOCK_COPY_REUSE_EXT : 0;
        overlay->fd = -1;
        g_ptr_array_add(overlays, overlay);
    }
    return overlays;
}

GPtrArray *
qbjMomentOverlaysPaths(const GPtrArray *overlays)
{
    GPtrArray *paths = g_ptr_array_new();
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        const qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);

        if (virStorageSourceIsLocalStorage(overlay->image) && overlay->image->path)
            g_ptr_array_add(paths, overlay->image->path);
    }
    return paths;
}

/* --- checks --- */

/* S2.6, S2.7 */
static int
qbjMomentOverlayCheckFile(const qbjMomentOverlay *overlay)
{
    const char *path = overlay->image->path;
    bool block = virStorageSourceGetActualType(overlay->image) == VIR_STORAGE_TYPE_BLOCK;

    if (!overlay->found.exists && (overlay->reuse || block)) {
        virReportSystemError(ENOENT, _("missing existing file for disk %s: %s"), overlay->target, path);
        return -1;
    }
    if (overlay->found.exists && !overlay->found.device && !overlay->found.empty && !overlay->reuse) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot file for disk %s already exists and is not a block device: %s"),
                       overlay->target, path);
        return -1;
    }
    if (overlay->found.exists && overlay->found.device != block) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot for disk %s: '%s' is not of type '%s'"),
                       overlay->target, path, virStorageTypeToString(virStorageSourceGetActualType(overlay->image)));
        return -1;
    }
    return 0;
}

static bool
qbjMomentOverlayIsSame(virStorageSource *below, const virStorageSource *active)
{
    return virStorageSourceIsSameLocation(below, (virStorageSource *) (uintptr_t) active) ||
        (below->path && active->path && virStorageSourceIsLocalStorage(below) &&
         virStorageSourceIsLocalStorage(active) && virFileLinkPointsTo(below->path, active->path));
}

/* The header of an image that is there may name what is below; then it must be the active image. What that
 * stands on is known, and only read when the answer is another one. */
static int
qbjMomentOverlayCheckBelow(const qbjMomentOverlay *overlay, const virStorageSource *active, const virQbjConf *conf)
{
    g_autoptr(virStorageSource) below = qbjHostChainBelow(overlay->image);
    g_autoptr(virStorageSource) copy = NULL;

    if (below && qbjMomentOverlayIsSame(below, active))
        return 0;
    copy = virStorageSourceCopy(overlay->image, false);
    if (qbjHostChainProbe(copy, overlay->target, conf->user, conf->group) < 0)
        return -1;
    if (!virStorageSourceIsBacking(copy->backingStore) || qbjMomentOverlayIsSame(copy->backingStore, active))
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("image '%s' for the snapshot of disk '%s' stands on '%s', not on '%s'"),
                   overlay->image->path, overlay->target, NULLSTR(copy->backingStore->path), NULLSTR(active->path));
    return -1;
}

static int
qbjMomentOverlayCheckReused(const qbjMomentOverlay *overlay, const virStorageSource *active, const virQbjConf *conf)
{
    g_autoptr(virStorageSource) copy = virStorageSourceCopy(overlay->image, false);
    unsigned long long capacity;

    if (qbjMomentOverlayCheckBelow(overlay, active, conf) < 0 || qbjHostTargetCapacity(copy, &capacity) < 0)
        return -1;
    if (capacity == overlay->req.source.capacity)
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is %llu bytes large, but disk '%s' is %llu bytes"),
                   overlay->image->path, capacity, overlay->target, overlay->req.source.capacity);
    return -1;
}

/* Without locks. */
static int
qbjMomentOverlayCheckHost(virDomainObj *vm, qbjMomentOverlay *overlay, const virDomainDiskDef *disk)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    if (!virStorageSourceIsLocalStorage(overlay->image)) {
        if (overlay->reuse)
            return 0;
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot of disk '%s': an image in the network is not made yet, only reused"),
                       overlay->target);
        return -1;
    }
    if (qbjHostTargetLook(overlay->image->path, &overlay->found) < 0 || qbjMomentOverlayCheckFile(overlay) < 0 ||
        qbjEngineCopyCheckImages(vm->def, &overlay->req) < 0)
        return -1;
    return overlay->reuse ? qbjMomentOverlayCheckReused(overlay, disk->src, conf) : 0;
}

/* The header of the active image says what QEMU would, and nobody but QEMU writes there. A raw image has
 * none, and is asked for; but not in a domain with a deep chain, where QEMU would hold the guest for
 * seconds. */
static bool
qbjMomentOverlayLookSource(virDomainObj *vm, virStorageSource *active, qbjCopyRequest *req)
{
    bool header = active->format == VIR_STORAGE_FILE_QCOW2 && !active->encryption;
    g_autoptr(virStorageSource) copy = NULL;
    int rc;

    if ((!header && !qbjVmChainAnyDeep(vm->def)) || !virStorageSourceIsLocalStorage(active) || !active->path ||
        !(copy = virStorageSourceCopy(active, false)))
        return false;
    virObjectUnlock(vm);
    rc = qbjHostTargetGeometry(copy, &req->source);
    virObjectLock(vm);
    virResetLastError();
    return rc == 0;
}

static int
qbjMomentOverlayCheck(virDomainObj *vm, qbjMomentOverlay *overlay)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, overlay->target);
    int rc;

    if (!qbjMomentOverlayLookSource(vm, disk->src, &overlay->req) &&
        qbjEngineCopyAskSource(vm, disk, &overlay->req) < 0)
        return -1;
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentOverlayCheckHost(vm, overlay, disk);
    virObjectLock(vm);
    return rc < 0 ? -1 : virDomainObjCheckActive(vm);
}

/* Two disks into one file. */
static int
qbjMomentOverlaysCheckTwice(const GPtrArray *overlays)
{
    size_t i;
    size_t j;

    for (i = 0; i < overlays->len; i++) {
        const qbjMomentOverlay *one = g_ptr_array_index(overlays, i);

        for (j = 0; j < i; j++) {
            const qbjMomentOverlay *other = g_ptr_array_index(overlays, j);

            if (virStorageSourceIsSameLocation(one->image, other->image)) {
                virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("disks '%s' and '%s' would share the snapshot image '%s'"),
                               other->target, one->target, NULLSTR(one->image->path));
                return -1;
            }
        }
    }
    return 0;
}

/* What QEMU cannot lock it refuses, but not what a domain that is shut off stands on. */
static int
qbjMomentOverlaysCheckOwners(virDomainObj *vm, const GPtrArray *overlays)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new();
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        const qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);

        if (overlay->reuse && virStorageSourceIsLocalStorage(overlay->image))
            g_ptr_array_add(images, overlay->image);
    }
    if (images->len > 0 && qbjMomentReuseCheck(vm, images) < 0)
        return -1;
    return virDomainObjCheckActive(vm);
}

int
qbjMomentOverlaysCheck(virDomainObj *vm, GPtrArray *overlays)
{
    size_t i;

    if (qbjMomentOverlaysCheckTwice(overlays) < 0 || qbjEngineRequestBeside(vm, false, false) < 0)
        return -1;
    for (i = 0; i < overlays->len; i++) {
        if (qbjMomentOverlayCheck(vm, g_ptr_array_index(overlays, i)) < 0)
            return -1;
    }
    return qbjMomentOverlaysCheckOwners(vm, overlays);
}

/* --- plan --- */

/* Without locks. A file without a name is an image before it gets one; all others are made by QEMU. */
static int
qbjMomentOverlayFill(qbjMomentOverlay *overlay, const virStorageSource *active)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *backing = NULL;
    qbjHostQcow2 image = {
        .capacity = overlay->req.source.capacity,
        .clusterSize = overlay->req.source.clusterSize,
        .extendedL2 = overlay->req.source.extendedL2,
        .backingFormat = qbjSpecBackingFormat(active),
    };
    int rc;

    if (overlay->fd < 0 || overlay->image->format != VIR_STORAGE_FILE_QCOW2 || overlay->image->encryption)
        return 0;
    if (!(backing = qbjBlockNodeBackingString(active, &refusal)))
        return qbjEngineRefuse(&refusal);
    image.backing = backing;
    if ((rc = qbjHostQcow2Write(overlay->fd, &image)) < 0)
        return -1;
    overlay->req.filled = rc == 1;
    return 0;
}

/* Without locks. */
static int
qbjMomentOverlayCreate(qbjMomentOverlay *overlay, const virStorageSource *active, const char *libDir,
                       GHashTable *secrets)
{
    if (qbjEngineCopySecrets(&overlay->req, libDir, secrets) < 0)
        return -1;
    if (overlay->reuse)
        return 0;
    if (!overlay->found.exists &&
        qbjHostTargetCreate(overlay->image->path, &overlay->identity, &overlay->fd) < 0) {
        const virError *error = virGetLastError();

        virReportSystemError(error ? error->int1 : EIO, _("failed to create image file '%s'"), overlay->image->path);
        return -1;
    }
    overlay->req.made = overlay->identity != NULL;
    overlay->req.identity = overlay->identity ? overlay->identity : overlay->found.identity;
    return qbjMomentOverlayFill(overlay, active);
}

static int
qbjMomentOverlayPlan(virDomainObj *vm, qbjMomentOverlay *overlay, virQbjStatusSnapshot *snapshot)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, overlay->target);
    g_autofree char *libDir = g_strdup(QBJ_DOMAIN_PRIVATE(vm)->status->libDir);
    g_autoptr(GHashTable) secrets = qbjHostSecretsNew();
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    char *text;
    int rc;

    if (virStorageSourceInitChainElement(overlay->image, disk->src, false) < 0)
        return -1;
    qbjEngineCopySetImage(vm, disk, overlay->image, true);
    virObjectUnlock(vm);
    rc = qbjMomentOverlayCreate(overlay, disk->src, libDir, secrets);
    virObjectLock(vm);
    if (rc < 0 || virDomainObjCheckActive(vm) < 0)
        return -1;
    if (qbjSpecPlanOverlay(disk, &overlay->req, &spec, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    if (qbjEngineCopyGiveSecrets(spec, secrets) < 0 || !(text = qbjMomentSettleDiskText(vm, overlay->image, disk->dst)))
        return -1;
    virQbjStatusSnapshotAdd(snapshot, g_steal_pointer(&spec), text);
    return 0;
}

/* Files of ours that no record names yet. */
static void
qbjMomentOverlaysRemove(virDomainObj *vm, GPtrArray *overlays)
{
    virErrorPtr reason;
    size_t i;

    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    for (i = 0; i < overlays->len; i++) {
        qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);

        VIR_FORCE_CLOSE(overlay->fd);
        if (overlay->identity)
            ignore_value(qbjHostTargetRemove(overlay->image->path, overlay->identity));
    }
    virObjectLock(vm);
    virErrorRestore(&reason);
}

int
qbjMomentOverlaysPlan(virDomainObj *vm, GPtrArray *overlays, virQbjStatusSnapshot *snapshot)
{
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        if (qbjMomentOverlayPlan(vm, g_ptr_array_index(overlays, i), snapshot) < 0) {
            qbjMomentOverlaysRemove(vm, overlays);
            return -1;
        }
    }
    return 0;
}

/* --- making them --- */

/* Without locks. */
static int
qbjMomentOverlayPlace(qbjMomentOverlay *overlay)
{
    if (overlay->fd < 0)
        return 0;
    if (qbjHostTargetPlace(overlay->image->path, overlay->fd) < 0)
        return -1;
    VIR_FORCE_CLOSE(overlay->fd);
    /* an image already: its disk has something to do while QEMU opens it */
    return overlay->req.filled && !(overlay->sync = qbjHostSyncNewBegin(overlay->image->path)) ? -1 : 0;
}

static int
qbjMomentOverlayMake(virDomainObj *vm, qbjMomentOverlay *overlay, size_t i)
{
    virQbjJob job = { .targetFd = -1 };
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentOverlayPlace(overlay);
    virObjectLock(vm);
    if (rc < 0 || !qbjMomentSettleRecord(vm))
        return -1;
    job.spec = ((virQbjStatusOverlay *) g_ptr_array_index(qbjMomentSettleRecord(vm)->overlays, i))->spec;
    if (qbjEnginePhaseRun(vm, &job, QBJ_PHASE_PREPARE, QBJ_PHASE_RUN_ALL) < 0) {
        qbjEngineInUseExplain(vm, overlay->target, overlay->image);
        return -1;
    }
    if (virStorageSourceIsLocalStorage(overlay->image) && !overlay->sync &&
        !(overlay->sync = overlay->identity ? qbjHostSyncNewBegin(overlay->image->path) :
                                              qbjHostSyncBegin(overlay->image->path)))
        return -1;
    return virDomainObjCheckActive(vm);
}

int
qbjMomentOverlaysMake(virDomainObj *vm, GPtrArray *overlays)
{
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        if (qbjMomentOverlayMake(vm, g_ptr_array_index(overlays, i), i) < 0)
            return -1;
    }
    return 0;
}

int
qbjMomentOverlaysSync(GPtrArray *overlays)
{
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);

        if (overlay->sync && qbjHostSyncEnd(g_steal_pointer(&overlay->sync), QBJ_MOMENT_SYNC_MS) < 0)
            return -1;
    }
    return 0;
}

/* --- the switch --- */

static int
qbjMomentOverlaysAskBitmaps(virDomainObj *vm, qbjBitmapSet **set)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) nodes = NULL;

    if (!QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps)
        return 0;
    if (virJSONValueObjectAdd(&arguments, "b:flat", true, NULL) < 0 ||
        qbjDomainQmpCall(vm, "query-named-block-nodes", arguments, &nodes) < 0)
        return -1;
    return (*set = qbjBitmapSetFromJSON(nodes, &refusal)) ? 0 : qbjEngineRefuse(&refusal);
}

virJSONValue *
qbjMomentOverlaysActions(virDomainObj *vm, GPtrArray *overlays)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(qbjBitmapSet) set = NULL;
    size_t i;

    if (qbjMomentOverlaysAskBitmaps(vm, &set) < 0 || virDomainObjCheckActive(vm) < 0)
        return NULL;
    for (i = 0; i < overlays->len; i++) {
        qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);
        virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, overlay->target);

        if (qbjSpecAddOverlayActions(actions, set, disk, overlay->image, &refusal) < 0) {
            ignore_value(qbjEngineRefuse(&refusal));
            return NULL;
        }
    }
    if (virJSONValueObjectAdd(&arguments, "a:actions", &actions, NULL) < 0)
        return NULL;
    return g_steal_pointer(&arguments);
}
