/* Entry points: the host, its memory and its CPUs. */
#pragma once

#include "driver.h"

int qbjApiNodeGetInfo(virConnectPtr conn, virNodeInfoPtr info);
int qbjApiNodeGetCPUStats(virConnectPtr conn, int cpuNum, virNodeCPUStatsPtr params, int *nparams, unsigned int flags);
int qbjApiNodeGetMemoryStats(virConnectPtr conn, int cellNum, virNodeMemoryStatsPtr params, int *nparams,
                             unsigned int flags);
unsigned long long qbjApiNodeGetFreeMemory(virConnectPtr conn);
int qbjApiNodeGetCellsFreeMemory(virConnectPtr conn, unsigned long long *free, int startCell, int maxCells);
int qbjApiNodeGetMemoryParameters(virConnectPtr conn, virTypedParameterPtr params, int *nparams, unsigned int flags);
int qbjApiNodeSetMemoryParameters(virConnectPtr conn, virTypedParameterPtr params, int nparams, unsigned int flags);
int qbjApiNodeGetCPUMap(virConnectPtr conn, unsigned char **cpumap, unsigned int *online, unsigned int flags);
int qbjApiNodeGetFreePages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int startCell,
                           unsigned int cellCount, unsigned long long *counts, unsigned int flags);
int qbjApiNodeAllocPages(virConnectPtr conn, unsigned int npages, unsigned int *pageSizes,
                         unsigned long long *pageCounts, int startCell, unsigned int cellCount, unsigned int flags);
int qbjApiNodeSuspendForDuration(virConnectPtr conn, unsigned int target, unsigned long long duration,
                                 unsigned int flags);
char *qbjApiConnectGetSysinfo(virConnectPtr conn, unsigned int flags);
