#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_overlay.h"
#include "moment_settle.h"
#include "engine_copy.h"
#include "engine_inuse.h"
#include "engine_refuse.h"
#include "domain_qmp.h"
#include "blocknode.h"
#include "host_qcow2.h"
#include "host_secret.h"
#include "spec_overlay.h"
#include "spec_parts.h"
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
    qbjEnginePhaseAbandon(overlay->sent);
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

/* An image that was there, or that QEMU has made, is synced with what QEMU does to it in opening it, or
 * without. */
static int
qbjMomentOverlaySyncBegin(qbjMomentOverlay *overlay)
{
    if (overlay->sync || !virStorageSourceIsLocalStorage(overlay->image))
        return 0;
    overlay->sync = overlay->identity ? qbjHostSyncNewBegin(overlay->image->path) :
                                        qbjHostSyncBegin(overlay->image->path);
    return overlay->sync ? 0 : -1;
}

static int
qbjMomentOverlayBegin(virDomainObj *vm, qbjMomentOverlay *overlay, size_t i)
{
    virQbjJob job = { .targetFd = -1 };
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentOverlayPlace(overlay);
    virObjectLock(vm);
    if (rc < 0 || !qbjMomentSettleRecord(vm))
        return -1;
    job.spec = ((virQbjStatusOverlay *) g_ptr_array_index(qbjMomentSettleRecord(vm)->overlays, i))->spec;
    if (qbjEnginePhaseBegin(vm, &job, QBJ_PHASE_PREPARE, &overlay->sent) < 0) {
        qbjEngineInUseExplain(vm, overlay->target, overlay->image);
        return -1;
    }
    return qbjMomentOverlaySyncBegin(overlay) < 0 ? -1 : virDomainObjCheckActive(vm);
}

int
qbjMomentOverlaysBegin(virDomainObj *vm, GPtrArray *overlays)
{
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        if (qbjMomentOverlayBegin(vm, g_ptr_array_index(overlays, i), i) < 0)
            return -1;
    }
    return 0;
}

int
qbjMomentOverlaysOpened(virDomainObj *vm, GPtrArray *overlays)
{
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        qbjMomentOverlay *overlay = g_ptr_array_index(overlays, i);

        if (overlay->sent && qbjEnginePhaseEnd(vm, g_steal_pointer(&overlay->sent)) < 0) {
            qbjEngineInUseExplain(vm, overlay->target, overlay->image);
            return -1;
        }
    }
    return virDomainObjCheckActive(vm);
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
