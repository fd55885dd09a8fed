#include <config.h>

#include "internal.h"
#include "vm_savestream.h"
#include "domain_notify.h"
#include "domain_operation.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virerror.h"
#include "virqbjfault.h"
#include "virqbjjson.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* How often QEMU is asked how far it is; that it has ended is told by an event. */
#define QBJ_VM_SAVE_POLL_MS 100
/* How long a stream that was called off may take to end, on storage that hangs, before the guest goes on
 * all the same. */
#define QBJ_VM_SAVE_CANCEL_MS 10000
/* A load is asked after in steps that double up to this. */
#define QBJ_VM_SAVE_LOAD_MS 50
#define QBJ_VM_SAVE_FD "qbj-save"
#define QBJ_VM_SAVE_EXPORT "qbj-activate"

static unsigned long long
qbjVmSaveStreamNow(void)
{
    unsigned long long now = 0;

    ignore_value(virTimeMillisNow(&now));
    return now;
}

/* QEMU writes the state of a guest that stands still once. */
static int
qbjVmSaveStreamCheckTwice(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PAUSED)
        return 0;
    if (qbjDomainQmpCall(vm, "query-status", NULL, &reply) < 0)
        return -1;
    if (STRNEQ_NULLABLE(virJSONValueObjectGetString(reply, "status"), "postmigrate"))
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                   _("the state of the guest has been written since it was paused, and QEMU does not do that twice: it "
                     "has to be resumed first"));
    return -1;
}

int
qbjVmSaveStreamCheck(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;
    virJSONValue *reasons;

    if (qbjVmSaveStreamCheckTwice(vm) < 0 || qbjDomainQmpCall(vm, "query-migrate", NULL, &reply) < 0)
        return -1;
    reasons = virJSONValueObjectGetArray(reply, "blocked-reasons");
    if (!reasons || virJSONValueArraySize(reasons) == 0)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("cannot save domain: %s"),
                   NULLSTR(virJSONValueGetString(virJSONValueArrayGet(reasons, 0))));
    return -1;
}

/* {"capability": @name, "state": @on} */
static int
qbjVmSaveStreamAddCapability(virJSONValue *list, const char *name, bool on)
{
    g_autoptr(virJSONValue) one = NULL;

    if (virJSONValueObjectAdd(&one, "s:capability", name, "b:state", on, NULL) < 0)
        return -1;
    return virJSONValueArrayAppend(list, &one);
}

/* Whatever somebody has switched on is for migrations between hosts; events are what we wait for. */
static int
qbjVmSaveStreamCapabilities(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;
    g_autoptr(virJSONValue) list = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;
    size_t i;

    if (qbjDomainQmpCall(vm, "query-migrate-capabilities", NULL, &reply) < 0 ||
        qbjVmSaveStreamAddCapability(list, "events", true) < 0)
        return -1;
    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *one = virJSONValueArrayGet(reply, i);
        const char *name = virJSONValueObjectGetString(one, "capability");
        bool on = false;

        ignore_value(virJSONValueObjectGetBoolean(one, "state", &on));
        if (on && STRNEQ_NULLABLE(name, "events") && qbjVmSaveStreamAddCapability(list, name, false) < 0)
            return -1;
    }
    if (virJSONValueObjectAdd(&arguments, "a:capabilities", &list, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "migrate-set-capabilities", arguments, NULL);
}

static int
qbjVmSaveStreamNoLimit(virDomainObj *vm)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "U:max-bandwidth", (unsigned long long) LLONG_MAX >> 20 << 20, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "migrate-set-parameters", arguments, NULL);
}

/* --- the guest --- */

static void
qbjVmSaveStreamSetStopped(virDomainObj *vm, virDomainPausedReason reason)
{
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, reason);
    qbjDomainSaveStatusOrWarn(vm);
}

int
qbjVmSaveStreamStop(virDomainObj *vm, virDomainPausedReason reason)
{
    qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;

    qbjDomainQueueDrain(vm);            /* else QEMU's word of an earlier resume is taken for the end of this stop */
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return 0;
    if (qbjDomainQmpCall(vm, "stop", NULL, NULL) < 0)
        return -1;
    if (operation)
        operation->stopped = qbjVmSaveStreamNow();
    qbjVmSaveStreamSetStopped(vm, reason);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    qbjDomainQueueDrain(vm);            /* QEMU's own word of it is no news */
    return virDomainObjCheckActive(vm);
}

int
qbjVmSaveStreamStopped(virDomainObj *vm, virDomainPausedReason reason)
{
    bool told;
    int why;

    qbjDomainQueueDrain(vm);
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    told = virDomainObjGetState(vm, &why) == VIR_DOMAIN_PAUSED;
    if (told ? why != VIR_DOMAIN_PAUSED_UNKNOWN : virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return 0;
    qbjVmSaveStreamSetStopped(vm, reason);
    if (!told)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    return 0;
}

int
qbjVmSaveStreamGoOn(virDomainObj *vm, virDomainRunningReason reason)
{
    bool told;

    if (qbjVmSaveStreamCont(vm) < 0)
        return -1;
    virResetLastError();
    /* QEMU's event may have been looked at already, but only we know why the guest goes on */
    told = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    if (!told && virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PAUSED)
        return 0;
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, reason);
    qbjDomainSaveStatusOrWarn(vm);
    if (!told)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    return 0;
}

/* QEMU activates what it is to export, before it finds that there is no server for it. */
static void
qbjVmSaveStreamActivateNode(virDomainObj *vm, const char *node)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) end = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "block-export-add" };

    if (virJSONValueObjectAdd(&arguments, "s:type", "nbd", "s:id", QBJ_VM_SAVE_EXPORT, "s:node-name", node, NULL) < 0)
        return;
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0 || command.failed)
        return;
    if (virJSONValueObjectAdd(&end, "s:id", QBJ_VM_SAVE_EXPORT, "s:mode", "hard", NULL) >= 0)
        ignore_value(qbjDomainQmpCall(vm, "block-export-del", end, NULL));
}

void
qbjVmSaveStreamActivate(virDomainObj *vm)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(g_free);
    virErrorPtr reason;
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        const virDomainDiskDef *disk = vm->def->disks[i];
        const char *filter = disk->privateData ? VIR_QBJ_DISK_PRIVATE(disk)->nodeCopyOnRead : NULL;

        if (disk->src->nodeformat)
            g_ptr_array_add(nodes, g_strdup(filter ? filter : disk->src->nodeformat));
    }
    virErrorPreserveLast(&reason);
    for (i = 0; i < nodes->len; i++)
        qbjVmSaveStreamActivateNode(vm, g_ptr_array_index(nodes, i));
    virErrorRestore(&reason);
}

/* --- the stream --- */

int
qbjVmSaveStreamBegin(virDomainObj *vm, qbjHostImage *file)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (qbjVmSaveStreamCapabilities(vm) < 0 || qbjVmSaveStreamNoLimit(vm) < 0 ||
        virJSONValueObjectAdd(&arguments, "s:uri", "fd:" QBJ_VM_SAVE_FD, NULL) < 0 ||
        qbjDomainQmpPassFd(vm, QBJ_VM_SAVE_FD, qbjHostImageStream(file)) < 0)
        return -1;
    qbjHostImageCloseStream(file);
    if (qbjDomainQmpCall(vm, "migrate", arguments, NULL) == 0)
        return 0;
    qbjDomainQmpTakeFdBack(vm, QBJ_VM_SAVE_FD);
    return -1;
}

/* Words of query-migrate; NULL: QEMU knows of no stream. */
static bool
qbjVmSaveStreamRuns(const char *status)
{
    static const char *const ended[] = { "none", "completed", "failed", "cancelled", NULL };

    return status && !g_strv_contains(ended, status);
}

/* Returns 1 while it runs, 0 when all is written, -1 with an error reported. */
static int
qbjVmSaveStreamLook(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;
    const char *status;

    if (qbjDomainQmpCall(vm, "query-migrate", NULL, &reply) < 0)
        return -1;
    status = virJSONValueObjectGetString(reply, "status");
    qbjDomainOperationRead(QBJ_DOMAIN_PRIVATE(vm)->operation, reply);
    if (STREQ_NULLABLE(status, "completed"))
        return 0;
    if (qbjVmSaveStreamRuns(status))
        return 1;
    virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU could not write the state of the guest: %s"),
                   NULLSTR_EMPTY(virJSONValueObjectGetString(reply, "error-desc")));
    return -1;
}

int
qbjVmSaveStreamWait(virDomainObj *vm)
{
    int rc;

    while ((rc = qbjVmSaveStreamLook(vm)) > 0) {
        qbjDomainQueueWait(vm, qbjVmSaveStreamNow() + QBJ_VM_SAVE_POLL_MS);
        if (qbjDomainOperationCheck(vm) < 0)
            return -1;
    }
    return rc;
}

static int
qbjVmSaveStreamStatus(virDomainObj *vm, char **status)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainQmpCall(vm, "query-migrate", NULL, &reply) < 0)
        return -1;
    *status = g_strdup(virJSONValueObjectGetString(reply, "status"));
    return 0;
}

int
qbjVmSaveStreamCancel(virDomainObj *vm)
{
    unsigned long long until = qbjVmSaveStreamNow() + QBJ_VM_SAVE_CANCEL_MS;
    unsigned int ms = 1;
    bool asked = false;

    for (;;) {
        g_autofree char *status = NULL;

        if (qbjVmSaveStreamStatus(vm, &status) < 0)
            return -1;
        if (!qbjVmSaveStreamRuns(status) || qbjVmSaveStreamNow() >= until)
            return qbjDomainQmpDropFd(vm, QBJ_VM_SAVE_FD);
        if (!asked && qbjDomainQmpCall(vm, "migrate_cancel", NULL, NULL) < 0)
            return -1;
        asked = true;
        virObjectUnlock(vm);
        g_usleep(ms * 1000);
        virObjectLock(vm);
        ms = MIN(ms * 2, QBJ_VM_SAVE_LOAD_MS);
    }
}

int
qbjVmSaveStreamIsWritten(virDomainObj *vm, bool *written)
{
    g_autofree char *status = NULL;

    if (qbjVmSaveStreamStatus(vm, &status) < 0)
        return -1;
    *written = STREQ_NULLABLE(status, "completed");
    return 0;
}

int
qbjVmSaveStreamLoad(virDomainObj *vm, int fd)
{
    g_autofree char *uri = g_strdup_printf("fd:%d", fd);
    g_autoptr(virJSONValue) arguments = NULL;
    unsigned int ms = 1;

    if (virJSONValueObjectAdd(&arguments, "s:uri", uri, NULL) < 0 ||
        qbjDomainQmpCall(vm, "migrate-incoming", arguments, NULL) < 0)
        return -1;
    for (;;) {
        g_autofree char *status = NULL;

        if (qbjVmSaveStreamStatus(vm, &status) < 0)
            return -1;
        if (STREQ_NULLABLE(status, "completed"))
            return 0;
        if (STREQ_NULLABLE(status, "failed")) {
            virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU could not read the state of the guest"));
            return -1;
        }
        virObjectUnlock(vm);
        g_usleep(ms * 1000);
        virObjectLock(vm);
        ms = MIN(ms * 2, QBJ_VM_SAVE_LOAD_MS);
    }
}

#define QBJ_VM_SAVESTREAM_CONT_TRIES 50
#define QBJ_VM_SAVESTREAM_CONT_US 10000

int
qbjVmSaveStreamCont(virDomainObj *vm)
{
    size_t i;

    for (i = 0; virDomainObjIsActive(vm) && i < QBJ_VM_SAVESTREAM_CONT_TRIES; i++) {
        g_auto(qbjQmpCommand) command = { .execute = "cont" };

        if (virQbjFaultHit("vm-cont")) {
            virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: the guest does not go on");
            return -1;
        }
        if (qbjDomainQmpTry(vm, &command) < 0)
            return -1;
        if (!command.failed)
            return 0;
        qbjQmpReportError(&command);
        virObjectUnlock(vm);
        g_usleep(QBJ_VM_SAVESTREAM_CONT_US);
        virObjectLock(vm);
    }
    return -1;
}
