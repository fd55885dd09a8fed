/* Calls about one domain, which runs, denied. */
#include <config.h>

#include "aclfixture.h"

#include <libvirt/libvirt-qemu.h>

#include "libvirt_internal.h"

static void
testStates(virConnectPtr conn, virDomainPtr domain)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    virDomainControlInfo control;
    virDomainInfo info;
    char **messages = NULL;
    int number;

    virDomainGetUUID(domain, uuid);
    DENIED_NULL(conn, domainLookupByUUID, virDomainLookupByUUID(conn, uuid));
    DENIED_NULL(conn, domainLookupByID, virDomainLookupByID(conn, (int) virDomainGetID(domain)));
    DENIED_NULL(conn, domainGetOSType, virDomainGetOSType(domain));
    DENIED(conn, domainGetInfo, virDomainGetInfo(domain, &info));
    DENIED(conn, domainGetState, virDomainGetState(domain, &number, NULL, 0));
    DENIED(conn, domainGetControlInfo, virDomainGetControlInfo(domain, &control, 0));
    DENIED_NULL(conn, domainGetXMLDesc, virDomainGetXMLDesc(domain, 0));
    DENIED(conn, domainIsActive, virDomainIsActive(domain));
    DENIED(conn, domainIsPersistent, virDomainIsPersistent(domain));
    DENIED(conn, domainIsUpdated, virDomainIsUpdated(domain));
    DENIED(conn, domainGetAutostart, virDomainGetAutostart(domain, &number));
    DENIED_NULL(conn, domainGetMetadata, virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_TITLE, NULL, 0));
    DENIED(conn, domainGetMessages, virDomainGetMessages(domain, &messages, 0));
}

static void
testKept(virConnectPtr conn, virDomainPtr domain)
{
    virSecurityLabelPtr labels = NULL;
    virDomainCheckpointPtr *checkpoints = NULL;
    virSecurityLabel label;

    DENIED(conn, domainGetSecurityLabel, virDomainGetSecurityLabel(domain, &label));
    DENIED(conn, domainGetSecurityLabelList, virDomainGetSecurityLabelList(domain, &labels));
    DENIED(conn, domainHasManagedSaveImage, virDomainHasManagedSaveImage(domain, 0));
    DENIED(conn, domainManagedSaveRemove, virDomainManagedSaveRemove(domain, 0));
    DENIED_NULL(conn, domainManagedSaveGetXMLDesc, virDomainManagedSaveGetXMLDesc(domain, 0));
    DENIED(conn, domainManagedSaveDefineXML, virDomainManagedSaveDefineXML(domain, "<domain/>", 0));
    DENIED(conn, domainListAllCheckpoints, virDomainListAllCheckpoints(domain, &checkpoints, 0));
}

static void
testNumbers(virConnectPtr conn, virDomainPtr domain)
{
    virDomainBlockStatsStruct block;
    virDomainInterfaceStatsStruct net;
    virDomainMemoryStatStruct memory[4];
    virDomainBlockInfo size;
    virDomainBlockJobInfo job;
    virDomainDiskError errors[1];
    virTypedParameter parameters[4];
    int n = 0;

    DENIED(conn, domainInterfaceStats, virDomainInterfaceStats(domain, "vnet0", &net, sizeof(net)));
    DENIED(conn, domainGetBlockInfo, virDomainGetBlockInfo(domain, "vda", &size, 0));
    DENIED(conn, domainBlockStats, virDomainBlockStats(domain, "vda", &block, sizeof(block)));
    DENIED(conn, domainBlockStatsFlags, virDomainBlockStatsFlags(domain, "vda", parameters, &n, 0));
    DENIED(conn, domainGetDiskErrors, virDomainGetDiskErrors(domain, errors, 1, 0));
    n = 0;
    DENIED(conn, domainGetBlockIoTune, virDomainGetBlockIoTune(domain, "vda", parameters, &n, 0));
    DENIED(conn, domainMemoryStats, virDomainMemoryStats(domain, memory, 4, 0));
    DENIED(conn, domainGetBlockJobInfo, virDomainGetBlockJobInfo(domain, "vda", &job, 0));
}

static void
testCpus(virConnectPtr conn, virDomainPtr domain)
{
    virVcpuInfo vcpu;
    virDomainIOThreadInfoPtr *threads = NULL;
    unsigned char map[1];

    ACL_LINE(conn, domainGetMaxMemory, virDomainGetMaxMemory(domain) == 0);
    DENIED(conn, domainGetVcpusFlags, virDomainGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_LIVE));
    DENIED(conn, domainGetMaxVcpus, virDomainGetMaxVcpus(domain));
    DENIED(conn, domainGetVcpus, virDomainGetVcpus(domain, &vcpu, 1, NULL, 0));
    DENIED(conn, domainGetVcpuPinInfo, virDomainGetVcpuPinInfo(domain, 1, map, 1, 0));
    DENIED(conn, domainGetEmulatorPinInfo, virDomainGetEmulatorPinInfo(domain, map, 1, 0));
    DENIED(conn, domainGetIOThreadInfo, virDomainGetIOThreadInfo(domain, &threads, 0));
}

void
aclTestDomainQueries(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameterPtr parameters = NULL;
    virDomainJobInfo job;
    int type;
    int n;

    testStates(conn, domain);
    testKept(conn, domain);
    testNumbers(conn, domain);
    testCpus(conn, domain);
    DENIED(conn, domainGetJobInfo, virDomainGetJobInfo(domain, &job));
    DENIED(conn, domainGetJobStats, virDomainGetJobStats(domain, &type, &parameters, &n, 0));
}

static void
testIOThreads(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameter parameter = {
        .field = VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, .type = VIR_TYPED_PARAM_ULLONG, .value.ul = 1
    };
    unsigned char map[] = { 1 };

    DENIED(conn, domainPinIOThread, virDomainPinIOThread(domain, 1, map, 1, 0));
    DENIED(conn, domainAddIOThread, virDomainAddIOThread(domain, 1, 0));
    DENIED(conn, domainDelIOThread, virDomainDelIOThread(domain, 1, 0));
    DENIED(conn, domainSetIOThreadParams, virDomainSetIOThreadParams(domain, 1, &parameter, 1, 0));
}

static void
testLimits(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameter params[] = {
        { .field = VIR_DOMAIN_SCHEDULER_CPU_SHARES, .type = VIR_TYPED_PARAM_ULLONG, .value.ul = 300 }
    };
    int n = 1;

    DENIED_NULL(conn, domainGetSchedulerType, virDomainGetSchedulerType(domain, &n));
    DENIED(conn, domainGetSchedulerParameters, virDomainGetSchedulerParameters(domain, params, &n));
    DENIED(conn, domainGetSchedulerParametersFlags, virDomainGetSchedulerParametersFlags(domain, params, &n, 0));
    DENIED(conn, domainGetMemoryParameters, virDomainGetMemoryParameters(domain, params, &n, 0));
    DENIED(conn, domainGetBlkioParameters, virDomainGetBlkioParameters(domain, params, &n, 0));
    DENIED(conn, domainGetNumaParameters, virDomainGetNumaParameters(domain, params, &n, 0));
    DENIED(conn, domainGetCPUStats, virDomainGetCPUStats(domain, params, 1, -1, 1, 0));
    DENIED(conn, domainSetSchedulerParameters, virDomainSetSchedulerParameters(domain, params, 1));
    DENIED(conn, domainSetSchedulerParametersFlags,
           virDomainSetSchedulerParametersFlags(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainSetMemoryParameters,
           virDomainSetMemoryParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainSetBlkioParameters,
           virDomainSetBlkioParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainSetNumaParameters, virDomainSetNumaParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
}

void
aclTestDomainSettings(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameter limit = {
        .field = VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC, .type = VIR_TYPED_PARAM_ULLONG, .value.ul = 1
    };
    unsigned char map[] = { 1 };

    DENIED(conn, domainRename, virDomainRename(domain, "other", 0));
    DENIED(conn, domainSetAutostart, virDomainSetAutostart(domain, 1));
    DENIED(conn, domainSetMetadata,
           virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_TITLE, "denied", NULL, NULL, 0));
    DENIED(conn, domainSetMaxMemory, virDomainSetMaxMemory(domain, 65536));
    DENIED(conn, domainSetMemory, virDomainSetMemory(domain, 16384));
    DENIED(conn, domainSetMemoryFlags, virDomainSetMemoryFlags(domain, 16384, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainSetMemoryStatsPeriod, virDomainSetMemoryStatsPeriod(domain, 5, 0));
    DENIED(conn, domainSetVcpus, virDomainSetVcpus(domain, 1));
    DENIED(conn, domainSetVcpusFlags, virDomainSetVcpusFlags(domain, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainSetVcpu, virDomainSetVcpu(domain, "0", 0, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainPinVcpu, virDomainPinVcpu(domain, 0, map, 1));
    DENIED(conn, domainPinVcpuFlags, virDomainPinVcpuFlags(domain, 0, map, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainPinEmulator, virDomainPinEmulator(domain, map, 1, 0));
    DENIED(conn, domainSetBlockIoTune, virDomainSetBlockIoTune(domain, "vda", &limit, 1, 0));
    testIOThreads(conn, domain);
    testLimits(conn, domain);
}

static void
testPower(virConnectPtr conn, virDomainPtr domain)
{
    unsigned int keys[] = { 30 };

    DENIED(conn, domainCreate, virDomainCreate(domain));
    DENIED(conn, domainCreateWithFlags, virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED));
    DENIED(conn, domainDestroy, virDomainDestroy(domain));
    DENIED(conn, domainDestroyFlags, virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_GRACEFUL));
    DENIED(conn, domainShutdown, virDomainShutdown(domain));
    DENIED(conn, domainShutdownFlags, virDomainShutdownFlags(domain, 0));
    DENIED(conn, domainSuspend, virDomainSuspend(domain));
    DENIED(conn, domainResume, virDomainResume(domain));
    DENIED(conn, domainReboot, virDomainReboot(domain, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN));
    DENIED(conn, domainReset, virDomainReset(domain, 0));
    DENIED(conn, domainInjectNMI, virDomainInjectNMI(domain, 0));
    DENIED(conn, domainSendKey, virDomainSendKey(domain, VIR_KEYCODE_SET_LINUX, 0, keys, 1, 0));
    DENIED(conn, domainPMSuspendForDuration,
           virDomainPMSuspendForDuration(domain, VIR_NODE_SUSPEND_TARGET_MEM, 0, 0));
    DENIED(conn, domainPMWakeup, virDomainPMWakeup(domain, 0));
}

static void
testStreams(virConnectPtr conn, virDomainPtr domain)
{
    virStreamPtr stream = virStreamNew(conn, 0);

    DENIED(conn, domainOpenConsole, virDomainOpenConsole(domain, NULL, stream, 0));
    DENIED(conn, domainOpenChannel, virDomainOpenChannel(domain, NULL, stream, 0));
    DENIED_NULL(conn, domainScreenshot, virDomainScreenshot(domain, stream, 0, 0));
    virStreamFree(stream);
}

static void
testSave(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    int n = 0;
    int max = 0;

    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_SAVE_PARAM_FILE, "/nonexistent/save");
    DENIED(conn, domainSave, virDomainSave(domain, "/nonexistent/save"));
    DENIED(conn, domainSaveFlags, virDomainSaveFlags(domain, "/nonexistent/save", NULL, 0));
    DENIED(conn, domainSaveParams, virDomainSaveParams(domain, params, n, 0));
    DENIED(conn, domainManagedSave, virDomainManagedSave(domain, 0));
    virTypedParamsFree(params, n);
}

/* With each protocol, as a daemon calls them for its clients. */
static void
testMigrateFrom(virConnectPtr conn, virDomainPtr domain)
{
    char *out = NULL;
    int n = 0;

    DENIED(conn, domainMigratePerform, virDomainMigratePerform(domain, NULL, 0, NULL, 0, NULL, 0));
    DENIED_NULL(conn, domainMigrateBegin3, virDomainMigrateBegin3(domain, NULL, &out, &n, 0, NULL, 0));
    DENIED(conn, domainMigratePerform3,
           virDomainMigratePerform3(domain, NULL, NULL, 0, &out, &n, NULL, NULL, 0, NULL, 0));
    DENIED(conn, domainMigrateConfirm3, virDomainMigrateConfirm3(domain, NULL, 0, 0, 0));
    DENIED_NULL(conn, domainMigrateBegin3Params, virDomainMigrateBegin3Params(domain, NULL, 0, &out, &n, 0));
    DENIED(conn, domainMigratePerform3Params,
           virDomainMigratePerform3Params(domain, NULL, NULL, 0, NULL, 0, &out, &n, 0));
    DENIED(conn, domainMigrateConfirm3Params,
           virDomainMigrateConfirm3Params(domain, NULL, 0, NULL, 0, 0, 0));
}

static void
testMigrateInto(virConnectPtr conn, const char *xml, const char *name)
{
    virStreamPtr stream = virStreamNew(conn, 0);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int max = 0;
    char *out = NULL;
    char *uri = NULL;
    int n = 0;

    virTypedParamsAddString(&params, &nparams, &max, VIR_MIGRATE_PARAM_DEST_XML, xml);
    virTypedParamsAddString(&params, &nparams, &max, VIR_MIGRATE_PARAM_DEST_NAME, name);
    DENIED(conn, domainMigratePrepare2, virDomainMigratePrepare2(conn, &out, &n, NULL, &uri, 0, name, 0, xml));
    DENIED_NULL(conn, domainMigrateFinish2, virDomainMigrateFinish2(conn, name, NULL, 0, "tcp:a", 0, 0));
    DENIED(conn, domainMigratePrepareTunnel, virDomainMigratePrepareTunnel(conn, stream, 0, name, 0, xml));
    DENIED(conn, domainMigratePrepare3,
           virDomainMigratePrepare3(conn, NULL, 0, &out, &n, NULL, &uri, 0, name, 0, xml));
    DENIED(conn, domainMigratePrepareTunnel3,
           virDomainMigratePrepareTunnel3(conn, stream, NULL, 0, &out, &n, 0, name, 0, xml));
    DENIED_NULL(conn, domainMigrateFinish3,
                virDomainMigrateFinish3(conn, name, NULL, 0, &out, &n, NULL, NULL, 0, 0));
    DENIED(conn, domainMigratePrepare3Params,
           virDomainMigratePrepare3Params(conn, params, nparams, NULL, 0, &out, &n, &uri, 0));
    DENIED(conn, domainMigratePrepareTunnel3Params,
           virDomainMigratePrepareTunnel3Params(conn, stream, params, nparams, NULL, 0, &out, &n, 0));
    DENIED_NULL(conn, domainMigrateFinish3Params,
                virDomainMigrateFinish3Params(conn, params, nparams, NULL, 0, &out, &n, 0, 0));
    virTypedParamsFree(params, nparams);
    virStreamFree(stream);
}

static void
testMigrateTune(virConnectPtr conn, virDomainPtr domain)
{
    unsigned long long number = 0;
    unsigned long speed = 0;

    DENIED(conn, domainMigrateGetMaxDowntime, virDomainMigrateGetMaxDowntime(domain, &number, 0));
    DENIED(conn, domainMigrateSetMaxDowntime, virDomainMigrateSetMaxDowntime(domain, 5, 0));
    DENIED(conn, domainMigrateGetCompressionCache, virDomainMigrateGetCompressionCache(domain, &number, 0));
    DENIED(conn, domainMigrateSetCompressionCache, virDomainMigrateSetCompressionCache(domain, 65536, 0));
    DENIED(conn, domainMigrateGetMaxSpeed, virDomainMigrateGetMaxSpeed(domain, &speed, 0));
    DENIED(conn, domainMigrateSetMaxSpeed, virDomainMigrateSetMaxSpeed(domain, 5, 0));
    DENIED(conn, domainMigrateStartPostCopy, virDomainMigrateStartPostCopy(domain, 0));
}

void
aclTestDomainMigration(virConnectPtr conn, virDomainPtr domain, const char *xml)
{
    testMigrateFrom(conn, domain);
    testMigrateInto(conn, xml, virDomainGetName(domain));
    testMigrateTune(conn, domain);
}

static void
testDevices(virConnectPtr conn, virDomainPtr domain)
{
    const char *disk = "<disk type='file'><source file='/nonexistent/a'/><target dev='vdz' bus='virtio'/></disk>";
    char buffer[1];

    DENIED(conn, domainAttachDevice, virDomainAttachDevice(domain, disk));
    DENIED(conn, domainAttachDeviceFlags, virDomainAttachDeviceFlags(domain, disk, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainUpdateDeviceFlags, virDomainUpdateDeviceFlags(domain, disk, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainDetachDevice, virDomainDetachDevice(domain, disk));
    DENIED(conn, domainDetachDeviceFlags, virDomainDetachDeviceFlags(domain, disk, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(conn, domainBlockResize, virDomainBlockResize(domain, "vdz", 1024, 0));
    DENIED(conn, domainBlockPeek, virDomainBlockPeek(domain, "vdz", 0, 1, buffer, 0));
    DENIED(conn, domainSetBlockThreshold, virDomainSetBlockThreshold(domain, "vdz", 1, 0));
    DENIED(conn, domainDetachDeviceAlias, virDomainDetachDeviceAlias(domain, "ua-a", VIR_DOMAIN_AFFECT_CONFIG));
}

void
aclTestDomainActions(virConnectPtr conn, virDomainPtr domain)
{
    char *reply = NULL;

    DENIED(conn, domainUndefine, virDomainUndefine(domain));
    DENIED(conn, domainUndefineFlags, virDomainUndefineFlags(domain, 0));
    testPower(conn, domain);
    testSave(conn, domain);
    testStreams(conn, domain);
    testDevices(conn, domain);
    DENIED(conn, domainCoreDump, virDomainCoreDump(domain, "/nonexistent/core", 0));
    DENIED(conn, domainCoreDumpWithFormat,
           virDomainCoreDumpWithFormat(domain, "/nonexistent/core", VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, 0));
    DENIED(conn, domainAbortJob, virDomainAbortJob(domain));
    DENIED(conn, domainAbortJobFlags, virDomainAbortJobFlags(domain, VIR_DOMAIN_ABORT_JOB_POSTCOPY));
    DENIED(conn, domainBlockCommit,
           virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE));
    DENIED(conn, domainBlockCopy,
           virDomainBlockCopy(domain, "vda", "<disk type='file'><source file='/nonexistent'/></disk>", NULL, 0, 0));
    DENIED(conn, domainBlockPull, virDomainBlockPull(domain, "vda", 0, 0));
    DENIED(conn, domainBlockRebase, virDomainBlockRebase(domain, "vda", NULL, 0, 0));
    DENIED(conn, domainBlockJobAbort, virDomainBlockJobAbort(domain, "vda", 0));
    DENIED(conn, domainBlockJobSetSpeed, virDomainBlockJobSetSpeed(domain, "vda", 1, 0));
    DENIED(conn, domainQemuMonitorCommand,
           virDomainQemuMonitorCommand(domain, "{\"execute\":\"quit\"}", &reply, 0));
    DENIED(conn, domainQemuMonitorCommand,
           virDomainQemuMonitorCommand(domain, "quit", &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP));
}

/* Both ways to a shutdown and a reboot: by the guest's agent, too. */
static void
testAgentPower(virConnectPtr conn, virDomainPtr domain)
{
    DENIED(conn, domainShutdownFlags, virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT));
    DENIED(conn, domainReboot, virDomainReboot(domain, VIR_DOMAIN_REBOOT_GUEST_AGENT));
    DENIED(conn, domainGetVcpusFlags, virDomainGetVcpusFlags(domain, VIR_DOMAIN_VCPU_GUEST));
    DENIED(conn, domainSetVcpusFlags, virDomainSetVcpusFlags(domain, 1, VIR_DOMAIN_VCPU_GUEST));
    DENIED_NULL(conn, domainGetHostname, virDomainGetHostname(domain, VIR_DOMAIN_GET_HOSTNAME_LEASE));
}

void
aclTestDomainAgent(virConnectPtr conn, virDomainPtr domain)
{
    virTypedParameterPtr parameters = NULL;
    virDomainInterfacePtr *interfaces = NULL;
    virDomainFSInfoPtr *systems = NULL;
    unsigned int count = 0;
    unsigned int nanoseconds;
    long long seconds;
    int n = 0;

    testAgentPower(conn, domain);
    DENIED_NULL(conn, domainQemuAgentCommand,
                virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-ping\"}", -1, 0));
    DENIED(conn, domainAgentSetResponseTimeout, virDomainAgentSetResponseTimeout(domain, 5, 0));
    DENIED_NULL(conn, domainGetHostname, virDomainGetHostname(domain, 0));
    DENIED(conn, domainGetTime, virDomainGetTime(domain, &seconds, &nanoseconds, 0));
    DENIED(conn, domainSetTime, virDomainSetTime(domain, 1, 0, 0));
    DENIED(conn, domainSetUserPassword, virDomainSetUserPassword(domain, "root", "x", 0));
    DENIED(conn, domainFSFreeze, virDomainFSFreeze(domain, NULL, 0, 0));
    DENIED(conn, domainFSThaw, virDomainFSThaw(domain, NULL, 0, 0));
    DENIED(conn, domainFSTrim, virDomainFSTrim(domain, NULL, 0, 0));
    DENIED(conn, domainGetFSInfo, virDomainGetFSInfo(domain, &systems, 0));
    DENIED(conn, domainGetGuestVcpus, virDomainGetGuestVcpus(domain, &parameters, &count, 0));
    DENIED(conn, domainSetGuestVcpus, virDomainSetGuestVcpus(domain, "0", 1, 0));
    DENIED(conn, domainInterfaceAddresses,
           virDomainInterfaceAddresses(domain, &interfaces, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, 0));
    DENIED(conn, domainInterfaceAddresses,
           virDomainInterfaceAddresses(domain, &interfaces, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, 0));
    DENIED(conn, domainGetGuestInfo, virDomainGetGuestInfo(domain, 0, &parameters, &n, 0));
}
