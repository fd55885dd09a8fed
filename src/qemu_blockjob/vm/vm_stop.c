#include <config.h>

#include <signal.h>
#include <unistd.h>

#include "internal.h"
#include "vm_stop.h"
#include "vm_files.h"
#include "vm_hook.h"
#include "vm_log.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_step.h"
#include "engine_switch.h"
#include "host_process.h"
#include "hypervisor/virclosecallbacks.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_stop");

/* SIGTERM lets QEMU close its images; after this it is killed (11.7). */
#define QBJ_VM_STOP_GRACE_MS 10000
#define QBJ_VM_STOP_LIMIT_MS 40000
#define QBJ_VM_STOP_GRACEFUL_MS 15000

void
qbjVmStopRequest(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->pidfd >= 0 && qbjHostProcessEnd(priv->pidfd, 0, 0) < 0) {
        VIR_WARN("Cannot ask QEMU of domain '%s' to end: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

int
qbjVmStopProcess(virDomainObj *vm, bool graceful)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    VIR_AUTOCLOSE pidfd = priv->pidfd < 0 ? -1 : dup(priv->pidfd);
    int rc;

    if (pidfd < 0)
        return 0;

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

/* Undoing goes on whatever fails: each line of the log says what is left. */
static void
qbjVmStopLabels(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if ((priv->labelled && virSecurityManagerRestoreAllLabel(priv->driver->security, vm->def, false,
                                                             priv->status->chardevStdioLogd) < 0) ||
        virSecurityManagerReleaseLabel(priv->driver->security, vm->def) < 0) {
        VIR_WARN("Cannot restore the labels of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

static void
qbjVmStopForget(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->vncPort)
        virPortAllocatorRelease(priv->vncPort);
    priv->vncPort = 0;
    priv->labelled = false;
    priv->guestShutdown = false;
    priv->destroyed = false;
    g_clear_pointer(&priv->status, virQbjStatusFree);
}

static const char *
qbjVmStopReasonName(virDomainShutoffReason reason)
{
    return virDomainShutoffReasonTypeToString(reason);
}

void
qbjVmStop(virDomainObj *vm, virDomainShutoffReason reason, int event)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!virDomainObjIsActive(vm) || priv->stopping)
        return;
    priv->stopping = true;

    if (qbjVmStopProcess(vm, false) < 0) {
        VIR_WARN("%s", virGetLastErrorMessage());
        virResetLastError();
    }
    qbjVmLogLine(vm, "shutting down, reason=%s", qbjVmStopReasonName(reason));
    qbjVmHookTell(vm, VIR_HOOK_QEMU_OP_STOPPED);
    qbjDomainDisconnect(vm);
    qbjEngineVmGone(vm);
    qbjVmStopLabels(vm);
    qbjVmFilesRemove(vm);
    qbjVmHookTell(vm, VIR_HOOK_QEMU_OP_RELEASE);
    /* last, so that a daemon that dies in a script has it run again by the next one */
    qbjVmFilesRemovePid(vm);
    qbjDomainRemoveStatus(vm);
    qbjVmStopForget(vm);

    virCloseCallbacksDomainRemove(vm, NULL, NULL);      /* AUTODESTROY was for this run */
    vm->pid = 0;
    vm->def->id = -1;
    vm->taint = 0;
    virDomainObjSetState(vm, VIR_DOMAIN_SHUTOFF, reason);
    virDomainObjRemoveTransientDef(vm);
    qbjDriverActiveRemove(priv->driver);
    priv->stopping = false;

    if (event >= 0)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STOPPED, event);
    if (!vm->persistent)
        virDomainObjListRemove(priv->driver->domains, vm);
}
