#include <config.h>

#include "internal.h"
#include "engine_target.h"
#include "engine_change.h"
#include "domain_qmp.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* @nodes: an answer to query-named-block-nodes */
static int
qbjEngineTargetSize(virJSONValue *nodes, const char *name, unsigned long long *size)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(nodes); i++) {
        virJSONValue *node = virJSONValueArrayGet(nodes, i);
        virJSONValue *image = virJSONValueObjectGetObject(node, "image");

        if (image && STREQ_NULLABLE(virJSONValueObjectGetString(node, "node-name"), name))
            return virJSONValueObjectGetNumberUlong(image, "virtual-size", size);
    }
    return -1;
}

/* The target's name in messages; NULL: nothing of @job's needs QEMU to look at it. */
static char *
qbjEngineTargetName(virDomainObj *vm, const virQbjJob *job)
{
    const virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const virStorageSource *target = disk ? disk->mirror : NULL;

    if (job->spec->type != QBJ_TYPE_COPY || !target || virStorageSourceIsLocalStorage(target))
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
    if (qbjEngineTargetSize(nodes, job->spec->rootOld, &disk) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of disk '%s'"), job->spec->disk);
        return -1;
    }
    if (qbjEngineTargetSize(nodes, job->spec->rootNew, &target) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU does not tell the size of destination '%s'"), name);
        return -1;
    }
    if (target == disk)
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("destination '%s' is %llu bytes large, but disk '%s' is %llu bytes"),
                   name, target, job->spec->disk, disk);
    return -1;
}
