#include <config.h>

#include "internal.h"
#include "engine_target.h"
#include "engine_change.h"
#include "blocknode.h"
#include "domain_qmp.h"
#include "host_sync.h"
#include "storage_file/storage_source.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What QEMU takes a file of @size bytes for. */
static unsigned long long
qbjEngineTargetRound(unsigned long long size)
{
    return VIR_ROUND_UP(size, 512);
}

int
qbjEngineTargetFits(const char *name, unsigned long long size, const char *disk, unsigned long long diskSize)
{
    if (qbjEngineTargetRound(size) == diskSize)
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("destination '%s' is %llu bytes large, but disk '%s' is %llu bytes"),
                   name, size, disk, diskSize);
    return -1;
}

/* How much of a block device the header takes that QEMU writes there is QEMU's choice. */
static bool
qbjEngineTargetIsLuksDevice(const virStorageSource *target)
{
    return target->encryption && target->format == VIR_STORAGE_FILE_RAW &&
        virStorageSourceGetActualType(target) == VIR_STORAGE_TYPE_BLOCK;
}

/* The target's name in messages; NULL: nothing of @job's needs QEMU to look at it. */
static char *
qbjEngineTargetName(virDomainObj *vm, const virQbjJob *job)
{
    const virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const virStorageSource *target = disk ? disk->mirror : NULL;

    if (job->spec->type != QBJ_TYPE_COPY || !target ||
        (virStorageSourceIsLocalStorage(target) && !qbjEngineTargetIsLuksDevice(target)))
        return NULL;
    return g_strdup(target->path ? target->path : virStorageNetProtocolTypeToString(target->protocol));
}

int
qbjEngineTargetCheck(virDomainObj *vm, const virQbjJob *job)
{
    g_autofree char *name = qbjEngineTargetName(vm, job);
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) nodes = NULL;
    unsigned long long disk;
    unsigned long long target;

    if (!name || qbjEngineJobPulls(vm))
        return 0;
    if (virJSONValueObjectAdd(&arguments, "b:flat", true, NULL) < 0 ||
        qbjDomainQmpCall(vm, "query-named-block-nodes", arguments, &nodes) < 0)
        return -1;
    if (qbjBlockNodeSize(nodes, job->spec->rootOld, &disk) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of disk '%s'"), job->spec->disk);
        return -1;
    }
    if (qbjBlockNodeSize(nodes, job->spec->rootNew, &target) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of destination '%s'"), name);
        return -1;
    }
    return qbjEngineTargetFits(name, target, job->spec->disk, disk);
}

int
qbjEngineTargetSync(virDomainObj *vm, const virQbjJob *job, unsigned int limitMs)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const virStorageSource *target = disk ? qbjEngineChangeTarget(disk, job) : NULL;
    g_autofree char *path = NULL;
    int rc;

    if (!target || !virStorageSourceIsLocalStorage(target) || !target->path ||
        disk->cachemode == VIR_DOMAIN_DISK_CACHE_UNSAFE)
        return 0;
    path = g_strdup(target->path);
    virObjectUnlock(vm);
    rc = qbjHostSyncWithin(path, limitMs);
    virObjectLock(vm);
    return rc;
}
