#include <config.h>

#include "internal.h"
#include "vm_reconnect.h"
#include "vm_files.h"
#include "vm_stop.h"
#include "domain_event.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_step.h"
#include "host_process.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_reconnect");

#define QBJ_VM_RECONNECT_MS 1000

static void
qbjVmReconnectQueue(virDomainObj *vm, qbjDomainEventType type)
{
    qbjDomainEvent *event = g_new0(qbjDomainEvent, 1);

    event->type = type;
    event->domainId = vm->def->id;
    qbjDomainQueuePush(vm, event);
}

/* The process that the pid file names, if it still is this VM's QEMU: the file stays locked as long as
 * QEMU lives. */
static int
qbjVmReconnectProcess(virDomainObj *vm)
{
    g_autofree char *pidPath = qbjVmFilesPidPath(vm);
    pid_t pid = 0;

    if (virPidFileReadPathIfAlive(pidPath, &pid, vm->def->emulator) < 0 || pid <= 0) {
        if (pid <= 0 && vm->pid > 0 && virFileExists(pidPath) == 0)
            pid = vm->pid;
        else
            return -1;
    }
    vm->pid = pid;
    return qbjHostProcessOpen(pid, 0);
}

static void
qbjVmReconnectOne(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    int pidfd = qbjVmReconnectProcess(vm);

    if (pidfd < 0) {
        virResetLastError();
        qbjVmReconnectQueue(vm, QBJ_DOMAIN_EVENT_PROCESS_GONE);
        return;
    }
    qbjDomainWatchProcess(vm, pidfd);
    if (priv->destroyed) {
        qbjVmStopRequest(vm);
        return;
    }
    if (!priv->status->monitorPath || qbjDomainQmpConnect(vm) < 0) {
        VIR_WARN("Domain '%s' runs, but its monitor cannot be reached; tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    }
}

/* @vm: from the list, unlocked */
static void
qbjVmReconnectTake(qbjDriver *driver, virDomainObj *vm)
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
    qbjVmReconnectOne(vm);
}

void
qbjVmReconnectAll(qbjDriver *driver)
{
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms; i++)
        qbjVmReconnectTake(driver, vms[i]);
    virObjectListFreeCount(vms, nvms);
}

static void
qbjVmReconnectState(virDomainObj *vm, virJSONValue *status)
{
    bool running = false;
    const char *name = virJSONValueObjectGetString(status, "status");

    ignore_value(virJSONValueObjectGetBoolean(status, "running", &running));
    if (STREQ_NULLABLE(name, "shutdown")) {
        /* it had said so while nobody listened, and stays until it is told to go */
        QBJ_DOMAIN_PRIVATE(vm)->guestShutdown = true;
        virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
        qbjVmStopRequest(vm);
    } else if (running && virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING) {
        virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    } else if (!running && virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING) {
        virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    }
}

void
qbjVmReconnectFinish(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(virJSONValue) status = NULL;

    if (priv->starting)
        return;

    if (qbjDomainQmpCall(vm, "query-status", NULL, &status) < 0) {
        /* the connection broke again, or no answer yet: the next ESTABLISHED or timer comes back here */
        VIR_WARN("Domain '%s' does not answer: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        if (virDomainObjIsActive(vm))
            qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
        return;
    }
    qbjVmReconnectState(vm, status);
    qbjEngineResume(vm);
    qbjDomainSaveStatusOrWarn(vm);

    priv->reconnecting = false;         /* the worker that carries this out ends the job (domain_queue.c) */
}

void
qbjVmReconnectLost(virDomainObj *vm, const char *reason)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    g_clear_pointer(&priv->qmp, qbjQmpUnref);
    if (priv->pidfd < 0 || qbjHostProcessGone(priv->pidfd) || priv->guestShutdown || priv->destroyed)
        return;                         /* PROCESS_GONE follows */

    VIR_WARN("Monitor of domain '%s' closed: %s", vm->def->name, NULLSTR(reason));
    virObjectEventStateQueue(priv->driver->events, virDomainEventControlErrorNewFromObj(vm));
    qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
}

void
qbjVmReconnectAgain(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->starting)
        return;
    if (priv->qmp) {
        qbjVmReconnectFinish(vm);
        return;
    }
    if (priv->pidfd < 0 || !priv->status->monitorPath)
        return;
    if (qbjDomainQmpConnect(vm) < 0) {
        virResetLastError();
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_RECONNECT_MS);
    }
}
