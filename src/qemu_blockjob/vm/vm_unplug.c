#include <config.h>

#include "internal.h"
#include "vm_unplug.h"
#include "vm_plug_plan.h"
#include "vm_plug_record.h"
#include "vm_vcpu.h"
#include "domain_audit.h"
#include "domain_event.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_job.h"
#include "host_label.h"
#include "viralloc.h"
#include "virerror.h"
#include "virlog.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_unplug");

/* How often and how long QEMU is asked to let go of a node that was a device's. */
#define QBJ_VM_UNPLUG_PAUSE_MS 10
#define QBJ_VM_UNPLUG_BUSY_MS 1000

/* A call that waits for the guest; lives on its stack. */
typedef struct _qbjVmUnplugWait qbjVmUnplugWait;
struct _qbjVmUnplugWait {
    const char *alias;
    bool gone;
    bool refused;
};

static void
qbjVmUnplugTell(virDomainObj *vm, const char *alias, bool gone)
{
    GSList *next;

    for (next = QBJ_DOMAIN_PRIVATE(vm)->unplugWaits; next; next = next->next) {
        qbjVmUnplugWait *wait = next->data;

        if (STREQ(wait->alias, alias)) {
            wait->gone = wait->gone || gone;
            wait->refused = wait->refused || !gone;
        }
    }
}

/* --- asking ---------------------------------------------------------------------------------------- */

/* Returns 1 when QEMU has no such device, 0 when it has asked the guest, or is still waiting for it, -1
 * with an error reported. */
static int
qbjVmUnplugSend(virDomainObj *vm, const char *alias)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "device_del" };

    if (virJSONValueObjectAdd(&arguments, "s:id", alias, NULL) < 0)
        return -1;
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    if (!command.failed)
        return 0;
    if (STREQ_NULLABLE(command.errorClass, "DeviceNotFound"))
        return 1;
    if (command.errorText && strstr(command.errorText, "already in the process of unplug"))
        return 0;
    qbjQmpReportError(&command);
    return -1;
}

int
qbjVmUnplugAsk(virDomainObj *vm, const char *alias)
{
    int rc = qbjVmUnplugSend(vm, alias);

    if (rc == 1)
        qbjVmUnplugGone(vm, alias);
    return rc < 0 ? -1 : 0;
}

static int
qbjVmUnplugOutcome(const qbjVmUnplugWait *wait)
{
    if (wait->gone)
        return 0;
    if (wait->refused)
        virReportError(VIR_ERR_OPERATION_FAILED, _("the guest refuses to give up device '%s'"), wait->alias);
    else
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("the guest has not given up device '%s' yet; the request stands, and an event tells when it does"),
                       wait->alias);
    return -1;
}

static int
qbjVmUnplugAwait(virDomainObj *vm, qbjVmUnplugWait *wait, unsigned long long until)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    int domainId = vm->def->id;
    int rc = qbjVmUnplugSend(vm, wait->alias);

    if (rc < 0)
        return -1;
    wait->gone = rc == 1;
    qbjDomainQueueDrain(vm);
    while (vm->def->id == domainId && !wait->gone && !wait->refused && qbjDomainQueueWait(vm, until) == 0)
        ;
    if (vm->def->id != domainId || !priv->status) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
        return -1;
    }
    if (rc == 1)
        qbjVmUnplugGone(vm, wait->alias);
    return qbjVmUnplugOutcome(wait);
}

int
qbjVmUnplugWithin(virDomainObj *vm, const char *alias, unsigned int limitMs)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *name = g_strdup(alias);
    qbjVmUnplugWait wait = { .alias = name };
    unsigned long long until;
    int rc;

    if (virTimeMillisNow(&until) < 0)
        return -1;
    priv->unplugWaits = g_slist_prepend(priv->unplugWaits, &wait);
    rc = qbjVmUnplugAwait(vm, &wait, until + limitMs);
    priv->unplugWaits = g_slist_remove(priv->unplugWaits, &wait);
    return rc;
}

int
qbjVmUnplug(virDomainObj *vm, const char *alias)
{
    return qbjVmUnplugWithin(vm, alias, QBJ_VM_UNPLUG_MS);
}

/* --- what it leaves -------------------------------------------------------------------------------- */

/* QEMU says that it is gone in words only. */
static bool
qbjVmUnplugIsMissing(const qbjQmpCommand *command)
{
    return command->errorText &&
        (strstr(command->errorText, "Failed to find node") || g_str_has_suffix(command->errorText, "not found"));
}

/* Those that QEMU refuses are kept in @commands. Returns 0, -1 with an error reported. */
static int
qbjVmUnplugRemove(virDomainObj *vm, GPtrArray *commands)
{
    g_autofree qbjQmpCommand *run = g_new0(qbjQmpCommand, commands->len + 1);
    size_t n = commands->len;
    size_t i;
    int rc;

    for (i = 0; i < n; i++) {
        const qbjVmArgsPlugged *one = g_ptr_array_index(commands, i);

        run[i].execute = one->execute;
        run[i].arguments = one->arguments;
    }
    rc = qbjDomainQmpRun(vm, run, n);
    for (i = n; i > 0; i--) {
        if (rc == 0 && run[i - 1].failed)
            VIR_DEBUG("vm=%s: %s: %s", vm->def->name, run[i - 1].execute, run[i - 1].errorText);
        if (rc == 0 && (!run[i - 1].failed || qbjVmUnplugIsMissing(&run[i - 1])))
            g_ptr_array_remove_index(commands, i - 1);
        qbjQmpCommandClear(&run[i - 1]);
    }
    return rc;
}

static void
qbjVmUnplugPause(virDomainObj *vm)
{
    virObjectUnlock(vm);
    g_usleep(QBJ_VM_UNPLUG_PAUSE_MS * 1000);
    virObjectLock(vm);
}

/* QEMU says that a device is deleted a moment before it lets go of its nodes. */
int
qbjVmUnplugRemoveAll(virDomainObj *vm, GPtrArray *commands)
{
    unsigned int waited;

    for (waited = 0; commands->len > 0; waited += QBJ_VM_UNPLUG_PAUSE_MS) {
        if (waited > QBJ_VM_UNPLUG_BUSY_MS) {
            VIR_WARN("QEMU of domain '%s' keeps %u nodes or objects that are not used any more", vm->def->name,
                     commands->len);
            return 0;
        }
        if (waited > 0)
            qbjVmUnplugPause(vm);
        if (qbjVmUnplugRemove(vm, commands) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmUnplugRemoval(virDomainObj *vm, const virDomainDeviceDef *dev)
{
    g_autoptr(GPtrArray) commands = qbjVmPlugPlanRemoval(dev);

    return qbjVmUnplugRemoveAll(vm, commands);
}

void
qbjVmUnplugLabels(virDomainObj *vm, const virDomainDeviceDef *dev)
{
    virSecurityManager *security = QBJ_DOMAIN_PRIVATE(vm)->driver->security;
    int rc;

    if (dev->type != VIR_DOMAIN_DEVICE_DISK)
        return;
    virObjectUnlock(vm);                /* the job keeps the definition as it is */
    rc = qbjHostLabelRestoreChain(security, vm->def, dev->data.disk->src);
    virObjectLock(vm);
    if (rc < 0) {
        VIR_WARN("Cannot restore the labels of disk '%s': %s", dev->data.disk->dst, virGetLastErrorMessage());
        virResetLastError();
    }
}

/* --- gone ------------------------------------------------------------------------------------------ */

static size_t
qbjVmUnplugIndex(void *const *list, size_t n, const void *wanted)
{
    size_t i = 0;

    while (i < n && list[i] != wanted)
        i++;
    return i;
}

/* Takes @dev out of the definition; it is the caller's. Returns false for a device that no call plugs out. */
static bool
qbjVmUnplugTake(virDomainDef *def, const virDomainDeviceDef *dev)
{
    size_t i;

    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        i = qbjVmUnplugIndex((void *const *) def->disks, def->ndisks, dev->data.disk);
        virDomainDiskRemove(def, i);
        return true;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        i = qbjVmUnplugIndex((void *const *) def->controllers, def->ncontrollers, dev->data.controller);
        virDomainControllerRemove(def, i);
        return true;
    case VIR_DOMAIN_DEVICE_RNG:
        i = qbjVmUnplugIndex((void *const *) def->rngs, def->nrngs, dev->data.rng);
        virDomainRNGRemove(def, i);
        return true;
    case VIR_DOMAIN_DEVICE_INPUT:
        i = qbjVmUnplugIndex((void *const *) def->inputs, def->ninputs, dev->data.input);
        VIR_DELETE_ELEMENT(def->inputs, i, def->ninputs);
        return true;
    default:
        return false;
    }
}

/* Without an answer the rest is done later, the rights last: QEMU may have the images open until then. */
static void
qbjVmUnplugRest(virDomainObj *vm, virDomainDeviceDef *dev)
{
    if (qbjVmUnplugRemoval(vm, dev) == 0) {
        qbjVmUnplugLabels(vm, dev);
        return;
    }
    VIR_WARN("What domain '%s' had of device '%s' is not taken away yet: %s", vm->def->name,
             virDomainDeviceGetInfo(dev)->alias, virGetLastErrorMessage());
    virResetLastError();
    if (virDomainObjIsActive(vm))
        qbjVmPlugRecordRest(vm, dev);
}

static void
qbjVmUnplugDrop(virDomainObj *vm, virDomainDeviceDef *dev)
{
    g_autofree char *alias = g_strdup(virDomainDeviceGetInfo(dev)->alias);

    qbjVmPlugListRemove(vm, alias);
    qbjVmUnplugRest(vm, dev);
    if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        virDomainAuditDisk(vm, dev->data.disk->src, NULL, "detach", true);
    if (!virDomainObjIsActive(vm))
        return;
    qbjDomainSaveStatusOrWarn(vm);
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventDeviceRemovedNewFromObj(vm, alias));
}

static bool
qbjVmUnplugIsBusy(virDomainObj *vm, const virDomainDeviceDef *dev)
{
    return dev->type == VIR_DOMAIN_DEVICE_DISK && qbjEngineJobFindByDisk(vm, dev->data.disk->dst);
}

static void
qbjVmUnplugDelay(virDomainObj *vm, const char *alias)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!g_slist_find_custom(priv->unplugged, alias, (GCompareFunc) (void (*)(void)) strcmp))
        priv->unplugged = g_slist_prepend(priv->unplugged, g_strdup(alias));
}

void
qbjVmUnplugGone(virDomainObj *vm, const char *alias)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };
    virDomainDeviceDef *dev;

    if (virDomainDefFindDevice(vm->def, alias, &found, false) < 0)
        return;
    if (qbjVmUnplugIsBusy(vm, &found)) {
        qbjVmUnplugDelay(vm, alias);
        return;
    }
    if (!qbjVmUnplugTake(vm->def, &found))
        return;
    dev = g_new0(virDomainDeviceDef, 1);
    *dev = found;
    qbjVmUnplugDrop(vm, dev);
    virDomainDeviceDefFree(dev);
}

void
qbjVmUnplugPutOff(virDomainObj *vm)
{
    GSList *put = g_steal_pointer(&QBJ_DOMAIN_PRIVATE(vm)->unplugged);
    GSList *next;

    for (next = put; next && virDomainObjIsActive(vm); next = next->next)
        qbjVmUnplugGone(vm, next->data);
    g_slist_free_full(put, g_free);
}

/* --- events ---------------------------------------------------------------------------------------- */

/* Without an id it is a part of a device, or one of the machine's own (09/H2.7). */
void
qbjVmUnplugDeleted(virDomainObj *vm, virJSONValue *data)
{
    const char *alias = data ? virJSONValueObjectGetString(data, "device") : NULL;

    qbjVmVcpuDeleted(vm, data);
    if (!alias)
        return;
    qbjVmUnplugGone(vm, alias);
    qbjVmUnplugTell(vm, alias, true);
}

static void
qbjVmUnplugFailed(virDomainObj *vm, const char *alias)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };

    qbjVmUnplugTell(vm, alias, false);
    if (virDomainDefFindDevice(vm->def, alias, &found, false) == 0)
        virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                                 virDomainEventDeviceRemovalFailedNewFromObj(vm, alias));
}

void
qbjVmUnplugRefused(virDomainObj *vm, virJSONValue *data)
{
    const char *alias = data ? virJSONValueObjectGetString(data, "device") : NULL;

    if (alias)
        qbjVmUnplugFailed(vm, alias);
}

/* What the guest says through ACPI's _OST: sources 0x03 and 0x103 are about an ejection, and of their
 * status codes 0 is success, 0x84 that it goes on. */
void
qbjVmUnplugStatus(virDomainObj *vm, virJSONValue *data)
{
    virJSONValue *info = data ? virJSONValueObjectGetObject(data, "info") : NULL;
    const char *alias = info ? virJSONValueObjectGetString(info, "device") : NULL;
    unsigned int source;
    unsigned int status;

    if (!alias || virJSONValueObjectGetNumberUint(info, "source", &source) < 0 ||
        virJSONValueObjectGetNumberUint(info, "status", &status) < 0)
        return;
    if ((source == 0x03 || source == 0x103) && status != 0 && status != 0x84)
        qbjVmUnplugFailed(vm, alias);
}
