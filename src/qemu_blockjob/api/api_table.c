#include <config.h>

#include <libintl.h>

#include "internal.h"
#include "api_table.h"
#include "api_agent.h"
#include "api_autostart.h"
#include "api_block.h"
#include "api_blockcopy.h"
#include "api_blockjob.h"
#include "api_blocksize.h"
#include "api_connect.h"
#include "api_console.h"
#include "api_cpu.h"
#include "api_define.h"
#include "api_device.h"
#include "api_deviceupdate.h"
#include "api_dump.h"
#include "api_event.h"
#include "api_iothread.h"
#include "api_iotune.h"
#include "api_job.h"
#include "api_list.h"
#include "api_memory.h"
#include "api_metadata.h"
#include "api_migrate.h"
#include "api_native.h"
#include "api_net.h"
#include "api_node.h"
#include "api_pin.h"
#include "api_power.h"
#include "api_query.h"
#include "api_rename.h"
#include "api_run.h"
#include "api_save.h"
#include "api_saved.h"
#include "api_snapshot.h"
#include "api_state.h"
#include "api_stats.h"
#include "api_tune.h"
#include "api_undo.h"
#include "api_vcpu.h"
#include "driver.h"

static virHypervisorDriver qbjApiHypervisorDriver = {
    .name = "QEMU",

    .connectURIProbe = qbjApiConnectURIProbe,
    .connectOpen = qbjApiConnectOpen,
    .connectClose = qbjApiConnectClose,
    .connectSupportsFeature = qbjApiConnectSupportsFeature,
    .connectGetType = qbjApiConnectGetType,
    .connectGetVersion = qbjApiConnectGetVersion,
    .connectGetHostname = qbjApiConnectGetHostname,
    .connectGetMaxVcpus = qbjApiConnectGetMaxVcpus,
    .connectGetCapabilities = qbjApiConnectGetCapabilities,
    .connectGetDomainCapabilities = qbjApiConnectGetDomainCapabilities,
    .connectIsEncrypted = qbjApiConnectIsEncrypted,
    .connectIsSecure = qbjApiConnectIsSecure,
    .connectIsAlive = qbjApiConnectIsAlive,
    .connectGetSysinfo = qbjApiConnectGetSysinfo,
    .connectCompareCPU = qbjApiCompareCPU,
    .connectCompareHypervisorCPU = qbjApiCompareHypervisorCPU,
    .connectBaselineCPU = qbjApiBaselineCPU,
    .connectBaselineHypervisorCPU = qbjApiBaselineHypervisorCPU,
    .connectGetCPUModelNames = qbjApiGetCPUModelNames,
    .nodeGetInfo = qbjApiNodeGetInfo,
    .nodeGetCPUStats = qbjApiNodeGetCPUStats,
    .nodeGetMemoryStats = qbjApiNodeGetMemoryStats,
    .nodeGetFreeMemory = qbjApiNodeGetFreeMemory,
    .nodeGetCellsFreeMemory = qbjApiNodeGetCellsFreeMemory,
    .nodeGetMemoryParameters = qbjApiNodeGetMemoryParameters,
    .nodeSetMemoryParameters = qbjApiNodeSetMemoryParameters,
    .nodeGetCPUMap = qbjApiNodeGetCPUMap,
    .nodeGetFreePages = qbjApiNodeGetFreePages,
    .nodeAllocPages = qbjApiNodeAllocPages,
    .nodeSuspendForDuration = qbjApiNodeSuspendForDuration,
    .nodeGetSecurityModel = qbjApiNodeGetSecurityModel,

    .connectListDomains = qbjApiListDomains,
    .connectNumOfDomains = qbjApiNumOfDomains,
    .connectListDefinedDomains = qbjApiListDefinedDomains,
    .connectNumOfDefinedDomains = qbjApiNumOfDefinedDomains,
    .connectListAllDomains = qbjApiListAllDomains,
    .domainLookupByID = qbjApiLookupByID,
    .domainLookupByUUID = qbjApiLookupByUUID,
    .domainLookupByName = qbjApiLookupByName,

    .domainDefineXML = qbjApiDefineXML,
    .domainDefineXMLFlags = qbjApiDefineXMLFlags,
    .domainUndefine = qbjApiUndefine,
    .domainUndefineFlags = qbjApiUndefineFlags,
    .domainSave = qbjApiSave,
    .domainSaveFlags = qbjApiSaveFlags,
    .domainSaveParams = qbjApiSaveParams,
    .domainRestore = qbjApiRestore,
    .domainRestoreFlags = qbjApiRestoreFlags,
    .domainRestoreParams = qbjApiRestoreParams,
    .domainSaveImageGetXMLDesc = qbjApiSaveImageGetXMLDesc,
    .domainSaveImageDefineXML = qbjApiSaveImageDefineXML,
    .domainManagedSave = qbjApiManagedSave,
    .domainHasManagedSaveImage = qbjApiHasManagedSaveImage,
    .domainManagedSaveRemove = qbjApiManagedSaveRemove,
    .domainManagedSaveGetXMLDesc = qbjApiManagedSaveGetXMLDesc,
    .domainManagedSaveDefineXML = qbjApiManagedSaveDefineXML,
    .domainSnapshotCreateXML = qbjApiSnapshotCreateXML,
    .domainSnapshotGetXMLDesc = qbjApiSnapshotGetXMLDesc,
    .domainSnapshotNum = qbjApiSnapshotNum,
    .domainSnapshotListNames = qbjApiSnapshotListNames,
    .domainListAllSnapshots = qbjApiListAllSnapshots,
    .domainSnapshotNumChildren = qbjApiSnapshotNumChildren,
    .domainSnapshotListChildrenNames = qbjApiSnapshotListChildrenNames,
    .domainSnapshotListAllChildren = qbjApiSnapshotListAllChildren,
    .domainSnapshotLookupByName = qbjApiSnapshotLookupByName,
    .domainHasCurrentSnapshot = qbjApiHasCurrentSnapshot,
    .domainSnapshotGetParent = qbjApiSnapshotGetParent,
    .domainSnapshotCurrent = qbjApiSnapshotCurrent,
    .domainSnapshotIsCurrent = qbjApiSnapshotIsCurrent,
    .domainSnapshotHasMetadata = qbjApiSnapshotHasMetadata,
    .domainSnapshotDelete = qbjApiSnapshotDelete,
    .domainRevertToSnapshot = qbjApiRevertToSnapshot,
    .domainListAllCheckpoints = qbjApiListAllCheckpoints,

    .domainCreateXML = qbjApiCreateXML,
    .domainCreate = qbjApiCreate,
    .domainCreateWithFlags = qbjApiCreateWithFlags,
    .domainDestroy = qbjApiDestroy,
    .domainDestroyFlags = qbjApiDestroyFlags,
    .domainQemuAgentCommand = qbjApiAgentCommand,
    .domainAgentSetResponseTimeout = qbjApiAgentSetResponseTimeout,
    .domainGetHostname = qbjApiGetHostname,
    .domainGetTime = qbjApiGetTime,
    .domainSetTime = qbjApiSetTime,
    .domainSetUserPassword = qbjApiSetUserPassword,
    .domainFSFreeze = qbjApiFSFreeze,
    .domainFSThaw = qbjApiFSThaw,
    .domainFSTrim = qbjApiFSTrim,
    .domainGetFSInfo = qbjApiGetFSInfo,
    .domainGetGuestVcpus = qbjApiGetGuestVcpus,
    .domainSetGuestVcpus = qbjApiSetGuestVcpus,
    .domainInterfaceAddresses = qbjApiInterfaceAddresses,
    .domainGetGuestInfo = qbjApiGetGuestInfo,
    .domainSuspend = qbjApiSuspend,
    .domainResume = qbjApiResume,

    .domainShutdown = qbjApiShutdown,
    .domainShutdownFlags = qbjApiShutdownFlags,
    .domainReboot = qbjApiReboot,
    .domainReset = qbjApiReset,
    .domainInjectNMI = qbjApiInjectNMI,
    .domainSendKey = qbjApiSendKey,
    .domainPMSuspendForDuration = qbjApiPMSuspendForDuration,
    .domainPMWakeup = qbjApiPMWakeup,
    .domainCoreDump = qbjApiCoreDump,
    .domainCoreDumpWithFormat = qbjApiCoreDumpWithFormat,

    .domainGetJobInfo = qbjApiGetJobInfo,
    .domainGetJobStats = qbjApiGetJobStats,
    .domainGetMessages = qbjApiGetMessages,
    .domainAbortJob = qbjApiAbortJob,
    .domainAbortJobFlags = qbjApiAbortJobFlags,

    .domainMigratePerform = qbjApiMigratePerform,
    .domainMigratePrepare2 = qbjApiMigratePrepare2,
    .domainMigrateFinish2 = qbjApiMigrateFinish2,
    .domainMigratePrepareTunnel = qbjApiMigratePrepareTunnel,
    .domainMigrateBegin3 = qbjApiMigrateBegin3,
    .domainMigratePrepare3 = qbjApiMigratePrepare3,
    .domainMigratePrepareTunnel3 = qbjApiMigratePrepareTunnel3,
    .domainMigratePerform3 = qbjApiMigratePerform3,
    .domainMigrateFinish3 = qbjApiMigrateFinish3,
    .domainMigrateConfirm3 = qbjApiMigrateConfirm3,
    .domainMigrateBegin3Params = qbjApiMigrateBegin3Params,
    .domainMigratePrepare3Params = qbjApiMigratePrepare3Params,
    .domainMigratePrepareTunnel3Params = qbjApiMigratePrepareTunnel3Params,
    .domainMigratePerform3Params = qbjApiMigratePerform3Params,
    .domainMigrateFinish3Params = qbjApiMigrateFinish3Params,
    .domainMigrateConfirm3Params = qbjApiMigrateConfirm3Params,
    .domainMigrateGetMaxDowntime = qbjApiMigrateGetMaxDowntime,
    .domainMigrateSetMaxDowntime = qbjApiMigrateSetMaxDowntime,
    .domainMigrateGetCompressionCache = qbjApiMigrateGetCompressionCache,
    .domainMigrateSetCompressionCache = qbjApiMigrateSetCompressionCache,
    .domainMigrateGetMaxSpeed = qbjApiMigrateGetMaxSpeed,
    .domainMigrateSetMaxSpeed = qbjApiMigrateSetMaxSpeed,
    .domainMigrateStartPostCopy = qbjApiMigrateStartPostCopy,

    .domainRename = qbjApiRename,
    .domainGetAutostart = qbjApiGetAutostart,
    .domainSetAutostart = qbjApiSetAutostart,
    .domainGetMetadata = qbjApiGetMetadata,
    .domainSetMetadata = qbjApiSetMetadata,

    .domainGetMaxMemory = qbjApiGetMaxMemory,
    .domainSetMaxMemory = qbjApiSetMaxMemory,
    .domainSetMemory = qbjApiSetMemory,
    .domainSetMemoryFlags = qbjApiSetMemoryFlags,
    .domainSetMemoryStatsPeriod = qbjApiSetMemoryStatsPeriod,
    .domainMemoryStats = qbjApiMemoryStats,

    .domainGetMaxVcpus = qbjApiGetMaxVcpus,
    .domainGetVcpusFlags = qbjApiGetVcpusFlags,
    .domainGetVcpus = qbjApiGetVcpus,
    .domainSetVcpus = qbjApiSetVcpus,
    .domainSetVcpusFlags = qbjApiSetVcpusFlags,
    .domainPinVcpu = qbjApiPinVcpu,
    .domainPinVcpuFlags = qbjApiPinVcpuFlags,
    .domainGetVcpuPinInfo = qbjApiGetVcpuPinInfo,
    .domainPinEmulator = qbjApiPinEmulator,
    .domainGetEmulatorPinInfo = qbjApiGetEmulatorPinInfo,
    .domainGetSchedulerType = qbjApiGetSchedulerType,
    .domainGetSchedulerParameters = qbjApiGetSchedulerParameters,
    .domainGetSchedulerParametersFlags = qbjApiGetSchedulerParametersFlags,
    .domainSetSchedulerParameters = qbjApiSetSchedulerParameters,
    .domainSetSchedulerParametersFlags = qbjApiSetSchedulerParametersFlags,
    .domainGetMemoryParameters = qbjApiGetMemoryParameters,
    .domainSetMemoryParameters = qbjApiSetMemoryParameters,
    .domainGetBlkioParameters = qbjApiGetBlkioParameters,
    .domainSetBlkioParameters = qbjApiSetBlkioParameters,
    .domainGetNumaParameters = qbjApiGetNumaParameters,
    .domainSetNumaParameters = qbjApiSetNumaParameters,
    .domainGetCPUStats = qbjApiGetCPUStats,
    .domainGetIOThreadInfo = qbjApiGetIOThreadInfo,
    .domainPinIOThread = qbjApiPinIOThread,
    .domainAddIOThread = qbjApiAddIOThread,
    .domainDelIOThread = qbjApiDelIOThread,
    .domainSetIOThreadParams = qbjApiSetIOThreadParams,
    .domainOpenConsole = qbjApiOpenConsole,
    .domainOpenChannel = qbjApiOpenChannel,
    .domainScreenshot = qbjApiScreenshot,
    .domainSetVcpu = qbjApiSetVcpu,

    .domainGetOSType = qbjApiGetOSType,
    .domainGetInfo = qbjApiGetInfo,
    .domainGetState = qbjApiGetState,
    .domainGetControlInfo = qbjApiGetControlInfo,
    .domainGetXMLDesc = qbjApiGetXMLDesc,
    .domainIsActive = qbjApiIsActive,
    .domainIsPersistent = qbjApiIsPersistent,
    .domainIsUpdated = qbjApiIsUpdated,
    .domainGetSecurityLabel = qbjApiGetSecurityLabel,
    .domainGetSecurityLabelList = qbjApiGetSecurityLabelList,
    .connectDomainXMLToNative = qbjApiConnectDomainXMLToNative,

    .domainInterfaceStats = qbjApiInterfaceStats,
    .domainGetBlockInfo = qbjApiGetBlockInfo,
    .domainBlockStats = qbjApiBlockStats,
    .domainBlockStatsFlags = qbjApiBlockStatsFlags,
    .domainGetDiskErrors = qbjApiGetDiskErrors,
    .domainAttachDevice = qbjApiAttachDevice,
    .domainAttachDeviceFlags = qbjApiAttachDeviceFlags,
    .domainUpdateDeviceFlags = qbjApiUpdateDeviceFlags,
    .domainDetachDevice = qbjApiDetachDevice,
    .domainDetachDeviceFlags = qbjApiDetachDeviceFlags,
    .domainDetachDeviceAlias = qbjApiDetachDeviceAlias,
    .domainGetBlockIoTune = qbjApiGetBlockIoTune,
    .domainSetBlockIoTune = qbjApiSetBlockIoTune,
    .connectGetAllDomainStats = qbjApiGetAllDomainStats,

    .domainBlockResize = qbjApiBlockResize,
    .domainBlockPeek = qbjApiBlockPeek,
    .domainSetBlockThreshold = qbjApiSetBlockThreshold,

    .domainBlockCopy = qbjApiBlockCopy,
    .domainBlockCommit = qbjApiBlockCommit,
    .domainBlockPull = qbjApiBlockPull,
    .domainBlockRebase = qbjApiBlockRebase,
    .domainBlockJobAbort = qbjApiBlockJobAbort,
    .domainGetBlockJobInfo = qbjApiGetBlockJobInfo,
    .domainBlockJobSetSpeed = qbjApiBlockJobSetSpeed,

    .connectDomainEventRegister = qbjApiEventRegister,
    .connectDomainEventDeregister = qbjApiEventDeregister,
    .connectDomainEventRegisterAny = qbjApiEventRegisterAny,
    .connectDomainEventDeregisterAny = qbjApiEventDeregisterAny,
    .domainQemuMonitorCommand = qbjApiMonitorCommand,
    .connectDomainQemuMonitorEventRegister = qbjApiMonitorEventRegister,
    .connectDomainQemuMonitorEventDeregister = qbjApiMonitorEventDeregister,
};

static const char *qbjApiUriSchemes[] = { "qemu", NULL };

static virConnectDriver qbjApiConnectDriver = {
    .localOnly = true,
    .uriSchemes = qbjApiUriSchemes,
    .embeddable = true,
    .hypervisorDriver = &qbjApiHypervisorDriver,
};

static virStateDriver qbjApiStateDriver = {
    .name = "QEMU",
    .stateInitialize = qbjApiStateInitialize,
    .stateCleanup = qbjApiStateCleanup,
    .stateReload = qbjApiStateReload,
    .stateStop = qbjApiStateStop,
    .stateShutdownPrepare = qbjApiStateShutdownPrepare,
    .stateShutdownWait = qbjApiStateShutdownWait,
};

int
qbjApiRegister(void)
{
    /* nobody else binds our text domain (building.md 1); the test sets where the build keeps its
     * catalogues */
    const char *catalogues = g_getenv("LIBVIRT_QEMU_BLOCKJOB_LOCALEDIR");
    static bool registered;

    /* a second embed URI in one process loads the module again (-z nodelete: it is the same one) */
    if (registered)
        return 0;
    registered = true;

    bindtextdomain(PACKAGE, catalogues ? catalogues : QBJ_LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");

    if (virRegisterConnectDriver(&qbjApiConnectDriver, true) < 0)
        return -1;
    return virRegisterStateDriver(&qbjApiStateDriver) < 0 ? -1 : 0;
}
