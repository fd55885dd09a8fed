#include <config.h>

#include "internal.h"
#include "vm_reconnect.h"
#include "vm_catchup.h"
#include "vm_cgroup.h"
#include "vm_files.h"
#include "vm_reach.h"
#include "vm_refresh.h"
#include "vm_stop.h"
#include "vm_unread.h"
#include "domain_event.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "host_process.h"
#include "virerror.h"
#include "virfile.h"
#include "virhook.h"
#include "virlog.h"
#include "virpidfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_reconnect");

/* Up to so many VMs are asked for all at once. */
#define QBJ_VM_RECONNECT_FEW 8

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

static int
qbjVmReconnectMonitor(virDomainObj *vm)
{
    if (qbjDomainQmpConnect(vm) < 0)
        return -1;
    /* otherwise a call may be next, and what it does would be newer than the answers */
    if (QBJ_DOMAIN_PRIVATE(vm)->reconnecting)
        qbjVmRefreshSend(vm, !qbjVmCatchupListsLater(vm));
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
    priv->unreached = true;
}

void
qbjVmReconnectReach(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->unreached = false;
    if (!priv->status->monitorPath || qbjVmReconnectMonitor(vm) < 0) {
        VIR_WARN("Domain '%s' runs, but its monitor cannot be reached; tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
        g_free(priv->lost);
        priv->lost = g_strdup(virGetLastErrorMessage());
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
    }
}

/* Returns false when the process has gone. One that is there but cannot be watched (no descriptor is left)
 * is tried again. */
static bool
qbjVmReconnectOne(virDomainObj *vm)
{
    virErrorPtr error;
    int pidfd;

    /* whoever else has the recorded number is not ours */
    vm->pid = QBJ_DOMAIN_PRIVATE(vm)->status->ended ? 0 : qbjVmReconnectPid(vm);
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
    qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
    return true;
}

void
qbjVmReconnectGone(virDomainObj *vm)
{
    qbjVmStopGone(vm);
    qbjVmCatchupEnded(vm);
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
    qbjVmReachJoin(driver);
}

/* @vm: from the list, unlocked. One whose process runs is connected, or added to @found for later; one whose
 * process has gone is added to @gone, its job held. */
static void
qbjVmReconnectTake(qbjDriver *driver, virDomainObj *vm, GPtrArray *found, GPtrArray *gone)
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
    } else if (qbjVmCatchupHasWork(priv->status)) {
        qbjDomainReach(vm);             /* at once: a job may hold its guest */
    } else {
        g_ptr_array_add(found, virObjectRef(vm));
    }
}

/* The first that was started is the first that clients come for. Nobody else has the domains yet. */
static int
qbjVmReconnectOrder(const void *one, const void *other)
{
    const virDomainObj *a = *(virDomainObj *const *) one;
    const virDomainObj *b = *(virDomainObj *const *) other;

    return (a->def->id > b->def->id) - (a->def->id < b->def->id);
}

void
qbjVmReconnectAll(qbjDriver *driver)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(virObjectUnref);
    GPtrArray *found = g_ptr_array_new_with_free_func(virObjectUnref);
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    if (nvms > 0)                       /* else there is no array */
        qsort(vms, nvms, sizeof(*vms), qbjVmReconnectOrder);
    for (i = 0; i < nvms; i++)
        qbjVmReconnectTake(driver, vms[i], found, gone);
    virObjectListFreeCount(vms, nvms);

    driver->crowded = found->len > QBJ_VM_RECONNECT_FEW;
    qbjVmReachAll(driver, found);
    if (qbjVmReconnectEndLater(driver, gone))
        g_steal_pointer(&gone);         /* the thread's */
    else
        qbjVmReconnectEnd(g_steal_pointer(&gone));
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
    g_free(priv->lost);
    priv->lost = g_strdup(NULLSTR_EMPTY(reason));
    virObjectEventStateQueue(priv->driver->events, virDomainEventControlErrorNewFromObj(vm));
    qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
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
        qbjVmCatchupAll(vm);
        return;
    }
    if (priv->unreached) {
        qbjDomainReach(vm);
        return;
    }
    if (priv->pidfd < 0) {              /* the worker ends the job when the VM has gone (domain_queue.c) */
        if (priv->reconnecting && !qbjVmReconnectOne(vm))
            qbjVmReconnectGone(vm);
        else
            qbjDomainReach(vm);
        return;
    }
    if (priv->status->monitorPath && qbjVmReconnectMonitor(vm) < 0) {
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
    }
}
