#include <config.h>

#include "internal.h"
#include "vm_iotune.h"
#include "vm_block.h"
#include "domain_qmp.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define LIMIT(field, qmp, length) { # field, qmp, offsetof(virDomainBlockIoTuneInfo, field), length }

const qbjVmIoTuneLimit qbjVmIoTuneLimits[] = {
    LIMIT(total_bytes_sec, "bps", false),
    LIMIT(read_bytes_sec, "bps_rd", false),
    LIMIT(write_bytes_sec, "bps_wr", false),
    LIMIT(total_iops_sec, "iops", false),
    LIMIT(read_iops_sec, "iops_rd", false),
    LIMIT(write_iops_sec, "iops_wr", false),
    LIMIT(total_bytes_sec_max, "bps_max", false),
    LIMIT(read_bytes_sec_max, "bps_rd_max", false),
    LIMIT(write_bytes_sec_max, "bps_wr_max", false),
    LIMIT(total_iops_sec_max, "iops_max", false),
    LIMIT(read_iops_sec_max, "iops_rd_max", false),
    LIMIT(write_iops_sec_max, "iops_wr_max", false),
    LIMIT(size_iops_sec, "iops_size", false),
    LIMIT(total_bytes_sec_max_length, "bps_max_length", true),
    LIMIT(read_bytes_sec_max_length, "bps_rd_max_length", true),
    LIMIT(write_bytes_sec_max_length, "bps_wr_max_length", true),
    LIMIT(total_iops_sec_max_length, "iops_max_length", true),
    LIMIT(read_iops_sec_max_length, "iops_rd_max_length", true),
    LIMIT(write_iops_sec_max_length, "iops_wr_max_length", true),
    { NULL, NULL, 0, false },
};

unsigned long long *
qbjVmIoTuneValue(virDomainBlockIoTuneInfo *info, const qbjVmIoTuneLimit *limit)
{
    return (unsigned long long *) (void *) ((char *) info + limit->offset);
}

int
qbjVmIoTuneSet(virDomainObj *vm, const virDomainDiskDef *disk, virDomainBlockIoTuneInfo *info)
{
    g_autoptr(virJSONValue) arguments = NULL;
    const qbjVmIoTuneLimit *limit;

    if (virJSONValueObjectAdd(&arguments, "s:id", VIR_QBJ_DISK_PRIVATE(disk)->qomName, "S:group", info->group_name,
                              NULL) < 0)
        return -1;
    for (limit = qbjVmIoTuneLimits; limit->name; limit++) {
        unsigned long long value = *qbjVmIoTuneValue(info, limit);

        if ((value || !limit->length) && virJSONValueObjectAppendNumberUlong(arguments, limit->qmp, value) < 0)
            return -1;
    }
    return qbjDomainQmpCall(vm, "block_set_io_throttle", arguments, NULL);
}

static bool
qbjVmIoTuneHasAny(virDomainBlockIoTuneInfo *info)
{
    const qbjVmIoTuneLimit *limit;

    for (limit = qbjVmIoTuneLimits; limit->name; limit++) {
        if (*qbjVmIoTuneValue(info, limit))
            return true;
    }
    return info->group_name != NULL;
}

int
qbjVmIoTuneSetAll(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (!virStorageSourceIsEmpty(disk->src) && qbjVmIoTuneHasAny(&disk->blkdeviotune) &&
            qbjVmIoTuneSet(vm, disk, &disk->blkdeviotune) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmIoTuneRead(const qbjVmAsk *ask, const virDomainDiskDef *disk, virDomainBlockIoTuneInfo *info)
{
    virJSONValue *entry = qbjVmBlockEntry(qbjVmAskGet(ask, QBJ_VM_ASK_BLOCK), disk);
    virJSONValue *inserted = entry ? virJSONValueObjectGetObject(entry, "inserted") : NULL;
    const qbjVmIoTuneLimit *limit;

    if (!inserted) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU does not tell the limits of disk '%s'"), disk->dst);
        return -1;
    }
    for (limit = qbjVmIoTuneLimits; limit->name; limit++)
        ignore_value(virJSONValueObjectGetNumberUlong(inserted, limit->qmp, qbjVmIoTuneValue(info, limit)));
    g_free(info->group_name);
    info->group_name = g_strdup(virJSONValueObjectGetString(inserted, "group"));
    return 0;
}
