#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "vm_start.h"
#include "vm_start_check.h"
#include "vm_affinity.h"
#include "vm_args.h"
#include "vm_cgroup.h"
#include "vm_clock.h"
#include "vm_chain.h"
#include "vm_chardevs.h"
#include "vm_def.h"
#include "vm_devices.h"
#include "vm_disks.h"
#include "vm_files.h"
#include "vm_firmware.h"
#include "vm_hook.h"
#include "vm_leftover.h"
#include "vm_log.h"
#include "vm_memory.h"
#include "vm_numa.h"
#include "vm_iothread.h"
#include "vm_iotune.h"
#include "vm_plug_record.h"
#include "vm_stop.h"
#include "vm_tray.h"
#include "vm_vcpu.h"
#include "domain_agent.h"
#include "domain_audit.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_label.h"
#include "host_process.h"
#include "host_secret.h"
#include "qmp_socket.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virsecureerase.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_start");

/* What a start holds until QEMU has it. */
typedef struct _qbjVmStartFds qbjVmStartFds;
struct _qbjVmStartFds {
    int monitor;
    GHashTable *chardevs;
    GHashTable *secrets;
    qbjVmDevices devices;
    qbjVmLog log;
    unsigned int version;       /* of QEMU */
    const qbjVmRestore *restore;        /* NULL: the guest boots */
    bool restored;                      /* it goes back to an earlier moment, by that or by its disks */
};

static void
qbjVmStartStatus(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    virQbjStatusFree(priv->status);
    priv->status = virQbjStatusNew();
    priv->status->rememberOwner = priv->driver->conf->rememberOwner && priv->driver->conf->dynamicOwnership;
    priv->status->mayHaveBitmaps = false;       /* until an image says otherwise */
    priv->status->agentTimeout = -2;
    if (vm->def->cpu)
        priv->status->origCPU = virCPUDefCopy(vm->def->cpu);
}

static int
qbjVmStartLabels(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->labelled = true;              /* also after a failure: some may be set */
    if (qbjHostLabelRememberLower(priv->driver->security, vm->def) < 0)
        return -1;
    return virSecurityManagerSetAllLabel(priv->driver->security, vm->def, NULL, false, false);
}

/* The folder with the key, and what only this key opens. */
static int
qbjVmStartMakeFiles(virDomainObj *vm, qbjVmStartFds *fds)
{
    uint8_t key[QBJ_HOST_KEY_LEN] = { 0 };
    int rc = -1;

    if (qbjVmFilesMake(vm, key) == 0)
        rc = qbjVmStartCheckSecrets(vm->def, key, &fds->secrets);

    virSecureErase(key, sizeof(key));
    return rc;
}

/* Everything up to the point where QEMU can be run. */
static int
qbjVmStartPrepare(virDomainObj *vm, qbjVmStartFds *fds)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (qbjVmHookRun(vm, VIR_HOOK_QEMU_OP_PREPARE) < 0 ||
        virSecurityManagerGenLabel(priv->driver->security, vm->def) < 0 ||
        qbjVmClockPrepare(vm->def) < 0 ||
        qbjVmDisksPrepare(vm, fds->restored) < 0)
        return -1;
    qbjVmLeftoverClean(vm);
    if (qbjVmFirmwareSelect(vm->def, priv->driver->conf->nvramDir) < 0 ||
        qbjVmDefAssignAliases(vm->def) < 0 ||
        qbjVmFilesNames(vm) < 0 ||
        qbjVmStartMakeFiles(vm, fds) < 0 ||
        qbjVmDevicesPrepare(vm, &fds->devices) < 0)
        return -1;
    qbjVmChardevsSetPaths(vm->def, priv->status->channelTargetDir);
    if ((fds->monitor = qbjQmpListenUnix(priv->status->monitorPath, 0775)) < 0 ||
        qbjVmChardevsListen(vm, &fds->chardevs) < 0 ||
        qbjVmChardevsMakeFiles(vm) < 0 ||
        qbjVmLogOpen(vm, &fds->log) < 0)
        return -1;
    if (qbjVmStartLabels(vm) < 0)
        return -1;
    return qbjVmMemoryMake(vm);
}

static void
qbjVmStartLimits(virCommand *cmd, const virQbjConf *conf)
{
    if (conf->maxProcesses > 0)
        virCommandSetMaxProcesses(cmd, conf->maxProcesses);
    if (conf->maxFiles > 0)
        virCommandSetMaxFiles(cmd, conf->maxFiles);
    virCommandSetMaxCoreSize(cmd, conf->maxCore);
}

static virCommand *
qbjVmStartCommand(virDomainObj *vm, qbjVmStartFds *fds)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *pidPath = qbjVmFilesPidPath(vm);
    g_auto(qbjVmMemoryPlaces) memory = { .ramDir = NULL };
    g_autoptr(virCommand) cmd = NULL;
    qbjVmArgsInput input = {
        .def = vm->def,
        .caps = qbjVmCapsGet(priv->driver->caps, vm->def->emulator),
        .libDir = priv->status->libDir,
        .monitorPath = priv->status->monitorPath,
        .monitorFd = fds->monitor,
        .nets = fds->devices.nets,
        .chardevFds = fds->chardevs,
        .secrets = fds->secrets,
        .memory = &memory,
        .vsockFd = &fds->devices.vsockFd,
        .linkLater = !qbjVmRestoreIsStream(fds->restore),       /* images that wait for one are not to be reopened */
        .incoming = qbjVmRestoreIsStream(fds->restore),
    };

    qbjVmArgsSettings(&input, priv->driver->conf);
    if (!input.caps || qbjVmMemoryPlacesFind(priv->driver->conf, vm->def, &memory) < 0 ||
        !(cmd = qbjVmArgsBuild(&input)))
        return NULL;
    fds->version = input.caps->version;

    if (qbjVmRestoreIsStream(fds->restore))
        virCommandPassFD(cmd, fds->restore->fd, 0);
    virCommandSetPidFile(cmd, pidPath);
    virCommandDaemonize(cmd);
    virCommandSetUmask(cmd, 0x002);
    virCommandSetOutputFD(cmd, &fds->log.fd);
    virCommandSetErrorFD(cmd, &fds->log.fd);
    qbjVmStartLimits(cmd, priv->driver->conf);
    qbjVmNumaSetPolicy(vm->def, cmd, qbjVmCgroupWillBind(priv->driver));
    if (qbjVmCgroupWanted(priv->driver))
        virCommandRequireHandshake(cmd);
    if (virSecurityManagerSetChildProcessLabel(priv->driver->security, vm->def, cmd) < 0)
        return NULL;
    return g_steal_pointer(&cmd);
}

/* The process waits before it becomes QEMU until it is in its control groups. */
static int
qbjVmStartGroups(virDomainObj *vm, virCommand *cmd)
{
    if (!qbjVmCgroupWanted(QBJ_DOMAIN_PRIVATE(vm)->driver))
        return 0;
    if (virCommandHandshakeWait(cmd) < 0 || qbjVmCgroupMake(vm) < 0)
        return -1;
    return virCommandHandshakeNotify(cmd);
}

/* A daemonized command may fail although QEMU runs (building.md 4): the pid file tells. */
static int
qbjVmStartProcess(virDomainObj *vm, virCommand *cmd)
{
    g_autofree char *pidPath = qbjVmFilesPidPath(vm);
    int rc = virCommandRun(cmd, NULL);
    pid_t pid = 0;
    int pidfd;

    if (virPidFileReadPath(pidPath, &pid) < 0) {
        if (rc == 0)
            virReportError(VIR_ERR_INTERNAL_ERROR, _("Domain '%s' didn't show up"), vm->def->name);
        return -1;
    }
    vm->pid = pid;                      /* qbjVmStop ends it, also without a descriptor */
    if ((pidfd = qbjHostProcessOpen(pid, 0)) < 0)
        return -1;
    if (qbjDomainWatchProcess(vm, pidfd) < 0)
        return -1;
    return rc < 0 ? -1 : qbjVmStartGroups(vm, cmd);
}

/* QEMU died before it answered: its own words are the reason. */
static void
qbjVmStartReportLog(virDomainObj *vm, const qbjVmLog *log)
{
    g_autofree char *tail = qbjVmLogTail(vm, log);

    if (*tail)
        virReportError(VIR_ERR_INTERNAL_ERROR, _("qemu unexpectedly closed the monitor: %s"), tail);
}

/* 05/X1.6: what a person who supports this VM should know of its set-up. */
static void
qbjVmStartTaint(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    if (conf->privileged && conf->user == 0)
        qbjVmLogTaint(vm, VIR_DOMAIN_TAINT_HIGH_PRIVILEGES);
    if (vm->def->namespaceData)
        qbjVmLogTaint(vm, VIR_DOMAIN_TAINT_CUSTOM_ARGV);
    if (vm->def->cpu && vm->def->cpu->mode == VIR_CPU_MODE_HOST_PASSTHROUGH)
        qbjVmLogTaint(vm, VIR_DOMAIN_TAINT_HOST_CPU);
}

static int
qbjVmStartExec(virDomainObj *vm, qbjVmStartFds *fds)
{
    g_autoptr(virCommand) cmd = qbjVmStartCommand(vm, fds);

    if (!cmd || qbjVmHookRun(vm, VIR_HOOK_QEMU_OP_START) < 0)
        return -1;
    qbjVmStartTaint(vm);
    /* before exec: a daemon that dies now leaves a file that names the process's pid file */
    if (qbjDomainSaveStatus(vm) < 0)
        return -1;
    qbjVmLogCommand(vm, &fds->log, cmd, fds->version);
    if (qbjVmStartProcess(vm, cmd) < 0) {
        qbjVmStartReportLog(vm, &fds->log);
        return -1;
    }
    /* only QEMU listens now: should it die before it answers, the connection ends */
    VIR_FORCE_CLOSE(fds->monitor);
    qbjVmDevicesClose(vm, &fds->devices);
    qbjVmChardevsClose(&fds->chardevs);
    return 0;
}

/* @log: of a QEMU that is not connected yet, says why it does not answer. NULL: of one that is. */
static int
qbjVmStartAsk(virDomainObj *vm, const qbjVmLog *log)
{
    g_autoptr(virJSONValue) peripheral = qbjVmPlugQuestion();
    qbjQmpCommand commands[] = {
        { .execute = "query-chardev" },
        { .execute = "query-cpus-fast" },
        { .execute = "qom-list", .arguments = peripheral },
    };
    size_t i;
    int ret = -1;

    if (!peripheral)
        return -1;
    if ((log && qbjDomainQmpConnect(vm) < 0) ||
        qbjDomainQmpRunFor(vm, commands, G_N_ELEMENTS(commands),
                           QBJ_QMP_DEADLINE_MS + qbjVmMemoryExtraMs(vm->def)) < 0) {
        if (log)
            qbjVmStartReportLog(vm, log);
    } else if (qbjQmpReportFirst(commands, G_N_ELEMENTS(commands)) == 0) {
        qbjVmChardevsRead(vm, commands[0].reply);
        qbjVmVcpuRead(vm, commands[1].reply);
        g_clear_pointer(&QBJ_DOMAIN_PRIVATE(vm)->status->devices, g_strfreev);
        QBJ_DOMAIN_PRIVATE(vm)->status->devices = qbjVmPlugNames(commands[2].reply);
        ret = 0;
    }
    for (i = 0; i < G_N_ELEMENTS(commands); i++)
        qbjQmpCommandClear(&commands[i]);
    return ret;
}

/* <currentMemory> is what the balloon is asked for; QEMU says how far it has got. */
static int
qbjVmStartBalloon(virDomainObj *vm)
{
    unsigned long long total = virDomainDefGetMemoryTotal(vm->def);
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) reply = NULL;
    unsigned long long actual;

    if (!virDomainDefHasMemballoon(vm->def))
        vm->def->mem.cur_balloon = total;       /* there is nothing to give memory back with */
    if (vm->def->mem.cur_balloon == total)
        return 0;
    if (virJSONValueObjectAdd(&arguments, "U:value", vm->def->mem.cur_balloon * 1024, NULL) < 0 ||
        qbjDomainQmpCall(vm, "balloon", arguments, NULL) < 0 ||
        qbjDomainQmpCall(vm, "query-balloon", NULL, &reply) < 0)
        return -1;
    if (virJSONValueObjectGetNumberUlong(reply, "actual", &actual) == 0)
        vm->def->mem.cur_balloon = VIR_DIV_UP(actual, 1024);
    return 0;
}

/* What QEMU is told before the guest is there. */
static int
qbjVmStartSetup(virDomainObj *vm, const qbjVmRestore *restore)
{
    if (qbjVmVcpuPlugWanted(vm) < 0 || qbjVmIOThreadRead(vm) < 0 || qbjVmAffinitySetAll(vm) < 0 ||
        qbjVmDevicesSetup(vm) < 0)
        return -1;
    if (!restore && qbjVmStartBalloon(vm) < 0)          /* a restored one has its own */
        return -1;
    return qbjVmIoTuneSetAll(vm);
}

/* A guest that is to run does so by the file before QEMU is told; the record says until QEMU has answered
 * that it may not have begun. */
static int
qbjVmStartRun(virDomainObj *vm, bool paused)
{
    if (paused) {
        QBJ_DOMAIN_PRIVATE(vm)->status->starting = VIR_TRISTATE_BOOL_ABSENT;
        virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        return qbjDomainSaveStatus(vm);
    }
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    if (qbjDomainSaveStatus(vm) < 0 || qbjDomainQmpCall(vm, "cont", NULL, NULL) < 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->status->starting = VIR_TRISTATE_BOOL_ABSENT;
    qbjDomainSaveStatusOrWarn(vm);
    return 0;
}

/* The script is asked first: when it says no, the image is still there. */
static int
qbjVmStartRestore(virDomainObj *vm, const qbjVmStartFds *fds)
{
    if (qbjVmRestoreLoad(vm, fds->restore) < 0) {
        qbjVmStartReportLog(vm, &fds->log);
        return -1;
    }
    if (qbjVmHookRun(vm, VIR_HOOK_QEMU_OP_STARTED) < 0)
        return -1;
    return qbjVmRestoreFinish(vm);
}

static int
qbjVmStartAll(virDomainObj *vm, bool paused, qbjVmStartFds *fds)
{
    if (qbjVmStartPrepare(vm, fds) < 0 ||
        qbjVmStartExec(vm, fds) < 0 ||
        qbjVmStartAsk(vm, &fds->log) < 0 ||
        (!qbjVmRestoreIsStream(fds->restore) && qbjVmChainLink(vm) < 0) ||
        qbjVmStartSetup(vm, fds->restore) < 0)
        return -1;
    if (fds->restore)
        return qbjVmStartRestore(vm, fds);
    if (qbjVmStartRun(vm, paused) < 0)
        return -1;
    return qbjVmHookRun(vm, VIR_HOOK_QEMU_OP_STARTED);
}

/* 11.6: RESUMED comes before STARTED; a paused start says STARTED, then SUSPENDED. */
static void
qbjVmStartNotify(virDomainObj *vm, bool paused, bool fromSnapshot)
{
    int detail = fromSnapshot ? VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT : VIR_DOMAIN_EVENT_STARTED_BOOTED;

    if (qbjDomainAgentChannel(vm->def))
        qbjDomainNotifyAgent(vm, false, VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_DOMAIN_STARTED);
    if (!paused)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STARTED, detail);
    if (paused)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

/* 09/V1: STARTED, then what the guest is. */
static void
qbjVmStartNotifyRestored(virDomainObj *vm, const qbjVmRestore *restore, bool fromSnapshot)
{
    int detail = fromSnapshot ? VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT : VIR_DOMAIN_EVENT_STARTED_RESTORED;

    if (qbjDomainAgentChannel(vm->def))
        qbjDomainNotifyAgent(vm, false, VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_DOMAIN_STARTED);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STARTED, detail);
    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT);
    else
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, restore->suspended);
}

static int
qbjVmStartCheck(virDomainObj *vm, const qbjVmStartHow *how)
{
    const qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;

    if (virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is already running"));
        return -1;
    }
    if ((!how->fromSnapshot && driver->moments->ready(vm) < 0) ||
        qbjVmStartCheckHost(vm, vm->def) < 0)
        return -1;
    return qbjVmDefCheckStart(vm->def, driver->xmlopt);
}

/* From here on it is a run, which qbjVmStop() ends. */
static void
qbjVmStartBegin(virDomainObj *vm, const qbjVmStartHow *how)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    vm->def->id = qbjDriverNextId(priv->driver, -1);
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP);
    qbjDriverActiveAdd(priv->driver);
    qbjVmStartStatus(vm);
    priv->status->starting = how->restore ? VIR_TRISTATE_BOOL_ABSENT : virTristateBoolFromBool(!how->paused);
    if (!how->restore)
        qbjVmTrayCloseAll(vm->def);
}

static int
qbjVmStartCarryOut(virDomainObj *vm, const qbjVmStartHow *how)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjVmStartFds fds = { .monitor = -1, .devices = QBJ_VM_DEVICES_INIT, .log.fd = -1, .restore = how->restore,
                           .restored = how->restore || how->fromSnapshot };
    int rc;

    fds.devices.resetNvram = how->resetNvram;
    priv->starting = true;
    rc = how->restore ? qbjVmRestorePrepare(vm, how->restore) : 0;
    if (rc == 0)
        rc = qbjVmStartAll(vm, how->paused, &fds);
    priv->starting = false;

    VIR_FORCE_CLOSE(fds.monitor);
    qbjVmLogClose(&fds.log);
    qbjVmDevicesClose(vm, &fds.devices);
    qbjVmChardevsClose(&fds.chardevs);
    g_clear_pointer(&fds.secrets, g_hash_table_unref);
    return rc;
}

int
qbjVmStart(virDomainObj *vm, const qbjVmStartHow *how)
{
    virErrorPtr reason = NULL;

    if (qbjVmStartCheck(vm, how) < 0 ||
        virDomainObjSetDefTransient(QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, vm, NULL) < 0)
        return -1;
    qbjVmStartBegin(vm, how);
    if (qbjVmStartCarryOut(vm, how) < 0) {
        virErrorPreserveLast(&reason);
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FAILED, -1);
        virErrorRestore(&reason);
        return -1;
    }
    virDomainAuditStart(vm, how->restore ? "restored" : "booted", true);
    if (how->restore)
        qbjVmStartNotifyRestored(vm, how->restore, how->fromSnapshot);
    else
        qbjVmStartNotify(vm, how->paused, how->fromSnapshot);
    return 0;
}

int
qbjVmStartGoOn(virDomainObj *vm)
{
    bool paused = QBJ_DOMAIN_PRIVATE(vm)->status->starting != VIR_TRISTATE_BOOL_YES;

    VIR_WARN("Domain '%s' was being started when the daemon ended, and goes on", vm->def->name);
    if (qbjVmStartAsk(vm, NULL) < 0 || qbjVmChainLink(vm) < 0 || qbjVmStartSetup(vm, NULL) < 0 ||
        qbjVmStartRun(vm, paused) < 0)
        return -1;
    qbjVmHookTell(vm, VIR_HOOK_QEMU_OP_STARTED);
    qbjVmStartNotify(vm, paused, false);
    return 0;
}
