/* One function for each group of statistics. Only vm_stats*.c includes this. */
#pragma once

#include "vm_block.h"
#include "vm_stats.h"

struct _qbjVmStats {
    virDomainObj *vm;
    int domainId;                       /* of the run that was asked; -1: it was off */
    unsigned int groups;
    bool backing;                       /* images below the top ones, too */
    qbjVmAsk *ask;
    GPtrArray *images;                  /* NULL: QEMU is asked. Copies of what is read as a file, or NULL for
                                         * each empty drive: of a VM that is off one for each disk, of one
                                         * with a deep chain all that are reported */
    qbjVmBlockSizes *sizes;             /* theirs; all 0: not known */
};

/* Each adds its figures to @list: 0, -1 with an error reported. stats->vm is locked. */
int qbjVmStatsBlock(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsCpu(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsVcpu(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsBalloon(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsInterface(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsIOThread(const qbjVmStats *stats, virTypedParamList *list);
int qbjVmStatsDirtyRate(const qbjVmStats *stats, virTypedParamList *list);

/* What is reported behind the image @src of @disk, which belongs to a running VM; NULL: nothing more. */
virStorageSource *qbjVmStatsNext(const qbjVmStats *stats, const virDomainDiskDef *disk, const virStorageSource *src);

/* The VM runs, and it is the run that was asked. */
bool qbjVmStatsIsLive(const qbjVmStats *stats);
