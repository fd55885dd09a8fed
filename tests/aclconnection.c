/* Calls that are not about one domain, denied. */
#include <config.h>

#include "aclfixture.h"
#include "embedfixture.h"

#include <libvirt/libvirt-qemu.h>

#include <unistd.h>

static int
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, int event G_GNUC_UNUSED,
        int detail G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return 0;
}

static void
onMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, const char *event G_GNUC_UNUSED,
               long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
               void *opaque G_GNUC_UNUSED)
{
}

static void
testLists(virConnectPtr conn)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virDomainStatsRecordPtr *stats = NULL;
    char *names[4];
    int ids[4];

    DENIED(conn, connectListDomains, virConnectListDomains(conn, ids, 4));
    DENIED(conn, connectNumOfDomains, virConnectNumOfDomains(conn));
    DENIED(conn, connectListDefinedDomains, virConnectListDefinedDomains(conn, names, 4));
    DENIED(conn, connectNumOfDefinedDomains, virConnectNumOfDefinedDomains(conn));
    DENIED(conn, connectListAllDomains, virConnectListAllDomains(conn, NULL, 0));
    DENIED(conn, connectGetAllDomainStats, virConnectGetAllDomainStats(conn, 0, &stats, 0));
    DENIED_NULL(conn, domainLookupByName, virDomainLookupByName(conn, "acl"));
    CHECK(virDomainLookupByUUID(conn, uuid) == NULL && embedErrorIs(VIR_ERR_NO_DOMAIN),
          "what does not exist is not found");
}

static void
testCpu(virConnectPtr conn)
{
    static const char cpu[] = "<cpu><arch>x86_64</arch><model>Nehalem</model></cpu>";
    const char *list[] = { cpu };
    char **models = NULL;

    DENIED(conn, connectCompareCPU, virConnectCompareCPU(conn, cpu, 0));
    DENIED(conn, connectCompareHypervisorCPU, virConnectCompareHypervisorCPU(conn, NULL, NULL, NULL, NULL, cpu, 0));
    DENIED_NULL(conn, connectBaselineCPU, virConnectBaselineCPU(conn, list, 1, 0));
    DENIED_NULL(conn, connectBaselineHypervisorCPU,
                virConnectBaselineHypervisorCPU(conn, NULL, NULL, NULL, NULL, list, 1, 0));
    DENIED(conn, connectGetCPUModelNames, virConnectGetCPUModelNames(conn, "x86_64", &models, 0));
}

/* The head of a save image of the domain @xml: enough for a check to be asked about it. */
static char *
makeImage(const char *xml)
{
    uint32_t numbers[19] = { 2, strlen(xml) + 1, 1 };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    char *path = NULL;
    int fd = g_file_open_tmp("qbjacl-XXXXXX", &path, NULL);

    g_byte_array_append(bytes, (const guint8 *) "LibvirtQemudSave", 16);
    g_byte_array_append(bytes, (const guint8 *) numbers, sizeof(numbers));
    g_byte_array_append(bytes, (const guint8 *) xml, strlen(xml) + 1);
    CHECK(fd >= 0 && write(fd, bytes->data, bytes->len) == (ssize_t) bytes->len, "a save image is made");
    close(fd);
    return path;
}

static void
testImages(virConnectPtr conn, const char *xml)
{
    g_autofree char *path = makeImage(xml);
    virTypedParameterPtr params = NULL;
    int n = 0;
    int max = 0;

    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_SAVE_PARAM_FILE, path);
    DENIED(conn, domainRestore, virDomainRestore(conn, path));
    DENIED(conn, domainRestoreFlags, virDomainRestoreFlags(conn, path, NULL, 0));
    DENIED(conn, domainRestoreParams, virDomainRestoreParams(conn, params, n, 0));
    DENIED_NULL(conn, domainSaveImageGetXMLDesc, virDomainSaveImageGetXMLDesc(conn, path, 0));
    DENIED(conn, domainSaveImageDefineXML, virDomainSaveImageDefineXML(conn, path, xml, 0));
    virTypedParamsFree(params, n);
    unlink(path);
}

void
aclTestConnection(virConnectPtr conn, const char *xml)
{
    unsigned long version;

    UNCHECKED(connectURIProbe);
    UNCHECKED(connectClose);
    UNCHECKED(connectIsEncrypted);
    UNCHECKED(connectIsSecure);
    UNCHECKED(connectIsAlive);
    /* libvirt.so answers with the driver's name when the driver refuses to */
    ACL_LINE(conn, connectGetType, virConnectGetType(conn) != NULL);
    DENIED_NULL(conn, connectOpen, embedOpenAgain());
    DENIED(conn, connectSupportsFeature, VIR_DRV_SUPPORTS_FEATURE(conn->driver, conn, VIR_DRV_FEATURE_MIGRATION_V3));
    DENIED(conn, connectGetVersion, virConnectGetVersion(conn, &version));
    DENIED_NULL(conn, connectGetHostname, virConnectGetHostname(conn));
    DENIED(conn, connectGetMaxVcpus, virConnectGetMaxVcpus(conn, NULL));
    DENIED_NULL(conn, connectGetCapabilities, virConnectGetCapabilities(conn));
    DENIED_NULL(conn, connectGetDomainCapabilities, virConnectGetDomainCapabilities(conn, NULL, NULL, NULL, NULL, 0));
    DENIED_NULL(conn, connectGetSysinfo, virConnectGetSysinfo(conn, 0));
    DENIED_NULL(conn, domainDefineXML, virDomainDefineXML(conn, xml));
    DENIED_NULL(conn, domainDefineXMLFlags, virDomainDefineXMLFlags(conn, xml, 0));
    DENIED_NULL(conn, domainCreateXML, virDomainCreateXML(conn, xml, 0));
    DENIED_NULL(conn, connectDomainXMLToNative, virConnectDomainXMLToNative(conn, "qemu-argv", xml, 0));
    testLists(conn);
    testCpu(conn);
    testImages(conn, xml);
}

/* Arguments that do no harm, should a check be missing. */
static void
testNodeChanges(virConnectPtr conn)
{
    virTypedParameter parameter = { .field = "shm_pages_to_scan", .type = VIR_TYPED_PARAM_UINT, .value.ui = 100 };
    unsigned int size = 4;
    unsigned long long count = 0;

    DENIED(conn, nodeSetMemoryParameters, virNodeSetMemoryParameters(conn, &parameter, 1, 0));
    DENIED(conn, nodeAllocPages, virNodeAllocPages(conn, 1, &size, &count, 0, 1, 0));
    DENIED(conn, nodeSuspendForDuration, virNodeSuspendForDuration(conn, VIR_NODE_SUSPEND_TARGET_MEM, 0, 0));
}

void
aclTestNode(virConnectPtr conn)
{
    virSecurityModel model;
    virNodeInfo node;
    virNodeCPUStats cpu[8];
    virNodeMemoryStats memory[8];
    virTypedParameter parameters[16];
    unsigned int sizes[] = { 4 };
    unsigned long long counts[4];
    unsigned char *map = NULL;
    int n = 0;

    DENIED(conn, nodeGetInfo, virNodeGetInfo(conn, &node));
    DENIED(conn, nodeGetSecurityModel, virNodeGetSecurityModel(conn, &model));
    DENIED(conn, nodeGetCPUStats, virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, cpu, &n, 0));
    n = 0;
    DENIED(conn, nodeGetMemoryStats, virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, memory, &n, 0));
    n = 0;
    DENIED(conn, nodeGetMemoryParameters, virNodeGetMemoryParameters(conn, parameters, &n, 0));
    ACL_LINE(conn, nodeGetFreeMemory, virNodeGetFreeMemory(conn) == 0);
    DENIED(conn, nodeGetCellsFreeMemory, virNodeGetCellsFreeMemory(conn, counts, 0, 1));
    DENIED(conn, nodeGetCPUMap, virNodeGetCPUMap(conn, &map, NULL, 0));
    DENIED(conn, nodeGetFreePages, virNodeGetFreePages(conn, 1, sizes, 0, 1, counts, 0));
    testNodeChanges(conn);
}

void
aclTestEvents(virConnectPtr conn)
{
    DENIED(conn, connectDomainEventRegister, virConnectDomainEventRegister(conn, onEvent, NULL, NULL));
    DENIED(conn, connectDomainEventDeregister, virConnectDomainEventDeregister(conn, onEvent));
    DENIED(conn, connectDomainEventRegisterAny,
           virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                            VIR_DOMAIN_EVENT_CALLBACK(onEvent), NULL, NULL));
    DENIED(conn, connectDomainEventDeregisterAny, virConnectDomainEventDeregisterAny(conn, 1));
    DENIED(conn, connectDomainQemuMonitorEventRegister,
           virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onMonitorEvent, NULL, NULL, 0));
    DENIED(conn, connectDomainQemuMonitorEventDeregister, virConnectDomainQemuMonitorEventDeregister(conn, 1));
}
