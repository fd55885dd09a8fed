#include <config.h>

#include "internal.h"
#include "moment_reuse.h"
#include "moment_undo.h"
#include "domain_seen.h"
#include "host_target.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A pipe would be waited for. */
static int
qbjMomentReuseCheckKind(const virStorageSource *overlay)
{
    g_auto(qbjHostTarget) found = { 0 };

    if (qbjHostTargetLook(overlay->path, &found) < 0)
        return -1;
    if (!found.exists || found.regular || found.device)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot image '%s' is neither a file nor a block device"),
                   overlay->path);
    return -1;
}

static int
qbjMomentReuseCheckTwice(const GPtrArray *overlays, size_t n)
{
    const virStorageSource *overlay = g_ptr_array_index(overlays, n);
    size_t i;

    for (i = 0; i < n; i++) {
        const virStorageSource *other = g_ptr_array_index(overlays, i);

        if (virFileLinkPointsTo(overlay->path, other->path)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("two disks would share the snapshot image '%s'"),
                           overlay->path);
            return -1;
        }
    }
    return 0;
}

static int
qbjMomentReuseCheckChain(const virStorageSource *overlay, const qbjUndoChain *chain)
{
    const virStorageSource *image;

    for (image = chain->top; virStorageSourceIsBacking(image); image = image->backingStore) {
        if (!virStorageSourceIsLocalStorage(image) || !image->path || !virFileLinkPointsTo(overlay->path, image->path))
            continue;
        if (chain->moment)
            virReportError(VIR_ERR_INVALID_ARG, _("image '%s' belongs to disk '%s' of snapshot '%s'"), overlay->path,
                           chain->disk, chain->moment);
        else
            virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of disk '%s'"), overlay->path, chain->disk);
        return -1;
    }
    return 0;
}

/* Without locks. */
static int
qbjMomentReuseCheckOne(qbjDriver *driver, const virStorageSource *overlay, const qbjMomentUndo *view)
{
    const char *domain;
    size_t i;

    for (i = 0; i < view->undo.chains->len; i++) {
        if (qbjMomentReuseCheckChain(overlay, g_ptr_array_index(view->undo.chains, i)) < 0)
            return -1;
    }
    if (!(domain = qbjMomentUndoForeign(view, overlay->path)))
        return 0;
    if (qbjDomainIsSeen(driver, domain))
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of domain '%s'"), overlay->path, domain);
    else
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of another domain"), overlay->path);
    return -1;
}

int
qbjMomentReuseCheck(virDomainObj *vm, const GPtrArray *overlays)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    g_autoptr(qbjMomentUndo) view = NULL;
    int rc = 0;
    size_t i;

    virObjectUnlock(vm);
    for (i = 0; rc == 0 && i < overlays->len; i++) {
        if (qbjMomentReuseCheckKind(g_ptr_array_index(overlays, i)) < 0 || qbjMomentReuseCheckTwice(overlays, i) < 0)
            rc = -1;
    }
    virObjectLock(vm);
    if (rc < 0 || !(view = qbjMomentUndoNew(vm, true)))
        return -1;
    virObjectUnlock(vm);
    for (i = 0; rc == 0 && i < overlays->len; i++)
        rc = qbjMomentReuseCheckOne(driver, g_ptr_array_index(overlays, i), view);
    virObjectLock(vm);
    return rc;
}
