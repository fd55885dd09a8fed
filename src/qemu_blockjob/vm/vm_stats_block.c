#include <config.h>

#include "internal.h"
#include "vm_stats_parts.h"

static const struct {
    const char *qmp;
    const char *name;
} qbjVmStatsBlockCounters[] = {
    { "rd_operations", "rd.reqs" },
    { "rd_bytes", "rd.bytes" },
    { "rd_total_time_ns", "rd.times" },
    { "wr_operations", "wr.reqs" },
    { "wr_bytes", "wr.bytes" },
    { "wr_total_time_ns", "wr.times" },
    { "flush_operations", "fl.reqs" },
    { "flush_total_time_ns", "fl.times" },
};

static int
qbjVmStatsBlockName(virTypedParamList *list, size_t n, const virDomainDiskDef *disk, const virStorageSource *src)
{
    if (virTypedParamListAddString(list, disk->dst, "block.%zu.name", n) < 0)
        return -1;
    if (virStorageSourceIsLocalStorage(src) && src->path &&
        virTypedParamListAddString(list, src->path, "block.%zu.path", n) < 0)
        return -1;
    if (src->id && virTypedParamListAddUInt(list, src->id, "block.%zu.backingIndex", n) < 0)
        return -1;
    return 0;
}

static int
qbjVmStatsBlockCount(virTypedParamList *list, size_t n, virJSONValue *counters)
{
    unsigned long long value;
    size_t i;

    for (i = 0; counters && i < G_N_ELEMENTS(qbjVmStatsBlockCounters); i++) {
        if (virJSONValueObjectGetNumberUlong(counters, qbjVmStatsBlockCounters[i].qmp, &value) == 0 &&
            virTypedParamListAddULLong(list, value, "block.%zu.%s", n, qbjVmStatsBlockCounters[i].name) < 0)
            return -1;
    }
    return 0;
}

static int
qbjVmStatsBlockSizes(virTypedParamList *list, size_t n, const qbjVmBlockSizes *sizes)
{
    if (virTypedParamListAddULLong(list, sizes->allocation, "block.%zu.allocation", n) < 0 ||
        virTypedParamListAddULLong(list, sizes->capacity, "block.%zu.capacity", n) < 0 ||
        virTypedParamListAddULLong(list, sizes->physical, "block.%zu.physical", n) < 0)
        return -1;
    return 0;
}

/* One image of the chain of @disk, as entry @n. */
static int
qbjVmStatsBlockLive(const qbjVmStats *stats, virTypedParamList *list, size_t n, const virDomainDiskDef *disk,
                    const virStorageSource *src)
{
    qbjVmBlockSizes sizes;

    if (qbjVmStatsBlockName(list, n, disk, src) < 0)
        return -1;
    if (src == disk->src && qbjVmStatsBlockCount(list, n, qbjVmBlockCounters(stats->ask, disk)) < 0)
        return -1;
    return qbjVmBlockNodeSizes(stats->ask, src, &sizes) ? qbjVmStatsBlockSizes(list, n, &sizes) : 0;
}

static int
qbjVmStatsBlockDisk(const qbjVmStats *stats, virTypedParamList *list, size_t *n, size_t which)
{
    const virDomainDiskDef *disk = stats->vm->def->disks[which];
    const virStorageSource *src = disk->src;

    if (!qbjVmStatsIsLive(stats)) {
        if (qbjVmStatsBlockName(list, *n, disk, src) < 0)
            return -1;
        if (which >= stats->nimages || stats->sizes[which].capacity == 0) {
            (*n)++;
            return 0;
        }
        return qbjVmStatsBlockSizes(list, (*n)++, &stats->sizes[which]);
    }
    do {
        if (qbjVmStatsBlockLive(stats, list, (*n)++, disk, src) < 0)
            return -1;
        src = src->backingStore;
    } while (stats->backing && virStorageSourceIsBacking(src));
    return 0;
}

/* The number of entries stands in front of them, and is known only behind them. */
int
qbjVmStatsBlock(const qbjVmStats *stats, virTypedParamList *list)
{
    size_t place = list->npar;
    size_t n = 0;
    size_t i;

    if (virTypedParamListAddUInt(list, 0, "block.count") < 0)
        return -1;
    for (i = 0; i < stats->vm->def->ndisks; i++) {
        if (qbjVmStatsBlockDisk(stats, list, &n, i) < 0)
            return -1;
    }
    list->par[place].value.ui = n;
    return 0;
}
