#include <config.h>

#include "internal.h"
#include "vm_catchup.h"
#include "vm_chain.h"
#include "vm_devices.h"
#include "vm_hook.h"
#include "vm_plug_record.h"
#include "vm_power.h"
#include "vm_refresh.h"
#include "vm_save.h"
#include "vm_start.h"
#include "vm_stop.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_step.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_catchup");

#define QBJ_VM_CATCHUP_SAVE_MS 2000

bool
qbjVmCatchupHasWork(const virQbjStatus *status)
{
    return status->jobs->len > 0 || status->save || status->snapshot || status->inside || status->plug ||
           status->medium || status->next || status->thaw ||
           status->starting != VIR_TRISTATE_BOOL_ABSENT;
}

bool
qbjVmCatchupListsLater(virDomainObj *vm)
{
    const qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    return priv->driver->crowded && priv->reconnecting && priv->status->devices &&
           !qbjVmCatchupHasWork(priv->status);
}

void
qbjVmCatchupEnded(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->operation && vm->persistent && !virDomainObjIsActive(vm) && priv->driver->moments->ready(vm) < 0)
        virResetLastError();            /* logged; asked again before the domain is started */
}

/* What QEMU refuses in a start ends it: the guest has not run. Keeps the error. */
static void
qbjVmCatchupRefused(virDomainObj *vm)
{
    virErrorPtr reason;

    VIR_ERROR("Domain '%s' was being started when the daemon ended, and cannot be: %s", vm->def->name,
              virGetLastErrorMessage());
    virErrorPreserveLast(&reason);
    qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
    qbjVmCatchupEnded(vm);
    QBJ_DOMAIN_PRIVATE(vm)->reconnecting = false;
    virErrorRestore(&reason);
}

/* Does the rest of a start in which the daemon died. In one without a record, as an older version leaves it,
 * deep chains may be in pieces: the guest has not run yet, and must not before they are whole. Returns 0, -1
 * with an error reported: to be called again, unless @vm has ended. */
static int
qbjVmCatchupStart(virDomainObj *vm)
{
    int reason;

    if (QBJ_DOMAIN_PRIVATE(vm)->status->starting != VIR_TRISTATE_BOOL_ABSENT) {
        if (qbjVmStartGoOn(vm) == 0)
            return 0;
        /* QEMU's answer; a daemon that is in trouble itself reports another error, and tries again */
        if (virGetLastErrorCode() == VIR_ERR_INTERNAL_ERROR && virDomainObjIsActive(vm))
            qbjVmCatchupRefused(vm);
        return -1;
    }

    if (virDomainObjGetState(vm, &reason) != VIR_DOMAIN_PAUSED || reason != VIR_DOMAIN_PAUSED_STARTING_UP ||
        QBJ_DOMAIN_PRIVATE(vm)->status->save)
        return 0;
    if (qbjVmChainLink(vm) < 0)
        return -1;
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    return 0;
}

/* A file that says the same as before can wait until all domains have been taken up: what it does not say
 * yet, as the balloon, the next daemon asks QEMU again. */
static void
qbjVmCatchupSave(virDomainObj *vm, bool news)
{
    if (news)
        qbjDomainSaveStatusOrWarn(vm);
    else
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_SAVE, QBJ_VM_CATCHUP_SAVE_MS);
}

static void
qbjVmCatchupTell(virDomainObj *vm)
{
    qbjVmHookTellLater(vm, VIR_HOOK_QEMU_OP_RECONNECT);
    if (virDomainSnapshotObjListNum(vm->snapshots, NULL, 0) > 0)
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_MOMENT, 0);
}

/* What QEMU says of itself, and the rest of a start. Returns false when the connection broke again, or there
 * is no answer yet: the next ESTABLISHED or timer comes back here. */
static bool
qbjVmCatchupAsk(virDomainObj *vm, bool *panicked, virJSONValue **devices)
{
    if (qbjVmRefresh(vm, panicked, devices) == 0 && qbjVmCatchupStart(vm) == 0)
        return true;
    if (virDomainObjIsActive(vm)) {
        VIR_WARN("Domain '%s' does not answer: %s", vm->def->name, virGetLastErrorMessage());
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
    }
    virResetLastError();
    return false;
}

/* @devices: NULL when QEMU was not asked, or has refused. */
static void
qbjVmCatchupPlugged(virDomainObj *vm, virJSONValue *devices, bool later)
{
    if (devices && virDomainObjIsActive(vm))
        qbjVmPlugResume(vm, devices);
    if (later)
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_DEVICES, QBJ_VM_CATCHUP_MS);
}

/* The rest of a save, a restore or what was under way with snapshots. */
static void
qbjVmCatchupWork(virDomainObj *vm)
{
    if (qbjVmSaveResume(vm) == 0 && QBJ_DOMAIN_PRIVATE(vm)->driver->moments->settle(vm) == 0)
        return;
    VIR_WARN("Domain '%s' has work left, and does not answer: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    if (virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_CATCHUP_MS);
}

/* It runs on. */
static void
qbjVmCatchupOn(virDomainObj *vm, bool news, bool panicked)
{
    qbjVmCatchupSave(vm, news);
    if (QBJ_DOMAIN_PRIVATE(vm)->reconnecting)           /* a monitor that came back is no news to a script */
        qbjVmCatchupTell(vm);
    if (panicked)
        qbjVmPowerCrash(vm);
}

void
qbjVmCatchupAll(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(virJSONValue) devices = NULL;
    bool news = !priv->reconnecting || qbjVmCatchupHasWork(priv->status);
    virDomainStateReason before = vm->state;
    bool later = qbjVmCatchupListsLater(vm);
    bool panicked = false;

    if (priv->starting || !qbjVmCatchupAsk(vm, &panicked, later ? NULL : &devices))
        return;
    qbjVmDevicesReconnect(vm);
    qbjEngineResume(vm);
    qbjVmCatchupPlugged(vm, devices, later);
    qbjVmCatchupWork(vm);
    if (virDomainObjIsActive(vm))
        qbjVmCatchupOn(vm, news || vm->state.state != before.state || vm->state.reason != before.reason, panicked);
    else                                /* it is saved, or a restore is given up */
        qbjVmCatchupEnded(vm);
    priv->reconnecting = false;         /* the worker that carries this out ends the job (domain_queue.c) */
}

void
qbjVmCatchupDevices(virDomainObj *vm)
{
    g_autoptr(virJSONValue) peripheral = qbjVmPlugQuestion();
    g_autoptr(virJSONValue) devices = NULL;

    if (!virQbjFaultHit("devices") && peripheral && qbjDomainQmpCall(vm, "qom-list", peripheral, &devices) == 0) {
        if (!virDomainObjIsActive(vm))
            return;
        qbjVmPlugResume(vm, devices);
        qbjDomainSaveStatusSoon(vm);
    } else if (virDomainObjIsActive(vm)) {
        VIR_WARN("Domain '%s' does not say what is plugged in, asked again: %s", vm->def->name,
                 virGetLastErrorMessage());
        qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_DEVICES, QBJ_VM_CATCHUP_MS);
    }
    virResetLastError();
}
