#include <config.h>

#include "internal.h"
#include "engine_request.h"
#include "engine_refuse.h"
#include "guard.h"
#include "storage_file/storage_source.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

virDomainDiskDef *
qbjEngineRequestDisk(virDomainObj *vm, const char *name)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        const char *known = *name == '/' ? virDomainDiskGetSource(disk) : disk->dst;

        if (STREQ_NULLABLE(known, name))
            return disk;
    }
    virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' not found in domain"), name);
    return NULL;
}

int
qbjEngineRequestSpeed(unsigned long bandwidth, bool bytes, unsigned long long *speed)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (!bytes)
        return qbjGuardSpeedMiB(bandwidth, speed, &refusal) < 0 ? qbjEngineRefuse(&refusal) : 0;
    /* the stock driver finds this one only after it has changed rights (01/A15 D) */
    if (bandwidth > LLONG_MAX) {
        virReportError(VIR_ERR_OVERFLOW, _("bandwidth must be less than %llu"), (unsigned long long) LLONG_MAX);
        return -1;
    }
    *speed = bandwidth;
    return 0;
}

int
qbjEngineRequestRunning(virDomainObj *vm)
{
    return virDomainObjCheckActive(vm) < 0 ? -1 : qbjDomainCheckRead(vm);
}

virQbjJob *
qbjEngineRequestJob(virDomainObj *vm, const virDomainDiskDef *disk)
{
    virQbjJob *job = qbjEngineJobFindAnyByDisk(vm, disk->dst);

    if (!job)
        virReportError(VIR_ERR_INVALID_ARG, _("disk %s does not have an active block job"), disk->dst);
    return job;
}

virStorageSource *
qbjEngineRequestImage(const virDomainDiskDef *disk, virStorageSource *startFrom, const char *name,
                      virStorageSource **parent)
{
    return virStorageSourceChainLookup(disk->src, startFrom, name, disk->dst, parent);
}

void
qbjEngineRequestBusy(virDomainObj *vm, const virDomainDiskDef *disk, qbjRefusal *busy)
{
    virQbjJob *job = qbjEngineJobFindAnyByDisk(vm, disk->dst);

    if (job)
        qbjJobVerbCheck(job->spec->type, job->state, QBJ_VERB_NEW_JOB, job->spec->job, disk->dst, busy);
}

int
qbjEngineRequestBeside(virDomainObj *vm, bool pull, bool bitmaps)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    const GPtrArray *strays = QBJ_DOMAIN_PRIVATE(vm)->strays;

    if (status->snapshot || status->inside) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("an earlier snapshot of the domain is still being taken back"));
        return -1;
    }
    if (!(bitmaps || status->mayHaveBitmaps) || !(pull ? status->jobs->len + strays->len > 0 : qbjEngineJobPulls(vm)))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                   _("a pull beside another block job of the domain is not supported while an image may have dirty "
                     "bitmaps"));
    return -1;
}
