#include <config.h>

#include "internal.h"
#include "vm_stats_parts.h"
#include "engine_job.h"

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

/* What was found in the file of entry @n; NULL: nothing, or the chain is another one by now. */
static const qbjVmBlockSizes *
qbjVmStatsBlockFile(const qbjVmStats *stats, size_t n, const virStorageSource *src)
{
    const virStorageSource *image;

    if (!stats->images || n >= stats->images->len || !(image = g_ptr_array_index(stats->images, n)) ||
        STRNEQ_NULLABLE(image->nodeformat, src->nodeformat) || stats->sizes[n].capacity == 0)
        return NULL;
    return &stats->sizes[n];
}

/* Why the block job of @disk waits, if it does. A field of our own: libvirt has none for it. */
static int
qbjVmStatsBlockJob(const qbjVmStats *stats, virTypedParamList *list, size_t n, const virDomainDiskDef *disk)
{
    const virQbjJob *job = qbjEngineJobFindByDisk(stats->vm, disk->dst);

    if (!job || !job->paused)
        return 0;
    return virTypedParamListAddString(list, job->paused, "block.%zu.job.error", n);
}

/* One image of the chain of @disk, as entry @n. */
static int
qbjVmStatsBlockLive(const qbjVmStats *stats, virTypedParamList *list, size_t n, const virDomainDiskDef *disk,
                    const virStorageSource *src)
{
    qbjVmBlockSizes sizes = { 0 };
    const qbjVmBlockSizes *file = qbjVmStatsBlockFile(stats, n, src);
    unsigned long long threshold;

    if (qbjVmStatsBlockName(list, n, disk, src) < 0)
        return -1;
    if (src == disk->src &&
        (qbjVmStatsBlockCount(list, n, qbjVmBlockCounters(stats->ask, disk)) < 0 ||
         qbjVmStatsBlockJob(stats, list, n, disk) < 0))
        return -1;
    if (file)
        qbjVmBlockFileSizes(stats->ask, src, file, &sizes);
    if ((file || qbjVmBlockNodeSizes(stats->ask, src, &sizes)) && qbjVmStatsBlockSizes(list, n, &sizes) < 0)
        return -1;
    if ((threshold = qbjVmBlockThreshold(stats->ask, src)) > 0)
        return virTypedParamListAddULLong(list, threshold, "block.%zu.threshold", n);
    return 0;
}

static int
qbjVmStatsBlockDisk(const qbjVmStats *stats, virTypedParamList *list, size_t *n, size_t which)
{
    const virDomainDiskDef *disk = stats->vm->def->disks[which];
    const virStorageSource *src = disk->src;
    const qbjVmBlockSizes *file;

    if (!qbjVmStatsIsLive(stats)) {
        if (qbjVmStatsBlockName(list, *n, disk, src) < 0)
            return -1;
        file = qbjVmStatsBlockFile(stats, *n, src);
        (*n)++;
        return file ? qbjVmStatsBlockSizes(list, *n - 1, file) : 0;
    }
    do {
        if (qbjVmStatsBlockLive(stats, list, (*n)++, disk, src) < 0)
            return -1;
        src = qbjVmStatsNext(stats, disk, src);
    } while (src);
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
