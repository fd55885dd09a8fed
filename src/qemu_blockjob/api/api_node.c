#include <config.h>

#include "internal.h"
#include "api_node.h"
#include "api_domain.h"
#include "capabilities.h"
#include "datatypes.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virhostcpu.h"
#include "virhostmem.h"
#include "virnodesuspend.h"
#include "virsysinfo.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiNodeGetInfo(virConnectPtr conn, virNodeInfoPtr info)
{
    if (virNodeGetInfoEnsureACL(conn) < 0)
        return -1;
    return virCapabilitiesGetNodeInfo(info);
}

int
qbjApiNodeGetCPUStats(virConnectPtr conn, int cpuNum, virNodeCPUStatsPtr params, int *nparams, unsigned int flags)
{
    if (virNodeGetCPUStatsEnsureACL(conn) < 0)
        return -1;
    return virHostCPUGetStats(cpuNum, params, nparams, flags);
}

int
qbjApiNodeGetMemoryStats(virConnectPtr conn, int cellNum, virNodeMemoryStatsPtr params, int *nparams,
                         unsigned int flags)
{
    if (virNodeGetMemoryStatsEnsureACL(conn) < 0)
        return -1;
    return virHostMemGetStats(cellNum, params, nparams, flags);
}

unsigned long long
qbjApiNodeGetFreeMemory(virConnectPtr conn)
{
    unsigned long long free = 0;

    if (virNodeGetFreeMemoryEnsureACL(conn) < 0 || virHostMemGetInfo(NULL, &free) < 0)
        return 0;
    return free;
}

int
qbjApiNodeGetCellsFreeMemory(virConnectPtr conn, unsigned long long *free, int startCell, int maxCells)
{
    if (virNodeGetCellsFreeMemoryEnsureACL(conn) < 0)
        return -1;
    return virHostMemGetCellsFree(free, startCell, maxCells);
}

int
qbjApiNodeGetMemoryParameters(virConnectPtr conn, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    if (virNodeGetMemoryParametersEnsureACL(conn) < 0)
        return -1;
    return virHostMemGetParameters(params, nparams, flags);
}

int
qbjApiNodeSetMemoryParameters(virConnectPtr conn, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    if (virNodeSetMemoryParametersEnsureACL(conn) < 0)
        return -1;
    return virHostMemSetParameters(params, nparams, flags);
}

int
qbjApiNodeGetCPUMap(virConnectPtr conn, unsigned char **cpumap, unsigned int *online, unsigned int flags)
{
    if (virNodeGetCPUMapEnsureACL(conn) < 0)
        return -1;
    return virHostCPUGetMap(cpumap, online, flags);
}

/* The highest number of a NUMA cell of the host; -1 with an error reported. */
static int
qbjApiNodeLastCell(void)
{
    g_autoptr(virCapsHostNUMA) numa = virCapabilitiesHostNUMANewHost();

    if (!numa)
        return -1;
    return virCapabilitiesHostNUMAGetMaxNode(numa);
}

int
qbjApiNodeGetFreePages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int startCell,
                       unsigned int cellCount, unsigned long long *counts, unsigned int flags)
{
    int lastCell;

    virCheckFlags(0, -1);

    if (virNodeGetFreePagesEnsureACL(conn) < 0 || (lastCell = qbjApiNodeLastCell()) < 0)
        return -1;
    return virHostMemGetFreePages(npages, pages, startCell, cellCount, lastCell, counts);
}

int
qbjApiNodeAllocPages(virConnectPtr conn, unsigned int npages, unsigned int *pageSizes, unsigned long long *pageCounts,
                     int startCell, unsigned int cellCount, unsigned int flags)
{
    int lastCell;

    virCheckFlags(VIR_NODE_ALLOC_PAGES_SET, -1);

    if (virNodeAllocPagesEnsureACL(conn) < 0 || (lastCell = qbjApiNodeLastCell()) < 0)
        return -1;
    return virHostMemAllocPages(npages, pageSizes, pageCounts, startCell, cellCount, lastCell,
                                !(flags & VIR_NODE_ALLOC_PAGES_SET));
}

int
qbjApiNodeSuspendForDuration(virConnectPtr conn, unsigned int target, unsigned long long duration, unsigned int flags)
{
    if (virNodeSuspendForDurationEnsureACL(conn) < 0)
        return -1;
    return virNodeSuspend(target, duration, flags);
}

char *
qbjApiConnectGetSysinfo(virConnectPtr conn, unsigned int flags)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autoptr(virSysinfoDef) info = NULL;

    virCheckFlags(0, NULL);

    if (virConnectGetSysinfoEnsureACL(conn) < 0)
        return NULL;
    if (!(info = virSysinfoRead())) {
        virResetLastError();            /* a host without SMBIOS is none that is broken */
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Host SMBIOS information is not available"));
        return NULL;
    }
    if (virSysinfoFormat(&buf, info) < 0)
        return NULL;
    return virBufferContentAndReset(&buf);
}
