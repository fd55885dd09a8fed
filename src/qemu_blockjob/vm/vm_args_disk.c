/* Disks: -blockdev for each image of the chain, base first, then the -device. */

#include <config.h>

#include "internal.h"
#include "blocknode.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsReportRefusal(const qbjRefusal *refusal)
{
    virReportError(refusal->code, "%s", refusal->message);
    return -1;
}

/* What goes in as the format node's "backing": a node-name, "" for an explicit end, NULL when the definition
 * does not say what is below (then QEMU looks into the image, as with domxml-to-native). */
static const char *
qbjVmArgsBacking(const virStorageSource *src)
{
    if (!src->backingStore)
        return NULL;

    return virStorageSourceIsBacking(src->backingStore) ? src->backingStore->nodeformat : "";
}

static int
qbjVmArgsAddImage(virCommand *cmd, const virStorageSource *src, bool readonly)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) storage = NULL;
    g_autoptr(virJSONValue) format = NULL;

    if (!(storage = qbjBlockNodeStorage(src, &refusal)) ||
        !(format = qbjBlockNodeFormat(src, qbjVmArgsBacking(src), readonly, &refusal)))
        return qbjVmArgsReportRefusal(&refusal);

    if (qbjVmArgsAddJSON(cmd, "-blockdev", storage) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-blockdev", format);
}

/* QEMU opens a node when it meets it, so the one that names a backing node must come after it. */
static int
qbjVmArgsAddChain(virCommand *cmd, const virDomainDiskDef *disk)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    virStorageSource *src;
    size_t i;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore)
        g_ptr_array_add(chain, src);

    for (i = chain->len; i > 0; i--) {
        src = g_ptr_array_index(chain, i - 1);
        if (qbjVmArgsAddImage(cmd, src, i > 1 || src->readonly) < 0)
            return -1;
    }

    return 0;
}

/* Whether the guest sees a volatile write cache; without a cache mode QEMU's default stands. */
static const char *
qbjVmArgsWriteCache(virDomainDiskCache mode)
{
    switch (mode) {
    case VIR_DOMAIN_DISK_CACHE_DISABLE:
    case VIR_DOMAIN_DISK_CACHE_WRITEBACK:
    case VIR_DOMAIN_DISK_CACHE_UNSAFE:
        return "on";
    case VIR_DOMAIN_DISK_CACHE_WRITETHRU:
    case VIR_DOMAIN_DISK_CACHE_DIRECTSYNC:
        return "off";
    case VIR_DOMAIN_DISK_CACHE_DEFAULT:
    case VIR_DOMAIN_DISK_CACHE_LAST:
    default:
        return NULL;
    }
}

static const char *
qbjVmArgsErrorPolicy(virDomainDiskErrorPolicy policy)
{
    if (policy == VIR_DOMAIN_DISK_ERROR_POLICY_DEFAULT)
        return NULL;
    if (policy == VIR_DOMAIN_DISK_ERROR_POLICY_ENOSPACE)
        return "enospc";

    return virDomainDiskErrorPolicyTypeToString(policy);
}

/* The policy for reads, which has no "enospace" and follows the one for writes when it is not given. */
static const char *
qbjVmArgsReadErrorPolicy(const virDomainDiskDef *disk)
{
    if (disk->rerror_policy != VIR_DOMAIN_DISK_ERROR_POLICY_DEFAULT)
        return qbjVmArgsErrorPolicy(disk->rerror_policy);
    if (disk->error_policy == VIR_DOMAIN_DISK_ERROR_POLICY_ENOSPACE)
        return NULL;

    return qbjVmArgsErrorPolicy(disk->error_policy);
}

static int
qbjVmArgsAddVirtioBlk(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    g_autoptr(virJSONValue) props = NULL;

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "virtio-blk-pci",
                              "p:num-queues", disk->queues,
                              "p:queue-size", disk->queue_size,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &disk->info) < 0)
        return -1;

    if (virJSONValueObjectAdd(&props,
                              "s:drive", disk->src->nodeformat,
                              "s:id", disk->info.alias,
                              "p:bootindex", qbjVmArgsBootIndex(input->def, disk),
                              "p:logical_block_size", disk->blockio.logical_block_size,
                              "p:physical_block_size", disk->blockio.physical_block_size,
                              "S:write-cache", qbjVmArgsWriteCache(disk->cachemode),
                              "S:serial", disk->serial,
                              "S:werror", qbjVmArgsErrorPolicy(disk->error_policy),
                              "S:rerror", qbjVmArgsReadErrorPolicy(disk),
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

/* Returns the name of a setting that has no place on our command line, or NULL. */
static const char *
qbjVmArgsDiskUnknown(const virDomainDiskDef *disk)
{
    const struct {
        bool used;
        const char *name;
    } settings[] = {
        { disk->device != VIR_DOMAIN_DISK_DEVICE_DISK, "device" },
        { disk->bus != VIR_DOMAIN_DISK_BUS_VIRTIO, "bus" },
        { disk->model != VIR_DOMAIN_DISK_MODEL_DEFAULT && disk->model != VIR_DOMAIN_DISK_MODEL_VIRTIO, "model" },
        { disk->copy_on_read == VIR_TRISTATE_SWITCH_ON, "copy_on_read" },
        { disk->iothread != 0, "iothread" },
        { disk->ioeventfd != VIR_TRISTATE_SWITCH_ABSENT, "ioeventfd" },
        { disk->event_idx != VIR_TRISTATE_SWITCH_ABSENT, "event_idx" },
        { qbjVmArgsHasVirtioOptions(disk->virtio), "iommu, ats, packed or page_per_vq" },
        { disk->src->shared, "shareable" },
        { disk->transient, "transient" },
        { disk->geometry.cylinders != 0, "geometry" },
        { disk->rotation_rate != 0, "rotation_rate" },
        { disk->removable != VIR_TRISTATE_SWITCH_ABSENT, "removable" },
        { disk->wwn != NULL, "wwn" },
        { disk->vendor != NULL, "vendor" },
        { disk->product != NULL, "product" },
        { disk->rawio != VIR_TRISTATE_BOOL_ABSENT, "rawio" },
        { disk->sgio != VIR_DOMAIN_DEVICE_SGIO_DEFAULT, "sgio" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (settings[i].used)
            return settings[i].name;
    }

    return NULL;
}

static int
qbjVmArgsAddDisk(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    const char *unknown = qbjVmArgsDiskUnknown(disk);

    if (unknown) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This setting of '%s' is not supported for disk '%s'."),
                       unknown, disk->dst);
        return -1;
    }

    if (virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Disk '%s' has no source."), disk->dst);
        return -1;
    }

    if (qbjVmArgsAddChain(cmd, disk) < 0)
        return -1;

    return qbjVmArgsAddVirtioBlk(cmd, input, disk);
}

int
qbjVmArgsAddDisks(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->ndisks; i++) {
        if (qbjVmArgsAddDisk(cmd, input, input->def->disks[i]) < 0)
            return -1;
    }

    return 0;
}
