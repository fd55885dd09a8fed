#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "api_block.h"
#include "api_domain.h"
#include "datatypes.h"
#include "vm_block.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* With the lock dropped, for storage may hang. */
static int
qbjApiBlockInfoProbe(virDomainObj *vm, virStorageSource *copy, qbjVmBlockSizes *sizes)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjVmBlockProbe(copy, sizes);
    virObjectLock(vm);
    return rc;
}

static int
qbjApiBlockInfoFile(virDomainObj *vm, const qbjVmAsk *ask, virStorageSource *copy, qbjVmBlockSizes *sizes)
{
    qbjVmBlockSizes file;

    if (qbjApiBlockInfoProbe(vm, copy, &file) < 0)
        return -1;
    qbjVmBlockFileSizes(ask, copy, &file, sizes);
    return 0;
}

/* Of a running VM the guest's and QEMU's view; of a regular file what the file system says is newer. */
static int
qbjApiBlockInfoLive(virDomainObj *vm, const virStorageSource *src, virDomainBlockInfoPtr info)
{
    g_autoptr(virStorageSource) copy = virStorageSourceCopy(src, false);
    bool nodes = qbjVmBlockNeedsNodes(vm);
    g_autoptr(qbjVmAsk) ask = qbjVmAskNow(vm, QBJ_VM_ASK(DEVICES) | (nodes ? QBJ_VM_ASK(NODES) : 0));
    qbjVmBlockSizes sizes;
    struct stat st;

    if (!ask || !copy)
        return -1;
    if (!nodes) {
        if (qbjApiBlockInfoFile(vm, ask, copy, &sizes) < 0)
            return -1;
    } else if (!qbjVmBlockNodeSizes(ask, copy, &sizes)) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU does not tell the size of the disk"));
        return -1;
    }
    info->capacity = sizes.capacity;
    info->allocation = sizes.allocation;
    info->physical = sizes.physical;
    if (virStorageSourceIsLocalStorage(copy) && copy->path && stat(copy->path, &st) == 0 && S_ISREG(st.st_mode)) {
        info->allocation = (unsigned long long) st.st_blocks * 512;
        info->physical = st.st_size;
    }
    return 0;
}

static int
qbjApiBlockInfoOff(virDomainObj *vm, const virStorageSource *src, virDomainBlockInfoPtr info)
{
    g_autoptr(virStorageSource) copy = virStorageSourceCopy(src, false);
    qbjVmBlockSizes sizes;

    if (!copy || qbjApiBlockInfoProbe(vm, copy, &sizes) < 0)
        return -1;
    info->capacity = sizes.capacity;
    info->allocation = sizes.allocation;
    info->physical = sizes.physical;
    return 0;
}

static int
qbjApiBlockInfo(virDomainObj *vm, const char *path, virDomainBlockInfoPtr info)
{
    virDomainDiskDef *disk = virDomainDiskByName(vm->def, path, false);

    if (!disk) {
        virReportError(VIR_ERR_INVALID_ARG, _("invalid path %s not assigned to domain"), path);
        return -1;
    }
    if (virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' does not currently have a source assigned"), path);
        return -1;
    }
    return virDomainObjIsActive(vm) ? qbjApiBlockInfoLive(vm, disk->src, info)
                                    : qbjApiBlockInfoOff(vm, disk->src, info);
}

int
qbjApiGetBlockInfo(virDomainPtr domain, const char *path, virDomainBlockInfoPtr info, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetBlockInfoEnsureACL)))
        return -1;
    ret = qbjApiBlockInfo(vm, path, info);
    virDomainObjEndAPI(&vm);
    return ret;
}

typedef enum {
    QBJ_API_BLOCK_WR_BYTES,
    QBJ_API_BLOCK_WR_REQ,
    QBJ_API_BLOCK_RD_BYTES,
    QBJ_API_BLOCK_RD_REQ,
    QBJ_API_BLOCK_FLUSH_REQ,
    QBJ_API_BLOCK_WR_TIME,
    QBJ_API_BLOCK_RD_TIME,
    QBJ_API_BLOCK_FLUSH_TIME,
    QBJ_API_BLOCK_LAST
} qbjApiBlockCounter;

static const struct {
    const char *qmp;
    const char *name;
} qbjApiBlockCounters[QBJ_API_BLOCK_LAST] = {
    [QBJ_API_BLOCK_WR_BYTES] = { "wr_bytes", VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES },
    [QBJ_API_BLOCK_WR_REQ] = { "wr_operations", VIR_DOMAIN_BLOCK_STATS_WRITE_REQ },
    [QBJ_API_BLOCK_RD_BYTES] = { "rd_bytes", VIR_DOMAIN_BLOCK_STATS_READ_BYTES },
    [QBJ_API_BLOCK_RD_REQ] = { "rd_operations", VIR_DOMAIN_BLOCK_STATS_READ_REQ },
    [QBJ_API_BLOCK_FLUSH_REQ] = { "flush_operations", VIR_DOMAIN_BLOCK_STATS_FLUSH_REQ },
    [QBJ_API_BLOCK_WR_TIME] = { "wr_total_time_ns", VIR_DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES },
    [QBJ_API_BLOCK_RD_TIME] = { "rd_total_time_ns", VIR_DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES },
    [QBJ_API_BLOCK_FLUSH_TIME] = { "flush_total_time_ns", VIR_DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES },
};

static void
qbjApiBlockAdd(virJSONValue *counters, long long *sum)
{
    size_t i;

    for (i = 0; counters && i < QBJ_API_BLOCK_LAST; i++) {
        long long value;

        if (virJSONValueObjectGetNumberLong(counters, qbjApiBlockCounters[i].qmp, &value) == 0)
            sum[i] += value;
    }
}

static int
qbjApiBlockCheck(virDomainObj *vm, const char *path)
{
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (*path && !virDomainDiskByName(vm->def, path, false)) {
        virReportError(VIR_ERR_INVALID_ARG, _("invalid path: %s"), path);
        return -1;
    }
    return 0;
}

/* Counters of the disk at @path, or of all disks together when that is empty. */
static int
qbjApiBlockCount(virDomainObj *vm, const char *path, long long *sum)
{
    g_autoptr(qbjVmAsk) ask = NULL;
    size_t i;

    if (qbjApiBlockCheck(vm, path) < 0 || !(ask = qbjVmAskNow(vm, QBJ_VM_ASK(DEVICES))) ||
        qbjApiBlockCheck(vm, path) < 0)
        return -1;
    for (i = 0; i < vm->def->ndisks; i++) {
        if (!*path || vm->def->disks[i] == virDomainDiskByName(vm->def, path, false))
            qbjApiBlockAdd(qbjVmBlockCounters(ask, vm->def->disks[i]), sum);
    }
    return 0;
}

int
qbjApiBlockStats(virDomainPtr domain, const char *path, virDomainBlockStatsPtr stats)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainBlockStatsEnsureACL);
    long long sum[QBJ_API_BLOCK_LAST] = { 0 };
    int ret;

    if (!vm)
        return -1;
    if ((ret = qbjApiBlockCount(vm, path, sum)) == 0) {
        stats->rd_req = sum[QBJ_API_BLOCK_RD_REQ];
        stats->rd_bytes = sum[QBJ_API_BLOCK_RD_BYTES];
        stats->wr_req = sum[QBJ_API_BLOCK_WR_REQ];
        stats->wr_bytes = sum[QBJ_API_BLOCK_WR_BYTES];
        stats->errs = -1;               /* QEMU does not count them */
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiBlockFill(const long long *sum, virTypedParameterPtr params, int *nparams)
{
    int i;

    if (*nparams == 0) {                /* how many there are */
        *nparams = QBJ_API_BLOCK_LAST;
        return 0;
    }
    for (i = 0; i < *nparams && i < QBJ_API_BLOCK_LAST; i++) {
        if (virTypedParameterAssign(&params[i], qbjApiBlockCounters[i].name, VIR_TYPED_PARAM_LLONG, sum[i]) < 0)
            return -1;
    }
    *nparams = i;
    return 0;
}

int
qbjApiBlockStatsFlags(virDomainPtr domain, const char *path, virTypedParameterPtr params, int *nparams,
                      unsigned int flags)
{
    virDomainObj *vm;
    long long sum[QBJ_API_BLOCK_LAST] = { 0 };
    int ret;

    virCheckFlags(VIR_TYPED_PARAM_STRING_OKAY, -1);

    if (!(vm = qbjApiLook(domain, virDomainBlockStatsFlagsEnsureACL)))
        return -1;
    ret = *nparams == 0 ? qbjApiBlockCheck(vm, path) : qbjApiBlockCount(vm, path, sum);
    if (ret == 0)
        ret = qbjApiBlockFill(sum, params, nparams);
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiDiskErrorOf(virJSONValue *entry)
{
    const char *status = entry ? virJSONValueObjectGetString(entry, "io-status") : NULL;

    if (STREQ_NULLABLE(status, "failed"))
        return VIR_DOMAIN_DISK_ERROR_UNSPEC;
    return STREQ_NULLABLE(status, "nospace") ? VIR_DOMAIN_DISK_ERROR_NO_SPACE : VIR_DOMAIN_DISK_ERROR_NONE;
}

static int
qbjApiDiskErrors(virDomainObj *vm, virDomainDiskErrorPtr errors, unsigned int nerrors)
{
    g_autoptr(qbjVmAsk) ask = NULL;
    unsigned int n = 0;
    size_t i;

    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (!errors)
        return vm->def->ndisks;
    if (!(ask = qbjVmAskNow(vm, QBJ_VM_ASK(BLOCK))))
        return -1;
    for (i = 0; i < vm->def->ndisks && n < nerrors; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        int error = qbjApiDiskErrorOf(qbjVmBlockEntry(qbjVmAskGet(ask, QBJ_VM_ASK_BLOCK), disk));

        if (error == VIR_DOMAIN_DISK_ERROR_NONE)
            continue;
        errors[n].disk = g_strdup(disk->dst);
        errors[n++].error = error;
    }
    return n;
}

int
qbjApiGetDiskErrors(virDomainPtr domain, virDomainDiskErrorPtr errors, unsigned int nerrors, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetDiskErrorsEnsureACL)))
        return -1;
    ret = qbjApiDiskErrors(vm, errors, nerrors);
    virDomainObjEndAPI(&vm);
    return ret;
}
