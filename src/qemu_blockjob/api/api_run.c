#include <config.h>

#include "internal.h"
#include "api_run.h"
#include "api_define.h"
#include "api_domain.h"
#include "api_save.h"
#include "api_saved.h"
#include "datatypes.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_hold.h"
#include "vm_start.h"
#include "vm_stop.h"
#include "hypervisor/virclosecallbacks.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_run");

/* Its connection has gone. As by virDomainDestroy, the process is ended before any job is waited for; whoever
 * has the job may keep it for any time, and hears of it then. A revert of a transient domain gives it another
 * run, and sees to that itself; the next run of a persistent one is not the connection's. */
static void
qbjApiAutoDestroy(virDomainObj *vm, virConnectPtr conn G_GNUC_UNUSED)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool goesOn = priv->reverting && !vm->persistent;
    int domainId = vm->def->id;

    if (!virDomainObjIsActive(vm) && !goesOn)
        return;
    priv->destroyed = true;
    if (goesOn)
        VIR_WARN("Domain '%s' goes with its connection, in the middle of a revert", vm->def->name);
    if (virDomainObjIsActive(vm))
        ignore_value(qbjVmStopProcess(vm, false));
    if (!goesOn && virDomainObjBeginJob(vm, VIR_JOB_DESTROY) == 0) {
        if (virDomainObjIsActive(vm) && vm->def->id == domainId)
            qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
        qbjDomainJobEnd(vm);
    }
    virResetLastError();                /* whoever ends the run logs what is left */
}

/* With the managed save image, if there is one: a cold start would lose the guest that is saved in it. */
static int
qbjApiStartAny(virDomainObj *vm, unsigned int flags)
{
    qbjVmStartHow how = {
        .paused = flags & VIR_DOMAIN_START_PAUSED,
        .resetNvram = flags & VIR_DOMAIN_START_RESET_NVRAM,
    };
    int rc;

    if (vm->persistent && qbjApiSavedImageExists(vm)) {
        if (flags & VIR_DOMAIN_START_FORCE_BOOT) {
            if (qbjApiSaveForget(vm) < 0)
                return -1;
        } else if ((rc = qbjApiSaveStart(vm, flags)) <= 0) {
            return rc;
        }
    }
    return qbjVmStart(vm, &how);
}

int
qbjApiStart(virDomainObj *vm, unsigned int flags, virConnectPtr conn)
{
    if (virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is already running"));
        return -1;
    }
    if (qbjApiStartAny(vm, flags) < 0)
        return -1;
    if (conn)
        virCloseCallbacksDomainAdd(vm, conn, qbjApiAutoDestroy);
    return 0;
}

void
qbjApiCreateUndo(qbjDriver *driver, virDomainObj *vm)
{
    virErrorPtr reason;

    if (virDomainObjIsActive(vm) || vm->removing)
        return;
    virErrorPreserveLast(&reason);
    virDomainObjRemoveTransientDef(vm);
    if (!vm->persistent) {
        driver->moments->forget(vm);
        virDomainObjListRemove(driver->domains, vm);
    }
    virErrorRestore(&reason);
}

/* A managed save would be started with the definition that is saved in it, not with the client's. */
static int
qbjApiCreateCheck(virDomainObj *vm)
{
    if (!vm->persistent || !qbjApiSavedImageExists(vm))
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("domain '%s' has a managed save image, and can only be started as it is defined"), vm->def->name);
    return -1;
}

virDomainPtr
qbjApiCreateXML(virConnectPtr conn, const char *xml, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;
    unsigned int parseFlags = VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE;
    g_autoptr(virDomainDef) def = NULL;
    virDomainObj *vm = NULL;
    virDomainPtr domain = NULL;

    virCheckFlags(VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_VALIDATE |
                  VIR_DOMAIN_START_RESET_NVRAM, NULL);

    if (flags & VIR_DOMAIN_START_VALIDATE)
        parseFlags |= VIR_DOMAIN_DEF_PARSE_VALIDATE_SCHEMA;
    if (!(def = qbjApiParse(driver, xml, parseFlags)) ||
        virDomainCreateXMLEnsureACL(conn, def) < 0 ||
        !(vm = virDomainObjListAdd(driver->domains, &def, driver->xmlopt,
                                   VIR_DOMAIN_OBJ_LIST_ADD_LIVE | VIR_DOMAIN_OBJ_LIST_ADD_CHECK_LIVE, NULL)))
        return NULL;

    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        if (qbjApiCreateCheck(vm) == 0 &&
            qbjApiStart(vm, flags, flags & VIR_DOMAIN_START_AUTODESTROY ? conn : NULL) == 0)
            domain = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id);
        else
            qbjApiCreateUndo(driver, vm);
        qbjDomainJobEnd(vm);
    } else {
        qbjApiCreateUndo(driver, vm);
    }
    virDomainObjEndAPI(&vm);
    return domain;
}

int
qbjApiCreateWithFlags(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_BYPASS_CACHE |
                  VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_RESET_NVRAM, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainCreateWithFlagsEnsureACL(domain->conn, vm->def) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjApiStart(vm, flags, flags & VIR_DOMAIN_START_AUTODESTROY ? domain->conn : NULL);
        if (ret == 0)
            domain->id = vm->def->id;
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiCreate(virDomainPtr domain)
{
    return qbjApiCreateWithFlags(domain, 0);
}

/* Whoever has the job keeps it. Where no process has been ended the run goes on, and nobody is to hear later
 * that its end was asked for; but a revert of a transient domain has heard of it. */
static void
qbjApiDestroyGiveUp(virDomainObj *vm, int domainId, bool ended)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!ended && vm->def->id == domainId && !(priv->reverting && !vm->persistent))
        priv->destroyed = false;
}

/* The process is ended before any job is waited for: a call that hangs in QEMU fails by it and lets go. */
static int
qbjApiDestroyNow(virDomainObj *vm, bool graceful)
{
    int domainId = vm->def->id;
    bool ended = vm->pid > 0;
    int ret = 0;

    QBJ_DOMAIN_PRIVATE(vm)->destroyed = true;
    if (qbjVmStopProcess(vm, graceful) < 0) {
        QBJ_DOMAIN_PRIVATE(vm)->destroyed = false;
        return -1;
    }
    /* A worker that has seen the end and done the rest may still be taking a transient domain from the list:
     * its job is waited for below. */
    if (vm->persistent && (!virDomainObjIsActive(vm) || vm->def->id != domainId))
        return 0;
    if (virDomainObjBeginJob(vm, VIR_JOB_DESTROY) < 0) {
        if (virDomainObjIsActive(vm)) {
            qbjApiDestroyGiveUp(vm, domainId, ended);
            return -1;
        }
        virResetLastError();            /* gone from the list meanwhile: that is what was asked for */
        return 0;
    }
    qbjDomainQueueDrain(vm);
    if (virDomainObjIsActive(vm) && vm->def->id == domainId)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    if (virDomainObjIsActive(vm) && vm->def->id == domainId) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("QEMU of domain '%s' has ended, but the domain stays listed until its definition can be saved"),
                       vm->def->name);
        ret = -1;
    }
    qbjDomainJobEnd(vm);
    return ret;
}

int
qbjApiDestroyFlags(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_DESTROY_GRACEFUL, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainDestroyFlagsEnsureACL(domain->conn, vm->def) == 0 && virDomainObjCheckActive(vm) == 0)
        ret = qbjApiDestroyNow(vm, flags & VIR_DOMAIN_DESTROY_GRACEFUL);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiDestroy(virDomainPtr domain)
{
    return qbjApiDestroyFlags(domain, 0);
}

/* State, file and event after stop or cont has been answered. */
static void
qbjApiRunState(virDomainObj *vm, virDomainState state, int reason, virDomainEventType event, int detail)
{
    if (virDomainObjGetState(vm, NULL) == state)
        return;
    virDomainObjSetState(vm, state, reason);
    qbjDomainSaveStatusOrWarn(vm);
    qbjDomainNotifyLifecycle(vm, event, detail);
}

/* A guest that sleeps by its own wish is woken, not resumed. */
static int
qbjApiCheckAwake(virDomainObj *vm)
{
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PMSUSPENDED) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is pmsuspended"));
        return -1;
    }
    return 0;
}

static int
qbjApiSuspendNow(virDomainObj *vm)
{
    if (qbjApiCheckAwake(vm) < 0)
        return -1;
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)       /* one that has crashed stays crashed */
        return 0;
    if (qbjDomainQmpCall(vm, "stop", NULL, NULL) < 0)
        return -1;
    qbjApiRunState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VIR_DOMAIN_EVENT_SUSPENDED,
                   VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    return 0;
}

static int
qbjApiResumeNow(virDomainObj *vm)
{
    if (qbjApiCheckAwake(vm) < 0)
        return -1;
    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is already running"));
        return -1;
    }
    /* one that stands still for a pivot goes on after it */
    if (!qbjEngineHoldDelays(vm) && qbjDomainQmpCall(vm, "cont", NULL, NULL) < 0)
        return -1;
    qbjApiRunState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED, VIR_DOMAIN_EVENT_RESUMED,
                   VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    return 0;
}

/* The common shape of calls that change a domain under its MODIFY job. */
static int
qbjApiModify(virDomainPtr domain, int (*ensureACL)(virConnectPtr conn, virDomainDef *def),
             int (*change)(virDomainObj *vm))
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (ensureACL(domain->conn, vm->def) == 0 && virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = change(vm);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSuspend(virDomainPtr domain)
{
    return qbjApiModify(domain, virDomainSuspendEnsureACL, qbjApiSuspendNow);
}

int
qbjApiResume(virDomainPtr domain)
{
    return qbjApiModify(domain, virDomainResumeEnsureACL, qbjApiResumeNow);
}
