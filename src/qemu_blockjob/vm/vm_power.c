#include <config.h>

#include "internal.h"
#include "vm_power.h"
#include "vm_stop.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_power");

int
qbjVmPowerButton(virDomainObj *vm, bool reboot)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    bool before = status->fakeReboot;

    /* on_reboot=destroy: a reboot ends the VM, and so does the power-off that stands for it */
    status->fakeReboot = reboot && vm->def->onReboot == VIR_DOMAIN_LIFECYCLE_ACTION_RESTART;
    /* a daemon that is started again must not take the guest's obedience for a power-off */
    if (status->fakeReboot != before && qbjDomainSaveStatus(vm) < 0) {
        status->fakeReboot = before;
        return -1;
    }
    return qbjDomainQmpCall(vm, "system_powerdown", NULL, NULL);
}

/* The process goes on with a guest that starts anew. */
static int
qbjVmPowerReset(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->ownStop = true;               /* until QEMU says that the CPUs run */
    if (qbjDomainQmpCall(vm, "system_reset", NULL, NULL) == 0 &&
        qbjDomainQmpCall(vm, "cont", NULL, NULL) == 0) {
        priv->status->fakeReboot = false;
        qbjDomainSaveStatusOrWarn(vm);
        return 0;
    }
    if (virDomainObjIsActive(vm))
        priv->ownStop = false;
    VIR_WARN("Domain '%s' cannot be started again: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return -1;
}

bool
qbjVmPowerContinue(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_auto(qbjQmpCommand) command = { .execute = "cont" };

    if (qbjDomainQmpTry(vm, &command) < 0) {
        virResetLastError();
        return true;
    }
    priv->status->fakeReboot = false;
    qbjDomainSaveStatusOrWarn(vm);
    return !command.failed;
}

int
qbjVmPowerHardReset(virDomainObj *vm)
{
    if (qbjDomainQmpCall(vm, "system_reset", NULL, NULL) < 0)
        return -1;
    /* QEMU leaves the CPUs of a guest that slept standing still */
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PMSUSPENDED)
        return 0;
    if (qbjDomainQmpCall(vm, "cont", NULL, NULL) < 0)
        return -1;
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP);
    return 0;
}

void
qbjVmPowerEnd(virDomainObj *vm, bool byGuest)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->guestShutdown)            /* QEMU says it a second time when it is told to exit (11.7) */
        return;
    priv->guestShutdown = true;
    virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SHUTDOWN,
                             byGuest ? VIR_DOMAIN_EVENT_SHUTDOWN_GUEST : VIR_DOMAIN_EVENT_SHUTDOWN_HOST);
    qbjVmStopRequest(vm);
}

bool
qbjVmPowerRestart(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool wanted = priv->status->fakeReboot || vm->def->onPoweroff == VIR_DOMAIN_LIFECYCLE_ACTION_RESTART;

    return wanted && !priv->guestShutdown && qbjVmPowerReset(vm) == 0;
}

void
qbjVmPowerOff(virDomainObj *vm, bool byGuest)
{
    if (byGuest && qbjVmPowerRestart(vm))
        return;
    if (virDomainObjIsActive(vm))
        qbjVmPowerEnd(vm, byGuest);
}

void
qbjVmPowerCrash(virDomainObj *vm)
{
    virDomainObjSetState(vm, VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED);

    switch ((virDomainLifecycleAction) vm->def->onCrash) {
    case VIR_DOMAIN_LIFECYCLE_ACTION_RESTART:
        if (qbjVmPowerReset(vm) < 0)
            break;
        virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_CRASHED);
        qbjDomainSaveStatusOrWarn(vm);
        return;
    case VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE:
        return;                         /* for somebody to look at */
    case VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY:
    case VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME:
    case VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY:
    case VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART:
    case VIR_DOMAIN_LIFECYCLE_ACTION_LAST:
    default:
        break;
    }
    if (virDomainObjIsActive(vm))
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
}

bool
qbjVmPowerIsOwnStop(virDomainObj *vm)
{
    return QBJ_DOMAIN_PRIVATE(vm)->ownStop;
}

bool
qbjVmPowerIsOwnResume(virDomainObj *vm)
{
    bool own = QBJ_DOMAIN_PRIVATE(vm)->ownStop;

    QBJ_DOMAIN_PRIVATE(vm)->ownStop = false;
    return own;
}
