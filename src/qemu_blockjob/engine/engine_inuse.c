#include <config.h>

#include "internal.h"
#include "engine_inuse.h"
#include "domain_seen.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* An image of a disk of a running domain. */
typedef struct _qbjEngineUse qbjEngineUse;
struct _qbjEngineUse {
    char *path;
    char *disk;
    char *domain;
    bool own;                   /* of the domain that has asked */
    bool writes;
};

static void
qbjEngineUseFree(void *opaque)
{
    qbjEngineUse *use = opaque;

    g_free(use->path);
    g_free(use->disk);
    g_free(use->domain);
    g_free(use);
}

static bool
qbjEngineUseIsFile(const virStorageSource *image)
{
    return virStorageSourceIsLocalStorage(image) && image->path;
}

/* --- who has what ---------------------------------------------------------------------------------- */

static void
qbjEngineUseAddChain(GPtrArray *uses, const virDomainObj *vm, bool own, const virDomainDiskDef *disk,
                     const virStorageSource *top)
{
    const virStorageSource *image;

    for (image = top; virStorageSourceIsBacking(image); image = image->backingStore) {
        qbjEngineUse *use;

        if (!qbjEngineUseIsFile(image))
            continue;
        use = g_new0(qbjEngineUse, 1);
        use->path = g_strdup(image->path);
        use->disk = g_strdup(disk->dst);
        use->domain = g_strdup(vm->def->name);
        use->own = own;
        use->writes = image == top && !disk->src->readonly;
        g_ptr_array_add(uses, use);
    }
}

/* Of the running domains, as their definitions say. Without any lock. */
static GPtrArray *
qbjEngineUses(qbjDriver *driver, const virDomainObj *self)
{
    GPtrArray *uses = g_ptr_array_new_with_free_func(qbjEngineUseFree);
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;
    size_t j;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms; i++) {
        VIR_LOCK_GUARD lock = virObjectLockGuard(vms[i]);

        for (j = 0; virDomainObjIsActive(vms[i]) && j < vms[i]->def->ndisks; j++) {
            const virDomainDiskDef *disk = vms[i]->def->disks[j];

            qbjEngineUseAddChain(uses, vms[i], vms[i] == self, disk, disk->src);
            qbjEngineUseAddChain(uses, vms[i], vms[i] == self, disk, disk->mirror);
        }
    }
    virObjectListFreeCount(vms, nvms);
    return uses;
}

/* Who is in the way of @image, which disk @target writes or reads. */
static const qbjEngineUse *
qbjEngineUseFind(const GPtrArray *uses, const char *target, const virStorageSource *image, bool writes)
{
    size_t i;

    for (i = 0; i < uses->len; i++) {
        const qbjEngineUse *use = g_ptr_array_index(uses, i);

        if ((writes || use->writes) && !(use->own && STREQ(use->disk, target)) &&
            virFileLinkPointsTo(image->path, use->path))
            return use;
    }
    return NULL;
}

/* --- what is said ---------------------------------------------------------------------------------- */

static void
qbjEngineUseReport(qbjDriver *driver, const GPtrArray *uses, const char *target, const virStorageSource *top,
                   const char *told)
{
    const virStorageSource *image;

    for (image = top; virStorageSourceIsBacking(image); image = image->backingStore) {
        const qbjEngineUse *use;

        if (!qbjEngineUseIsFile(image) ||
            !(use = qbjEngineUseFind(uses, target, image, image == top && !top->readonly)))
            continue;
        if (use->own || qbjDomainIsSeen(driver, use->domain))
            virReportError(VIR_ERR_RESOURCE_BUSY,
                           _("image '%s' of disk '%s' is in use by disk '%s' of domain '%s': %s"),
                           image->path, target, use->disk, use->domain, told);
        else
            virReportError(VIR_ERR_RESOURCE_BUSY, _("image '%s' of disk '%s' is in use by another domain: %s"),
                           image->path, target, told);
        return;
    }
    virReportError(VIR_ERR_RESOURCE_BUSY,
                   _("image '%s' of disk '%s', or one below it, is in use by another process: %s"),
                   NULLSTR(top->path), target, told);
}

/* QEMU's words, which it does not translate. */
static bool
qbjEngineInUseIsLock(const char *told)
{
    return strstr(told, "Failed to get \"") || strstr(told, "Failed to get shared \"");
}

void
qbjEngineInUseExplain(virDomainObj *vm, const char *target, const virStorageSource *top)
{
    const virError *error = virGetLastError();
    g_autofree char *told = NULL;

    if (!error || error->code != VIR_ERR_INTERNAL_ERROR || error->domain != VIR_FROM_QEMU || !error->str2)
        return;
    told = g_strdup(error->str2);
    if (qbjEngineInUseIsLock(told)) {
        qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
        g_autoptr(GPtrArray) uses = NULL;

        virObjectUnlock(vm);
        uses = qbjEngineUses(driver, vm);
        qbjEngineUseReport(driver, uses, target, top, told);
        virObjectLock(vm);
    } else {
        virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU does not take disk '%s' with image '%s': %s"), target,
                       NULLSTR(top->path), told);
    }
}
