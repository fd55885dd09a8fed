#include <config.h>

#include "internal.h"
#include "api_event.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_event.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_info.h"
#include "engine_job.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_event");

int
qbjApiEventRegister(virConnectPtr conn, virConnectDomainEventCallback callback, void *opaque, virFreeCallback freecb)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectDomainEventRegisterEnsureACL(conn) < 0)
        return -1;
    return virDomainEventStateRegister(conn, driver->events, callback, opaque, freecb) < 0 ? -1 : 0;
}

int
qbjApiEventDeregister(virConnectPtr conn, virConnectDomainEventCallback callback)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectDomainEventDeregisterEnsureACL(conn) < 0)
        return -1;
    return virDomainEventStateDeregister(conn, driver->events, callback) < 0 ? -1 : 0;
}

int
qbjApiEventRegisterAny(virConnectPtr conn, virDomainPtr domain, int eventID,
                       virConnectDomainEventGenericCallback callback, void *opaque, virFreeCallback freecb)
{
    qbjDriver *driver = conn->privateData;
    int id = -1;

    if (virConnectDomainEventRegisterAnyEnsureACL(conn) < 0)
        return -1;
    if (virDomainEventStateRegisterID(conn, driver->events, domain, eventID, callback, opaque, freecb, &id) < 0)
        return -1;
    return id;
}

int
qbjApiEventDeregisterAny(virConnectPtr conn, int callbackID)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectDomainEventDeregisterAnyEnsureACL(conn) < 0)
        return -1;
    return virObjectEventStateDeregisterID(conn, driver->events, callbackID, true) < 0 ? -1 : 0;
}

int
qbjApiMonitorEventRegister(virConnectPtr conn, virDomainPtr domain, const char *event,
                           virConnectDomainQemuMonitorEventCallback callback, void *opaque, virFreeCallback freecb,
                           unsigned int flags)
{
    qbjDriver *driver = conn->privateData;
    int id = -1;

    if (virConnectDomainQemuMonitorEventRegisterEnsureACL(conn) < 0)
        return -1;
    if (virDomainQemuMonitorEventStateRegisterID(conn, driver->events, domain, event, callback, opaque, freecb, flags,
                                                 &id) < 0)
        return -1;
    return id;
}

int
qbjApiMonitorEventDeregister(virConnectPtr conn, int callbackID)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectDomainQemuMonitorEventDeregisterEnsureACL(conn) < 0)
        return -1;
    return virObjectEventStateDeregisterID(conn, driver->events, callbackID, true) < 0 ? -1 : 0;
}

/* A person's command can change everything that we know: the domain is tainted, and images count as ones that
 * may have bitmaps from now on. While a job may hold the guest it would hang the monitor (protocol H6). */
static int
qbjApiMonitorAllowed(virDomainObj *vm)
{
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (qbjEngineHoldsGuest(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("a block job of the domain is just being completed"));
        return -1;
    }
    if (virDomainObjTaint(vm, VIR_DOMAIN_TAINT_CUSTOM_MONITOR))
        VIR_WARN("Domain '%s' is tainted: custom-monitor", vm->def->name);
    if (!QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps) {
        QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps = true;
        return qbjDomainSaveStatus(vm);
    }
    return 0;
}

/* @vm is locked; the lock is dropped while QEMU answers. */
static int
qbjApiMonitorPassthrough(virDomainObj *vm, const char *cmd, char **result)
{
    g_autoptr(qbjQmp) qmp = NULL;
    g_autoptr(virJSONValue) reply = NULL;
    int rc;

    if (qbjDomainQmpCheck(vm) < 0)
        return -1;
    qmp = qbjQmpRef(QBJ_DOMAIN_PRIVATE(vm)->qmp);
    virObjectUnlock(vm);
    rc = qbjQmpPassthrough(qmp, cmd, &reply);
    virObjectLock(vm);
    if (rc < 0)
        return -1;
    *result = virJSONValueToString(reply, false);
    return *result ? 0 : -1;
}

static int
qbjApiMonitorHmp(virDomainObj *vm, const char *cmd, char **result)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) reply = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:command-line", cmd, NULL) < 0 ||
        qbjDomainQmpCall(vm, "human-monitor-command", arguments, &reply) < 0)
        return -1;
    *result = g_strdup(NULLSTR_EMPTY(reply ? virJSONValueGetString(reply) : NULL));
    return 0;
}

int
qbjApiMonitorCommand(virDomainPtr domain, const char *cmd, char **result, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainQemuMonitorCommandEnsureACL(domain->conn, vm->def) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        if (qbjApiMonitorAllowed(vm) == 0)
            ret = flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP ? qbjApiMonitorHmp(vm, cmd, result)
                                                              : qbjApiMonitorPassthrough(vm, cmd, result);
        qbjEngineInfoForget(vm);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}
