#include <config.h>

#include "internal.h"
#include "vm_threshold.h"
#include "domain_event.h"
#include "domain_qmp.h"
#include "domain_save.h"
#include "virerror.h"
#include "virstoragefile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef bool (*qbjVmThresholdIs)(const virStorageSource *src, const void *wanted);

static bool
qbjVmThresholdHasId(const virStorageSource *src, const void *wanted)
{
    return src->id == *(const unsigned int *) wanted;
}

static bool
qbjVmThresholdHasNode(const virStorageSource *src, const void *wanted)
{
    return STREQ_NULLABLE(src->nodestorage, wanted);
}

static virStorageSource *
qbjVmThresholdInChain(virStorageSource *src, qbjVmThresholdIs is, const void *wanted)
{
    for (; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (is(src, wanted))
            return src;
    }
    return NULL;
}

/* Of the disk's own chain, or of what a copy writes. */
static virStorageSource *
qbjVmThresholdFind(const virDomainDiskDef *disk, qbjVmThresholdIs is, const void *wanted)
{
    virStorageSource *found = qbjVmThresholdInChain(disk->src, is, wanted);

    return found || !disk->mirror ? found : qbjVmThresholdInChain(disk->mirror, is, wanted);
}

static virStorageSource *
qbjVmThresholdImage(virDomainObj *vm, const char *dev, bool *indexed)
{
    g_autofree char *target = NULL;
    unsigned int id = 0;
    virDomainDiskDef *disk;
    virStorageSource *src = NULL;

    if (!*dev || virStorageFileParseBackingStoreStr(dev, &target, &id) < 0 || !target) {
        virReportError(VIR_ERR_INVALID_ARG, _("failed to parse block device '%s'"), dev);
        return NULL;
    }
    if ((disk = virDomainDiskByTarget(vm->def, target)))
        src = id ? qbjVmThresholdFind(disk, qbjVmThresholdHasId, &id) : disk->src;
    if (!src)
        virReportError(VIR_ERR_INVALID_ARG, _("failed to find disk '%s'"), dev);
    *indexed = id != 0;
    return src;
}

int
qbjVmThresholdSet(virDomainObj *vm, const char *dev, unsigned long long threshold)
{
    g_autoptr(virJSONValue) arguments = NULL;
    virStorageSource *src;
    bool indexed;
    int rc;

    if (!(src = qbjVmThresholdImage(vm, dev, &indexed)))
        return -1;
    if (!src->nodestorage) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("block device '%s' has no image that could have a threshold"),
                       dev);
        return -1;
    }
    if (virJSONValueObjectAdd(&arguments, "s:node-name", src->nodestorage, "U:write-threshold", threshold, NULL) < 0)
        return -1;
    virObjectRef(src);
    if ((rc = qbjDomainQmpCall(vm, "block-set-write-threshold", arguments, NULL)) == 0 && virDomainObjIsActive(vm)) {
        src->thresholdEventWithIndex = indexed;
        qbjDomainSaveStatusOrWarn(vm);
    }
    virObjectUnref(src);
    return rc;
}

static void
qbjVmThresholdTell(virDomainObj *vm, const char *dev, const virStorageSource *src, unsigned long long threshold,
                   unsigned long long excess)
{
    const char *path = virStorageSourceIsLocalStorage(src) ? src->path : NULL;

    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventBlockThresholdNewFromObj(vm, dev, path, threshold, excess));
}

/* That of an active image is told by either name, unless it was set with a number. */
void
qbjVmThresholdReached(virDomainObj *vm, virJSONValue *data)
{
    const char *node = data ? virJSONValueObjectGetString(data, "node-name") : NULL;
    unsigned long long threshold;
    unsigned long long excess;
    size_t i;

    if (!node || virJSONValueObjectGetNumberUlong(data, "write-threshold", &threshold) < 0 ||
        virJSONValueObjectGetNumberUlong(data, "amount-exceeded", &excess) < 0)
        return;
    for (i = 0; i < vm->def->ndisks; i++) {
        const virDomainDiskDef *disk = vm->def->disks[i];
        const virStorageSource *src = qbjVmThresholdFind(disk, qbjVmThresholdHasNode, node);
        g_autofree char *dev = src && src->id ? g_strdup_printf("%s[%u]", disk->dst, src->id) : NULL;

        if (src && src == disk->src && !src->thresholdEventWithIndex)
            qbjVmThresholdTell(vm, disk->dst, src, threshold, excess);
        if (dev)
            qbjVmThresholdTell(vm, dev, src, threshold, excess);
    }
}
