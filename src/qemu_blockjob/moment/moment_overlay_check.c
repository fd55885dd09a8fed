#include <config.h>

#include "internal.h"
#include "moment_overlay.h"
#include "moment_reuse.h"
#include "engine_copy.h"
#include "engine_request.h"
#include "host_chain.h"
#include "vm_chain.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjMomentOverlayCheckFile(const char *target, const virStorageSource *image, const qbjHostTarget *found, bool reuse)
{
    virStorageType type = virStorageSourceGetActualType(image);
    bool block = type == VIR_STORAGE_TYPE_BLOCK;

    if (!found->exists && (reuse || block)) {
        virReportSystemError(ENOENT, _("missing existing file for disk %s: %s"), target, image->path);
        return -1;
    }
    if (found->exists && !found->device && !found->empty && !reuse) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("external snapshot file for disk %s already exists and is not a block device: %s"),
                       target, image->path);
        return -1;
    }
    if (found->exists && found->device != block) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot for disk %s: '%s' is not of type '%s'"),
                       target, image->path, virStorageTypeToString(type));
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
    if (qbjHostTargetLook(overlay->image->path, &overlay->found) < 0 ||
        qbjMomentOverlayCheckFile(overlay->target, overlay->image, &overlay->found, overlay->reuse) < 0 ||
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
    g_autoptr(GPtrArray) images = g_ptr_array_new();
    size_t other;
    size_t i;

    for (i = 0; i < overlays->len; i++) {
        const qbjMomentOverlay *one = g_ptr_array_index(overlays, i);

        g_ptr_array_add(images, one->image);
        if (qbjMomentReuseIsTwice(images, NULL, i, &other)) {
            const qbjMomentOverlay *first = g_ptr_array_index(overlays, other);

            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("disks '%s' and '%s' would share the snapshot image '%s'"),
                           first->target, one->target, NULLSTR(one->image->path));
            return -1;
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

        if ((overlay->reuse || overlay->found.exists) && virStorageSourceIsLocalStorage(overlay->image))
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
