#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "internal.h"
#include "vm_block.h"
#include "vm_chain.h"
#include "engine_job.h"
#include "storage_file/storage_file_probe.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmBlockOpen(const char *path, struct stat *st)
{
    /* a pipe in the place of an image must not hold us up */
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int ret;

    if (fd < 0 || fstat(fd, st) < 0) {
        virReportSystemError(errno, _("failed to open storage file '%s'"), path);
        return -1;
    }
    ret = fd;
    fd = -1;
    return ret;
}

int
qbjVmBlockProbe(virStorageSource *src, qbjVmBlockSizes *sizes)
{
    g_autofree char *header = NULL;
    VIR_AUTOCLOSE fd = -1;
    struct stat st;
    int len;

    if (!virStorageSourceIsLocalStorage(src) || !src->path) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("the size of an image in the network is known only while its domain runs and none of its "
                         "disks is being pulled"));
        return -1;
    }
    if ((fd = qbjVmBlockOpen(src->path, &st)) < 0 || virStorageSourceUpdateBackingSizes(src, fd, &st) < 0)
        return -1;
    if ((len = virFileReadHeaderFD(fd, VIR_STORAGE_MAX_HEADER, &header)) < 0) {
        virReportSystemError(errno, _("cannot read header of '%s'"), src->path);
        return -1;
    }
    if (virStorageSourceUpdateCapacity(src, header, len) < 0)
        return -1;
    sizes->capacity = src->capacity ? src->capacity : src->physical;
    sizes->allocation = src->allocation;
    sizes->physical = src->physical;
    return 0;
}

static bool
qbjVmBlockImageSize(const qbjVmAsk *ask, const char *node, const char *what, unsigned long long *size)
{
    virJSONValue *entry = virQbjJSONArrayFind(qbjVmAskGet(ask, QBJ_VM_ASK_NODES), "node-name", node);
    virJSONValue *image = entry ? virJSONValueObjectGetObject(entry, "image") : NULL;

    return image && virJSONValueObjectGetNumberUlong(image, what, size) == 0;
}

static unsigned long long
qbjVmBlockHighest(const qbjVmAsk *ask, const virStorageSource *src)
{
    virJSONValue *counters = qbjVmAskGetNode(ask, src->nodestorage);
    unsigned long long offset = 0;

    if (counters)
        ignore_value(virJSONValueObjectGetNumberUlong(counters, "wr_highest_offset", &offset));
    return offset;
}

bool
qbjVmBlockNeedsNodes(virDomainObj *vm)
{
    const virDomainDef *def = vm->def;
    const virStorageSource *src;
    size_t i;

    /* until a new daemon has heard of QEMU's jobs there may be a pull that no record names */
    if (QBJ_DOMAIN_PRIVATE(vm)->reconnecting || qbjEngineJobPulls(vm))
        return false;

    for (i = 0; i < def->ndisks; i++) {
        for (src = def->disks[i]->src; virStorageSourceIsBacking(src); src = src->backingStore) {
            if (!virStorageSourceIsLocalStorage(src))
                return true;            /* only QEMU can look at it */
        }
    }
    return !qbjVmChainAnyDeep(def);
}

void
qbjVmBlockFileSizes(const qbjVmAsk *ask, const virStorageSource *src, const qbjVmBlockSizes *file,
                    qbjVmBlockSizes *sizes)
{
    sizes->capacity = file->capacity;
    sizes->physical = file->allocation;
    sizes->allocation = qbjVmBlockHighest(ask, src);
}

bool
qbjVmBlockNodeSizes(const qbjVmAsk *ask, const virStorageSource *src, qbjVmBlockSizes *sizes)
{
    memset(sizes, 0, sizeof(*sizes));
    sizes->allocation = qbjVmBlockHighest(ask, src);
    if (!qbjVmBlockImageSize(ask, src->nodestorage, "actual-size", &sizes->physical))
        qbjVmBlockImageSize(ask, src->nodestorage, "virtual-size", &sizes->physical);
    return qbjVmBlockImageSize(ask, src->nodeformat, "virtual-size", &sizes->capacity);
}

unsigned long long
qbjVmBlockThreshold(const qbjVmAsk *ask, const virStorageSource *src)
{
    virJSONValue *entry = virQbjJSONArrayFind(qbjVmAskGet(ask, QBJ_VM_ASK_NODES), "node-name", src->nodestorage);
    unsigned long long threshold = 0;

    if (entry)
        ignore_value(virJSONValueObjectGetNumberUlong(entry, "write_threshold", &threshold));
    return threshold;
}

virJSONValue *
qbjVmBlockEntry(virJSONValue *reply, const virDomainDiskDef *disk)
{
    return virQbjJSONArrayFind(reply, "qdev", VIR_QBJ_DISK_PRIVATE(disk)->qomName);
}

virJSONValue *
qbjVmBlockCounters(const qbjVmAsk *ask, const virDomainDiskDef *disk)
{
    virJSONValue *entry = qbjVmBlockEntry(qbjVmAskGet(ask, QBJ_VM_ASK_DEVICES), disk);

    return entry ? virJSONValueObjectGetObject(entry, "stats") : NULL;
}
