#include <config.h>

#include "internal.h"
#include "vm_event_guest.h"
#include "vm_power.h"
#include "domain_notify.h"
#include "domain_save.h"

static void
qbjVmEventQueue(virDomainObj *vm, virObjectEvent *event)
{
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, event);
}

static void
qbjVmEventState(virDomainObj *vm, virDomainState state, int reason)
{
    virDomainObjSetState(vm, state, reason);
    qbjDomainSaveStatusOrWarn(vm);
}

void
qbjVmEventPanicked(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    qbjVmPowerCrash(vm);
}

/* @detail: of the lifecycle event (virDomainEventPMSuspendedDetailType) */
static void
qbjVmEventPMSuspended(virDomainObj *vm, int detail)
{
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return;
    qbjVmEventState(vm, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_PMSUSPENDED, detail);
}

void
qbjVmEventSuspend(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    qbjVmEventPMSuspended(vm, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
    qbjVmEventQueue(vm, virDomainEventPMSuspendNewFromObj(vm));
}

void
qbjVmEventSuspendDisk(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    qbjVmEventPMSuspended(vm, VIR_DOMAIN_EVENT_PMSUSPENDED_DISK);
    qbjVmEventQueue(vm, virDomainEventPMSuspendDiskNewFromObj(vm));
}

void
qbjVmEventWakeup(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PMSUSPENDED) {
        qbjVmEventState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP);
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP);
    }
    qbjVmEventQueue(vm, virDomainEventPMWakeupNewFromObj(vm));
}

/* QEMU's words for virDomainEventWatchdogAction. */
static const char *const qbjVmEventWatchdogActions[VIR_DOMAIN_EVENT_WATCHDOG_LAST] = {
    [VIR_DOMAIN_EVENT_WATCHDOG_NONE] = "none",
    [VIR_DOMAIN_EVENT_WATCHDOG_PAUSE] = "pause",
    [VIR_DOMAIN_EVENT_WATCHDOG_RESET] = "reset",
    [VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF] = "poweroff",
    [VIR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN] = "shutdown",
    [VIR_DOMAIN_EVENT_WATCHDOG_DEBUG] = "debug",
    [VIR_DOMAIN_EVENT_WATCHDOG_INJECTNMI] = "inject-nmi",
};

/* What QEMU does then is told by events of its own, but for why the guest stands still. */
void
qbjVmEventWatchdog(virDomainObj *vm, virJSONValue *data)
{
    const char *word = data ? virJSONValueObjectGetString(data, "action") : NULL;
    int action = VIR_DOMAIN_EVENT_WATCHDOG_LAST - 1;

    while (action > VIR_DOMAIN_EVENT_WATCHDOG_NONE && STRNEQ_NULLABLE(qbjVmEventWatchdogActions[action], word))
        action--;
    qbjVmEventQueue(vm, virDomainEventWatchdogNewFromObj(vm, action));

    if (action != VIR_DOMAIN_EVENT_WATCHDOG_PAUSE || virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return;
    qbjVmEventState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG);
}

/* The disk that an event of QEMU is about, by the qom path of its device. */
static virDomainDiskDef *
qbjVmEventDisk(virDomainObj *vm, virJSONValue *data)
{
    const char *node = data ? virJSONValueObjectGetString(data, "node-name") : NULL;
    const char *name = data ? virJSONValueObjectGetString(data, "qom-path") : NULL;
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        const char *qom = VIR_QBJ_DISK_PRIVATE(disk)->qomName;

        if ((qom && STREQ_NULLABLE(name, qom)) || (node && STREQ_NULLABLE(disk->src->nodeformat, node)))
            return disk;
    }
    return NULL;
}

static virDomainEventIOErrorAction
qbjVmEventIoAction(const char *action)
{
    if (STREQ_NULLABLE(action, "stop"))
        return VIR_DOMAIN_EVENT_IO_ERROR_PAUSE;
    return STREQ_NULLABLE(action, "report") ? VIR_DOMAIN_EVENT_IO_ERROR_REPORT : VIR_DOMAIN_EVENT_IO_ERROR_NONE;
}

void
qbjVmEventIoError(virDomainObj *vm, virJSONValue *data)
{
    virDomainDiskDef *disk = qbjVmEventDisk(vm, data);
    virDomainEventIOErrorAction action = data ? qbjVmEventIoAction(virJSONValueObjectGetString(data, "action"))
                                              : VIR_DOMAIN_EVENT_IO_ERROR_NONE;
    bool nospace = false;

    if (data)
        ignore_value(virJSONValueObjectGetBoolean(data, "nospace", &nospace));
    qbjDomainNotifyIOError(vm, disk ? NULLSTR_EMPTY(disk->src->path) : "", disk, action, nospace);

    if (action != VIR_DOMAIN_EVENT_IO_ERROR_PAUSE || virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return;
    qbjVmEventState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR);
}
