#include <config.h>

#include "internal.h"
#include "vm_reconnect.h"
#include "vm_cgroup.h"
#include "vm_chain.h"
#include "vm_devices.h"
#include "vm_files.h"
#include "vm_plug_record.h"
#include "vm_power.h"
#include "vm_save.h"
#include "vm_hook.h"
#include "vm_stop.h"
#include "vm_tray.h"
#include "vm_unread.h"
#include "domain_agent.h"
#include "domain_event.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_hold.h"
#include "engine_step.h"
#include "engine_stray.h"
#include "host_process.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_reconnect");

#define QBJ_VM_RECONNECT_MS 1000

/* Whether process @pid runs @emulator. */
static bool
qbjVmReconnectRuns(pid_t pid, const char *emulator)
{
    g_autofree char *link = g_strdup_printf("/proc/%lld/exe", (long long) pid);
    g_autofree char *exe = g_file_read_link(link, NULL);
    g_autofree char *real = NULL;

    if (virFileResolveAllLinks(emulator, &real) < 0) {
        virResetLastError();
        return false;
    }
    return exe && STRPREFIX(exe, real);         /* " (deleted)" follows when QEMU was updated */
}

/* The process that the pid file names, if it still is this VM's QEMU: it holds a lock on the file as long
 * as it lives, whatever program the emulator, perhaps a script, has made of itself. Without the file, which
 * somebody may have removed, the number in the status file is only as good as the program that runs under
 * it. */
static pid_t
qbjVmReconnectPid(virDomainObj *vm)
{
    g_autofree char *pidPath = qbjVmFilesPidPath(vm);
    pid_t pid = 0;

    if (virPidFileReadPathIfLocked(pidPath, &pid) == 0 && pid > 0)
        return pid;
    if (virPidFileReadPathIfAlive(pidPath, &pid, vm->def->emulator) == 0 && pid > 0)
        return pid;
    if (pid <= 0 && vm->pid > 0 && !virFileExists(pidPath) && qbjVmReconnectRuns(vm->pid, vm->def->emulator))
        return vm->pid;
    return 0;
}

static void
qbjVmReconnectWatched(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    qbjVmCgroupConnect(vm);
    if (priv->destroyed) {
        qbjVmStopRequest(vm);
        return;
    }
    if (priv->unread) {
        qbjVmUnreadLater(vm);
        return;
    }
    if (!priv->status->monitorPath || qbjDomainQmpConnect(vm) < 0) {
        VIR_WARN("Domain '%s' runs, but its monitor cannot be reached; tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    }
}

/* Returns false when the process has gone. One that is there but cannot be watched (no descriptor is left)
 * is tried again. */
static bool
qbjVmReconnectOne(virDomainObj *vm)
{
    virErrorPtr error;
    int pidfd;

    vm->pid = qbjVmReconnectPid(vm);            /* whoever else has the recorded number is not ours */
    virResetLastError();
    if (vm->pid <= 0)
        return false;
    if ((pidfd = qbjHostProcessOpen(vm->pid, 0)) >= 0 && qbjDomainWatchProcess(vm, pidfd) == 0) {
        qbjVmReconnectWatched(vm);
        return true;
    }
    error = virGetLastError();
    if (error && error->int1 == ESRCH) {
        vm->pid = 0;
        virResetLastError();
        return false;
    }
    VIR_WARN("Domain '%s' cannot be watched, tried again: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    return true;
}

/* Job held. */
static void
qbjVmReconnectGone(virDomainObj *vm)
{
    qbjVmStopGone(vm);
    QBJ_DOMAIN_PRIVATE(vm)->reconnecting = false;
}

/* The VMs of @opaque, whose processes have gone: jobs held, not locked. One after the other, for each may
 * have a script that takes its time. */
static void
qbjVmReconnectEnd(void *opaque)
{
    g_autoptr(GPtrArray) gone = opaque;
    size_t i;

    for (i = 0; i < gone->len; i++) {
        virDomainObj *vm = g_ptr_array_index(gone, i);
        VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

        if (qbjDriverIsShuttingDown(QBJ_DOMAIN_PRIVATE(vm)->driver))
            return;                     /* left to the next daemon */
        qbjVmReconnectGone(vm);
        qbjDomainJobEnd(vm);
    }
}

/* With a script, clients see these VMs for as long as it takes, but not running. */
static bool
qbjVmReconnectEndLater(qbjDriver *driver, GPtrArray *gone)
{
    size_t i;

    if (gone->len == 0 || !virHookPresent(VIR_HOOK_DRIVER_QEMU))
        return false;
    for (i = 0; i < gone->len; i++) {
        virDomainObj *vm = g_ptr_array_index(gone, i);
        VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

        virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
    }
    driver->ending = virThreadCreateFull(&driver->ender, true, qbjVmReconnectEnd, "qbj-gone", false, gone) == 0;
    if (!driver->ending)
        virResetLastError();
    return driver->ending;
}

void
qbjVmReconnectJoin(qbjDriver *driver)
{
    if (driver->ending)
        virThreadJoin(&driver->ender);
    driver->ending = false;
}

/* @vm: from the list, unlocked. One whose process has gone is added to @gone, its job held. */
static void
qbjVmReconnectTake(qbjDriver *driver, virDomainObj *vm, GPtrArray *gone)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    if (!virDomainObjIsActive(vm))
        return;
    qbjDriverNextId(driver, vm->def->id);
    if (!priv->status)
        priv->status = virQbjStatusNew();
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0)
        return;
    priv->reconnecting = true;
    priv->labelled = true;
    qbjDriverActiveAdd(driver);
    if (!qbjVmReconnectOne(vm)) {
        g_ptr_array_add(gone, virObjectRef(vm));
    } else if (priv->unread) {
        priv->reconnecting = false;     /* there is nothing to wait for */
        qbjDomainJobEnd(vm);
    }
}

void
qbjVmReconnectAll(qbjDriver *driver)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(virObjectUnref);
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms; i++)
        qbjVmReconnectTake(driver, vms[i], gone);
    virObjectListFreeCount(vms, nvms);

    if (qbjVmReconnectEndLater(driver, gone))
        g_steal_pointer(&gone);         /* the thread's */
    else
        qbjVmReconnectEnd(g_steal_pointer(&gone));
}

/* Clients that saw the state before are told; those of a daemon that has just started read it. */
static void
qbjVmReconnectNotify(virDomainObj *vm, virDomainEventType event, int detail)
{
    if (!QBJ_DOMAIN_PRIVATE(vm)->reconnecting)
        qbjDomainNotifyLifecycle(vm, event, detail);
}

static void
qbjVmReconnectShutdown(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (qbjVmPowerRestart(vm) || !virDomainObjIsActive(vm))
        return;
    if (!priv->guestShutdown) {
        virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
        qbjVmReconnectNotify(vm, VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED);
    }
    priv->guestShutdown = true;
    qbjVmStopRequest(vm);
}

typedef struct _qbjVmReconnectStop qbjVmReconnectStop;
struct _qbjVmReconnectStop {
    const char *status;         /* of query-status */
    virDomainState state;
    int reason;
    virDomainEventType event;
    int detail;
};

/* Why a guest that ran stands still; the last: for any other reason. */
static const qbjVmReconnectStop qbjVmReconnectStops[] = {
    { "suspended", VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
      VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY },
    { "io-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR },
    { "watchdog", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG },
    { NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
};

static void
qbjVmReconnectStopped(virDomainObj *vm, const char *status)
{
    const qbjVmReconnectStop *stop = qbjVmReconnectStops;

    while (stop->status && STRNEQ_NULLABLE(stop->status, status))
        stop++;
    virDomainObjSetState(vm, stop->state, stop->reason);
    qbjVmReconnectNotify(vm, stop->event, stop->detail);
}

static void
qbjVmReconnectRunning(virDomainObj *vm, bool wasAsleep)
{
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, wasAsleep ? VIR_DOMAIN_RUNNING_WAKEUP : VIR_DOMAIN_RUNNING_UNPAUSED);
    if (wasAsleep)
        qbjVmReconnectNotify(vm, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP);
    else
        qbjVmReconnectNotify(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
}

/* Gives whether the guest has panicked, and what follows from that was not done yet. */
static bool
qbjVmReconnectState(virDomainObj *vm, virJSONValue *reply)
{
    const char *status = virJSONValueObjectGetString(reply, "status");
    bool running = false;
    int state = virDomainObjGetState(vm, NULL);

    /* what an older connection would have told is not told any more */
    QBJ_DOMAIN_PRIVATE(vm)->ownStop = false;
    QBJ_DOMAIN_PRIVATE(vm)->heldUntil = 0;
    ignore_value(virJSONValueObjectGetBoolean(reply, "running", &running));
    if (STREQ_NULLABLE(status, "guest-panicked"))
        return state != VIR_DOMAIN_CRASHED || vm->def->onCrash != VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE;

    if (STREQ_NULLABLE(status, "shutdown")) {
        /* it had said so while nobody listened, and stays until it is told to go */
        qbjVmReconnectShutdown(vm);
    } else if (running && state != VIR_DOMAIN_RUNNING) {
        qbjVmReconnectRunning(vm, state == VIR_DOMAIN_PMSUSPENDED);
    } else if (!running && state == VIR_DOMAIN_RUNNING && !qbjEngineHoldFound(vm, status)) {
        qbjVmReconnectStopped(vm, status);
    }
    return false;
}

/* A guest that is not there, or a balloon that its driver does not serve, answers with an error. */
static void
qbjVmReconnectBalloon(virDomainObj *vm, qbjQmpCommand *command)
{
    unsigned long long actual;

    if (command->failed || !command->reply ||
        virJSONValueObjectGetNumberUlong(command->reply, "actual", &actual) < 0)
        return;
    actual = VIR_DIV_UP(actual, 1024);
    if (vm->def->mem.cur_balloon == actual)
        return;
    vm->def->mem.cur_balloon = actual;
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventBalloonChangeNewFromObj(vm, actual));
}

/* Which channels the guest has open. @reply: NULL when QEMU refused the question. */
static void
qbjVmReconnectChannels(virDomainObj *vm, virJSONValue *reply)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        const char *alias = STRSKIP(NULLSTR_EMPTY(virJSONValueObjectGetString(entry, "label")), "char");
        bool open;

        if (alias && virJSONValueObjectGetBoolean(entry, "frontend-open", &open) == 0)
            qbjDomainAgentFollow(vm, alias, open);
    }
}

/* What events would have said while nobody listened; *@panicked: see qbjVmReconnectState(); @devices gets
 * what is plugged in, NULL: QEMU refused the question. Returns 0, -1 with an error reported. */
static int
qbjVmReconnectAsk(virDomainObj *vm, bool *panicked, virJSONValue **devices)
{
    qbjQmpCommand commands[] = {
        { .execute = "query-status" }, { .execute = "query-chardev" }, { .execute = "qom-list" },
        { .execute = "query-jobs" },
        { .execute = NULL }, { .execute = NULL },
    };
    g_autoptr(virJSONValue) path = NULL;
    qbjQmpCommand *balloon = NULL;
    qbjQmpCommand *block = NULL;
    size_t n = 4;
    size_t i;
    int rc;

    if (virJSONValueObjectAdd(&path, "s:path", "/machine/peripheral", NULL) < 0)
        return -1;
    commands[2].arguments = path;
    if (virDomainDefHasMemballoon(vm->def)) {
        balloon = &commands[n++];
        balloon->execute = "query-balloon";
    }
    if (qbjVmTrayAny(vm->def)) {
        block = &commands[n++];
        block->execute = "query-block";
    }
    rc = qbjDomainQmpRun(vm, commands, n);

    if (rc == 0 && commands[0].failed) {
        qbjQmpReportError(&commands[0]);
        rc = -1;
    }
    if (rc == 0) {
        *panicked = qbjVmReconnectState(vm, commands[0].reply);
        qbjVmReconnectChannels(vm, commands[1].reply);
        qbjEngineStrayListed(vm, commands[3].reply);
        if (balloon)
            qbjVmReconnectBalloon(vm, balloon);
        if (block)
            qbjVmTrayRead(vm, block->reply, !QBJ_DOMAIN_PRIVATE(vm)->reconnecting);
        *devices = g_steal_pointer(&commands[2].reply);
    }
    for (i = 0; i < n; i++)
        qbjQmpCommandClear(&commands[i]);
    return rc;
}

/* A daemon that died while it started the VM may have left deep chains in pieces: the guest has not run
 * yet, and must not before they are whole. Returns 0, -1 with an error reported. */
static int
qbjVmReconnectLink(virDomainObj *vm)
{
    int reason;

    if (virDomainObjGetState(vm, &reason) != VIR_DOMAIN_PAUSED || reason != VIR_DOMAIN_PAUSED_STARTING_UP ||
        QBJ_DOMAIN_PRIVATE(vm)->status->save)
        return 0;
    if (qbjVmChainLink(vm) < 0)
        return -1;
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    return 0;
}

void
qbjVmReconnectFinish(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(virJSONValue) devices = NULL;
    bool panicked = false;

    if (priv->starting)
        return;

    if (qbjVmReconnectAsk(vm, &panicked, &devices) < 0 || qbjVmReconnectLink(vm) < 0) {
        /* the connection broke again, or no answer yet: the next ESTABLISHED or timer comes back here */
        VIR_WARN("Domain '%s' does not answer: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        if (virDomainObjIsActive(vm))
            qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
        return;
    }
    qbjVmDevicesReconnect(vm);
    qbjEngineResume(vm);
    if (devices && virDomainObjIsActive(vm))
        qbjVmPlugResume(vm, devices);
    if (qbjVmSaveResume(vm) < 0 || priv->driver->moments->settle(vm) < 0) {
        VIR_WARN("Domain '%s' has work left, and does not answer: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        if (virDomainObjIsActive(vm))
            qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    }
    if (!virDomainObjIsActive(vm)) {            /* it is saved */
        priv->reconnecting = false;
        return;
    }
    qbjDomainSaveStatusOrWarn(vm);
    if (priv->reconnecting) {           /* by a new daemon; a monitor that came back is no news to a script */
        qbjVmHookTellLater(vm, VIR_HOOK_QEMU_OP_RECONNECT);
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_MOMENT, 0);
    }
    if (panicked)
        qbjVmPowerCrash(vm);
    priv->reconnecting = false;         /* the worker that carries this out ends the job (domain_queue.c) */
}

void
qbjVmReconnectLost(virDomainObj *vm, const char *reason)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    g_clear_pointer(&priv->qmp, qbjQmpUnref);
    if (priv->pidfd < 0 || qbjHostProcessGone(priv->pidfd) || priv->guestShutdown || priv->destroyed ||
        priv->ending)
        return;                         /* PROCESS_GONE follows */

    VIR_WARN("Monitor of domain '%s' closed: %s", vm->def->name, NULLSTR(reason));
    virObjectEventStateQueue(priv->driver->events, virDomainEventControlErrorNewFromObj(vm));
    qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
}

void
qbjVmReconnectRead(virDomainObj *vm)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->unread && qbjVmUnreadAgain(vm))
        qbjVmReconnectAgain(vm);
}

void
qbjVmReconnectAgain(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->starting || qbjVmStopAgain(vm))
        return;
    if (priv->unread && !qbjVmUnreadAgain(vm)) {
        qbjVmUnreadLater(vm);
        return;
    }
    if (priv->qmp) {
        qbjVmReconnectFinish(vm);
        return;
    }
    if (priv->pidfd < 0) {              /* the worker ends the job when the VM has gone (domain_queue.c) */
        if (priv->reconnecting && !qbjVmReconnectOne(vm))
            qbjVmReconnectGone(vm);
        return;
    }
    if (priv->status->monitorPath && qbjDomainQmpConnect(vm) < 0) {
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    }
}
