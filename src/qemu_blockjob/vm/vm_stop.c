#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "vm_stop.h"
#include "vm_cgroup.h"
#include "vm_devices.h"
#include "vm_files.h"
#include "vm_hook.h"
#include "vm_log.h"
#include "vm_memory.h"
#include "vm_plug_record.h"
#include "vm_save.h"
#include "vm_tpm.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_step.h"
#include "engine_switch.h"
#include "host_label.h"
#include "host_process.h"
#include "hypervisor/virclosecallbacks.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_stop");

/* SIGTERM lets QEMU close its images; after this it is killed (11.7). */
#define QBJ_VM_STOP_GRACE_MS 10000
#define QBJ_VM_STOP_LIMIT_MS 40000
#define QBJ_VM_STOP_GRACEFUL_MS 15000
/* A process that survived and that no descriptor could be had of is looked for this often. */
#define QBJ_VM_STOP_AGAIN_MS 1000

void
qbjVmStopRequest(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->pidfd >= 0 && qbjHostProcessEnd(priv->pidfd, 0, 0) < 0) {
        VIR_WARN("Cannot ask QEMU of domain '%s' to end: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

static bool
qbjVmStopIsGone(void)
{
    virErrorPtr error = virGetLastError();

    return error && error->code == VIR_ERR_SYSTEM_ERROR && error->int1 == ESRCH;
}

/* A descriptor of our own on the process, because the lock is dropped while it is used.
 * Returns 1 with *@pidfd, 0 when there is no process any more, -1 with an error reported. */
static int
qbjVmStopOpen(virDomainObj *vm, int *pidfd)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->pidfd >= 0) {
        if ((*pidfd = fcntl(priv->pidfd, F_DUPFD_CLOEXEC, 0)) < 0) {
            virReportSystemError(errno, _("cannot open process %lld"), (long long) vm->pid);
            return -1;
        }
        return 1;
    }
    if (vm->pid <= 0)
        return 0;
    if ((*pidfd = qbjHostProcessOpen(vm->pid, 0)) >= 0)
        return 1;
    if (!qbjVmStopIsGone())
        return -1;
    virResetLastError();
    return 0;
}

/* Without a descriptor (there is none left): by number. Only just after a failed start, so it is ours.
 * Returns 0 or 1 (it took SIGKILL) when it has ended, -1 with an error reported. */
static int
qbjVmStopByNumber(virDomainObj *vm)
{
    pid_t pid = vm->pid;
    int rc;

    virObjectUnlock(vm);
    rc = virProcessKillPainfully(pid, true);
    virObjectLock(vm);
    return rc;
}

int
qbjVmStopProcess(virDomainObj *vm, bool graceful)
{
    VIR_AUTOCLOSE pidfd = -1;
    int rc = qbjVmStopOpen(vm, &pidfd);

    if (rc < 0 && QBJ_DOMAIN_PRIVATE(vm)->pidfd < 0 && qbjVmStopByNumber(vm) >= 0) {
        virResetLastError();
        return 0;
    }
    if (rc <= 0)
        return rc;

    virObjectUnlock(vm);
    rc = graceful ? qbjHostProcessEnd(pidfd, 0, QBJ_VM_STOP_GRACEFUL_MS)
                  : qbjHostProcessEnd(pidfd, QBJ_VM_STOP_GRACE_MS, QBJ_VM_STOP_LIMIT_MS);
    virObjectLock(vm);

    if (rc == 1) {
        virReportError(VIR_ERR_SYSTEM_ERROR, _("Failed to terminate process %lld of domain '%s'"),
                       (long long) vm->pid, vm->def->name);
        return -1;
    }
    return rc;
}

static void
qbjVmStopLabelsLog(virDomainObj *vm, int rc)
{
    if (rc < 0) {
        VIR_WARN("Cannot restore the labels of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

/* Undoing goes on whatever fails: each line of the log says what is left. */
static void
qbjVmStopLabels(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->labelled) {
        qbjVmStopLabelsLog(vm, virSecurityManagerRestoreAllLabel(priv->driver->security, vm->def, false,
                                                                 priv->status->chardevStdioLogd));
        qbjVmStopLabelsLog(vm, qbjHostLabelRestoreLower(priv->driver->security, vm->def));
        qbjVmPlugRestoreLabels(vm);
    }
    qbjVmStopLabelsLog(vm, virSecurityManagerReleaseLabel(priv->driver->security, vm->def));
}

static void
qbjVmStopForget(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->labelled = false;
    priv->guestShutdown = false;
    priv->ownStop = false;
    priv->heldUntil = 0;
    priv->applyAgainMs = 0;
    priv->applyAgainFrom = 0;
    priv->ending = false;
    priv->unsettled = false;
    g_clear_pointer(&priv->unread, g_free);
    g_clear_pointer(&priv->unreadStamp, g_free);
    g_slist_free_full(g_steal_pointer(&priv->unplugged), g_free);
    g_ptr_array_set_size(priv->strays, 0);
    g_clear_pointer(&priv->status, virQbjStatusFree);
}

/* The domain stays listed; qbjVmStop comes again by PROCESS_GONE or by our timer. */
static void
qbjVmStopKeep(virDomainObj *vm, virDomainShutoffReason reason, int event)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->stopping = false;
    priv->ending = true;
    priv->endReason = reason;
    priv->endEvent = event;
    virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
    if (priv->pidfd < 0)
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_STOP_AGAIN_MS);
}

/* The process is still there: nobody else may have its images. PROCESS_GONE follows, or our timer. */
static void
qbjVmStopLater(virDomainObj *vm, virDomainShutoffReason reason, int event)
{
    VIR_WARN("Domain '%s' stays listed until its process %lld ends: %s", vm->def->name, (long long) vm->pid,
             virGetLastErrorMessage());
    virResetLastError();
    qbjVmStopKeep(vm, reason, event);
    qbjDomainSaveStatusOrWarn(vm);
}

/* The process has ended: what the jobs leave is settled. Returns false when that has to be tried again. Its
 * status file is not written meanwhile: what it says now is what a daemon that restarts can settle by. */
static bool
qbjVmStopSettle(virDomainObj *vm, virDomainShutoffReason reason, int event)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->unsettled) {
        qbjVmLogLine(vm, "shutting down, reason=%s", virDomainShutoffReasonTypeToString(reason));
        qbjVmHookTell(vm, VIR_HOOK_QEMU_OP_STOPPED);
        qbjDomainDisconnect(vm);
        vm->pid = 0;
    }
    if (qbjEngineVmGone(vm) && priv->driver->moments->gone(vm))
        return true;
    if (!priv->unsettled)
        VIR_WARN("Domain '%s' stays listed until its persistent definition can be saved", vm->def->name);
    priv->unsettled = true;
    qbjVmStopKeep(vm, reason, event);
    return false;
}

bool
qbjVmStopHasBegun(const virQbjStatus *status)
{
    return !status->ended && status->starting == VIR_TRISTATE_BOOL_ABSENT && !(status->save && status->save->restore);
}

/* What a daemon finds of a transient domain until there is the next run. Without it the domain would be taken
 * for one whose run is still to be taken down, with a number that another process may have. */
static void
qbjVmStopSaveEnded(virDomainObj *vm)
{
    g_autoptr(qbjHostSave) save = g_steal_pointer(&QBJ_DOMAIN_PRIVATE(vm)->ended);
    bool renamed = false;

    if ((save || (save = qbjDomainPrepareEnded(vm))) && qbjHostSaveCommit(save, &renamed) == 0)
        return;
    VIR_WARN("Failed to save status of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    if (!renamed)
        qbjDomainRemoveStatus(vm);
}

/* The process has ended, and what its jobs leave is settled. */
static void
qbjVmStopTakeDown(virDomainObj *vm)
{
    qbjVmDevicesRelease(vm);
    qbjVmStopLabels(vm);
    qbjVmCgroupRemove(vm);
    qbjVmFilesRemove(vm);
    qbjVmMemoryRemove(vm);
    qbjVmHookTell(vm, VIR_HOOK_QEMU_OP_RELEASE);
}

/* An earlier daemon has done it all. */
static bool
qbjVmStopIsOver(virDomainObj *vm)
{
    if (!QBJ_DOMAIN_PRIVATE(vm)->status->ended)
        return false;
    qbjVmTpmStop(vm);
    return true;
}

bool
qbjVmStopAgain(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    int pidfd = -1;
    int rc;

    if (!priv->ending || priv->pidfd >= 0)
        return priv->ending;
    if ((rc = qbjVmStopOpen(vm, &pidfd)) == 0) {
        qbjVmStopGone(vm);
    } else if (rc < 0 || qbjDomainWatchProcess(vm, pidfd) < 0) {
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_STOP_AGAIN_MS);
    }
    return true;
}

void
qbjVmStopGone(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool saved = qbjVmSaveGone(vm);

    vm->hasManagedSave = vm->hasManagedSave || (saved && priv->status->save->managed);
    if (priv->status->ended)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
    else if (priv->ending)
        qbjVmStop(vm, priv->endReason, priv->endEvent);
    else if (saved)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
    else if (priv->destroyed)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    else if (priv->guestShutdown)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
    else
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

static void
qbjVmStopRemove(virDomainObj *vm)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;

    driver->moments->forget(vm);
    virDomainObjListRemove(driver->domains, vm);
}

void
qbjVmStopTransient(virDomainObj *vm)
{
    qbjVmTpmStop(vm);
    qbjDomainRemoveStatus(vm);
    virCloseCallbacksDomainRemove(vm, NULL, NULL);
    qbjVmStopRemove(vm);
}

void
qbjVmStop(virDomainObj *vm, virDomainShutoffReason reason, int event)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool goesOn = priv->reverting && !vm->persistent;

    if (!virDomainObjIsActive(vm) || priv->stopping)
        return;
    priv->stopping = true;

    if (!qbjVmStopIsOver(vm)) {
        if (qbjVmStopProcess(vm, false) < 0) {
            qbjVmStopLater(vm, reason, event);
            return;
        }
        if (!qbjVmStopSettle(vm, reason, event))
            return;
        qbjVmStopTakeDown(vm);
    }
    priv->halfway = !vm->persistent && (goesOn || !qbjVmStopHasBegun(priv->status));
    if (goesOn)
        qbjVmStopSaveEnded(vm);
    /* last, so that a daemon that dies in a script has it run again by the next one */
    qbjVmFilesRemovePid(vm);
    if (!goesOn)
        qbjDomainRemoveStatus(vm);
    qbjVmStopForget(vm);
    priv->destroyed = priv->destroyed && goesOn;        /* else it was about this run */

    if (!goesOn)
        virCloseCallbacksDomainRemove(vm, NULL, NULL);  /* AUTODESTROY was for this run */
    vm->def->id = -1;
    vm->taint = 0;
    virDomainObjSetState(vm, VIR_DOMAIN_SHUTOFF, reason);
    virDomainObjRemoveTransientDef(vm);
    qbjDriverActiveRemove(priv->driver);
    priv->stopping = false;

    if (event >= 0)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STOPPED, event);
    if (!vm->persistent && !goesOn)
        qbjVmStopRemove(vm);
}
