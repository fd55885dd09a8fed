#include <config.h>

#include "internal.h"
#include "vm_event.h"
#include "vm_dumpstream.h"
#include "vm_catchup.h"
#include "vm_clock.h"
#include "vm_event_graphics.h"
#include "vm_event_guest.h"
#include "vm_power.h"
#include "vm_reconnect.h"
#include "vm_stop.h"
#include "vm_threshold.h"
#include "vm_tray.h"
#include "vm_unplug.h"
#include "domain_agent.h"
#include "domain_notify.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_step.h"
#include "engine_stray.h"
#include "host_process.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_event");

typedef struct _qbjVmEventHandler qbjVmEventHandler;
struct _qbjVmEventHandler {
    const char *name;
    void (*handle)(virDomainObj *vm, virJSONValue *data);
};

/* What QEMU says about the guest: {"guest": true} when it was the guest's own doing. */
static bool
qbjVmByGuest(virJSONValue *data)
{
    bool guest = false;

    if (data)
        ignore_value(virJSONValueObjectGetBoolean(data, "guest", &guest));
    return guest;
}

static void
qbjVmOnShutdown(virDomainObj *vm, virJSONValue *data)
{
    qbjVmPowerOff(vm, qbjVmByGuest(data));
}

static void
qbjVmOnReset(virDomainObj *vm, virJSONValue *data)
{
    if (qbjVmByGuest(data) && vm->def->onReboot == VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY) {
        qbjVmPowerEnd(vm, true);
        return;
    }
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventRebootNewFromObj(vm));
}

/* Our own stop and cont have set the state before their event is looked at: then there is nothing to tell. */
static void
qbjVmOnStop(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING || qbjVmPowerIsOwnStop(vm))
        return;
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

static void
qbjVmOnResume(virDomainObj *vm, virJSONValue *data G_GNUC_UNUSED)
{
    if (qbjVmPowerIsOwnResume(vm) || virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PAUSED)
        return;
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
}

static void
qbjVmOnBalloon(virDomainObj *vm, virJSONValue *data)
{
    unsigned long long actual;

    if (!data || virJSONValueObjectGetNumberUlong(data, "actual", &actual) < 0)
        return;
    actual = VIR_DIV_UP(actual, 1024);
    vm->def->mem.cur_balloon = actual;
    qbjDomainSaveStatusOrWarn(vm);
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventBalloonChangeNewFromObj(vm, actual));
}

static void
qbjVmOnSerialPort(virDomainObj *vm, virJSONValue *data)
{
    const char *alias = data ? virJSONValueObjectGetString(data, "id") : NULL;
    bool open;

    if (!alias || virJSONValueObjectGetBoolean(data, "open", &open) < 0)
        return;
    if (qbjDomainAgentFollow(vm, alias, open))
        qbjDomainNotifyAgent(vm, open, VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL);
    qbjDomainSaveStatusOrWarn(vm);
}

static const qbjVmEventHandler qbjVmEventHandlers[] = {
    { "SHUTDOWN", qbjVmOnShutdown },
    { "RESET", qbjVmOnReset },
    { "GUEST_PANICKED", qbjVmEventPanicked },
    { "SUSPEND", qbjVmEventSuspend },
    { "SUSPEND_DISK", qbjVmEventSuspendDisk },
    { "WAKEUP", qbjVmEventWakeup },
    { "BLOCK_IO_ERROR", qbjVmEventIoError },
    { "DUMP_COMPLETED", qbjVmDumpStreamCompleted },
    { "BLOCK_WRITE_THRESHOLD", qbjVmThresholdReached },
    { "WATCHDOG", qbjVmEventWatchdog },
    { "DEVICE_TRAY_MOVED", qbjVmTrayMoved },
    { "VNC_CONNECTED", qbjVmEventGraphicsConnected },
    { "VNC_INITIALIZED", qbjVmEventGraphicsInitialized },
    { "VNC_DISCONNECTED", qbjVmEventGraphicsDisconnected },
    { "SPICE_CONNECTED", qbjVmEventGraphicsConnected },
    { "SPICE_INITIALIZED", qbjVmEventGraphicsInitialized },
    { "SPICE_DISCONNECTED", qbjVmEventGraphicsDisconnected },
    { "DEVICE_DELETED", qbjVmUnplugDeleted },
    { "DEVICE_UNPLUG_GUEST_ERROR", qbjVmUnplugRefused },
    { "ACPI_DEVICE_OST", qbjVmUnplugStatus },
    { "STOP", qbjVmOnStop },
    { "RESUME", qbjVmOnResume },
    { "BALLOON_CHANGE", qbjVmOnBalloon },
    { "VSERPORT_CHANGE", qbjVmOnSerialPort },
    { "RTC_CHANGE", qbjVmClockChanged },
};

/* virsh qemu-monitor-event and its API see every event as QEMU sent it. */
static void
qbjVmForward(virDomainObj *vm, const char *name, virJSONValue *qmp, virJSONValue *data)
{
    virJSONValue *stamp = virJSONValueObjectGetObject(qmp, "timestamp");
    g_autofree char *details = data ? virJSONValueToString(data, false) : NULL;
    long long seconds = -1;
    unsigned int micros = 0;

    if (stamp) {
        ignore_value(virJSONValueObjectGetNumberLong(stamp, "seconds", &seconds));
        ignore_value(virJSONValueObjectGetNumberUint(stamp, "microseconds", &micros));
    }
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainQemuMonitorEventNew(vm->def->id, vm->def->name, vm->def->uuid, name,
                                                          seconds, micros, details));
}

static void
qbjVmHandleQmp(virDomainObj *vm, virJSONValue *qmp)
{
    const char *name = virJSONValueObjectGetString(qmp, "event");
    virJSONValue *data = virJSONValueObjectGetObject(qmp, "data");
    size_t i;

    if (!name)
        return;
    qbjVmForward(vm, name, qmp, data);
    qbjEngineHandleQmp(vm, name, data);
    for (i = 0; i < G_N_ELEMENTS(qbjVmEventHandlers); i++) {
        if (STREQ(name, qbjVmEventHandlers[i].name))
            qbjVmEventHandlers[i].handle(vm, data);
    }
}

/* A guest that panicked, for one, has ended before QEMU's answers were there: what they would have led to is
 * not to come any more, and the worker ends the job (domain_queue.c). */
static void
qbjVmEventEnded(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->reconnecting || virDomainObjIsActive(vm))
        return;
    qbjVmCatchupEnded(vm);
    priv->reconnecting = false;
}

void
qbjVmHandleEvent(virDomainObj *vm, qbjDomainEvent *event)
{
    switch (event->type) {
    case QBJ_DOMAIN_EVENT_QMP:
        qbjVmHandleQmp(vm, event->qmp);
        break;
    case QBJ_DOMAIN_EVENT_ESTABLISHED:
    case QBJ_DOMAIN_EVENT_LOST:
        qbjVmCatchupAll(vm);
        break;
    case QBJ_DOMAIN_EVENT_MONITOR_CLOSED:
        qbjVmReconnectLost(vm, event->text);
        break;
    case QBJ_DOMAIN_EVENT_PROCESS_GONE:
        qbjVmReconnectGone(vm);         /* the worker that carries this out ends the job (domain_queue.c) */
        break;
    case QBJ_DOMAIN_EVENT_JOB_TIMER:
        if (event->text)
            qbjEngineHandleTimer(vm, event->text, event->code);
        else if (event->code == QBJ_DOMAIN_TIMER_SAVE)
            qbjDomainSaveStatusAgain(vm);
        else if (event->code == QBJ_DOMAIN_TIMER_UNREAD)
            qbjVmReconnectRead(vm);
        else if (event->code == QBJ_DOMAIN_TIMER_MOMENT)
            QBJ_DOMAIN_PRIVATE(vm)->driver->moments->resume(vm);
        else if (event->code == QBJ_DOMAIN_TIMER_DEVICES)
            qbjVmCatchupDevices(vm);
        else if (event->code == QBJ_DOMAIN_TIMER_STRAY)
            qbjEngineStrayLook(vm);
        else
            qbjVmReconnectAgain(vm);
        break;
    default:
        break;
    }
    qbjVmEventEnded(vm);
    qbjVmUnplugPutOff(vm);
}
