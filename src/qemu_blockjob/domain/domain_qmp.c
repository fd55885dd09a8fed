#include <config.h>

#include "internal.h"
#include "domain_qmp.h"
#include "domain_agent.h"
#include "domain_connect.h"
#include "domain_questions.h"
#include "domain_queue.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What the event thread's callbacks know of the VM: never its lock, never its definition. */
typedef struct _qbjDomainLink qbjDomainLink;
struct _qbjDomainLink {
    virDomainObj *vm;
    int domainId;
    unsigned int turns;         /* of the event thread since the process has gone */
};

/* What QEMU said last may still be in its sockets, 208 KiB of it, which are read 64 KiB at a turn; and the
 * turn that sees the end of the process may have looked at the socket before. */
#define QBJ_DOMAIN_LAST_TURNS 6

static qbjDomainLink *
qbjDomainLinkNew(virDomainObj *vm)
{
    qbjDomainLink *link = g_new0(qbjDomainLink, 1);

    link->vm = virObjectRef(vm);
    link->domainId = vm->def->id;
    return link;
}

static void
qbjDomainLinkFree(void *data)
{
    qbjDomainLink *link = data;

    virObjectUnref(link->vm);
    g_free(link);
}

static void
qbjDomainLinkPush(qbjDomainLink *link, qbjDomainEventType type, virJSONValue *qmp, const char *text)
{
    qbjDomainEvent *event = g_new0(qbjDomainEvent, 1);

    event->type = type;
    event->domainId = link->domainId;
    event->text = g_strdup(text);
    if (qmp)
        event->qmp = virJSONValueCopy(qmp);
    qbjDomainQueuePush(link->vm, event);
}

static void
qbjDomainOnEvent(qbjQmp *qmp G_GNUC_UNUSED, virJSONValue *event, void *opaque)
{
    qbjDomainLinkPush(opaque, QBJ_DOMAIN_EVENT_QMP, event, NULL);
}

static void
qbjDomainOnEstablished(qbjQmp *qmp G_GNUC_UNUSED, void *opaque)
{
    qbjDomainLinkPush(opaque, QBJ_DOMAIN_EVENT_ESTABLISHED, NULL, NULL);
}

static void
qbjDomainOnClosed(qbjQmp *qmp G_GNUC_UNUSED, const char *reason, void *opaque)
{
    qbjDomainLinkPush(opaque, QBJ_DOMAIN_EVENT_MONITOR_CLOSED, NULL, reason);
}

static const qbjQmpCallbacks qbjDomainQmpCallbacks = {
    .event = qbjDomainOnEvent,
    .established = qbjDomainOnEstablished,
    .closed = qbjDomainOnClosed,
    .release = qbjDomainLinkFree,
};

/* A QEMU that does not answer now does what it was told when it goes on. */
#define QBJ_DOMAIN_FD_BACK_MS 1000

int
qbjDomainQmpConnect(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    int fd = qbjDomainConnect(vm, priv->status->monitorPath);
    qbjDomainLink *link;

    if (fd < 0)
        return -1;

    link = qbjDomainLinkNew(vm);
    if ((priv->qmp = qbjQmpNew(fd, priv->driver->poll, &qbjDomainQmpCallbacks, link))) {
        g_clear_pointer(&priv->lost, g_free);
        return 0;
    }
    qbjDomainLinkFree(link);
    return -1;
}

void
qbjDomainReach(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->unreached)
        priv->driver->reach(vm);
}

int
qbjDomainQmpCheck(virDomainObj *vm)
{
    const qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->qmp)
        return 0;
    if (virDomainObjIsActive(vm) && priv->lost)
        virReportError(VIR_ERR_OPERATION_FAILED, _("the connection to QEMU's monitor has ended: %s"), priv->lost);
    else
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
    return -1;
}

static void
qbjDomainOnProcessGone(virQbjWatch *watch, unsigned int events G_GNUC_UNUSED, void *opaque)
{
    qbjDomainLink *link = opaque;

    if (link->turns++ < QBJ_DOMAIN_LAST_TURNS)
        return;
    qbjDomainLinkPush(link, QBJ_DOMAIN_EVENT_PROCESS_GONE, NULL, NULL);
    virQbjWatchRemove(watch);
}

int
qbjDomainWatchProcess(virDomainObj *vm, int pidfd)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    qbjDomainLink *link = qbjDomainLinkNew(vm);

    priv->pidfd = pidfd;
    priv->pidWatch = virQbjWatchNew(priv->driver->poll, pidfd, EPOLLIN, qbjDomainOnProcessGone, link,
                                    qbjDomainLinkFree);
    if (priv->pidWatch)
        return 0;
    qbjDomainLinkFree(link);
    VIR_FORCE_CLOSE(priv->pidfd);
    return -1;
}

void
qbjDomainDisconnect(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->unreached = false;
    g_clear_pointer(&priv->questions, qbjDomainQuestionsFree);
    if (priv->qmp)
        qbjQmpClose(priv->qmp);
    g_clear_pointer(&priv->qmp, qbjQmpUnref);
    g_clear_pointer(&priv->lost, g_free);
    qbjDomainAgentClose(vm);
    if (priv->pidWatch)
        virQbjWatchRemove(priv->pidWatch);
    g_clear_pointer(&priv->pidWatch, virQbjWatchUnref);
    VIR_FORCE_CLOSE(priv->pidfd);
}

/* The monitor; borrowed. NULL with an error reported. */
static qbjQmp *
qbjDomainQmpMonitor(virDomainObj *vm)
{
    if (qbjDomainCheckRead(vm) < 0)
        return NULL;
    qbjDomainReach(vm);
    return qbjDomainQmpCheck(vm) < 0 ? NULL : QBJ_DOMAIN_PRIVATE(vm)->qmp;
}

/* An answer @rc of the process that was asked, which was @domainId. */
static int
qbjDomainQmpResult(virDomainObj *vm, int domainId, int rc)
{
    if (rc == 0 && vm->def->id != domainId) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
        return -1;
    }
    return rc;
}

int
qbjDomainQmpRun(virDomainObj *vm, qbjQmpCommand *commands, size_t n)
{
    return qbjDomainQmpRunFor(vm, commands, n, QBJ_QMP_DEADLINE_MS);
}

int
qbjDomainQmpRunFor(virDomainObj *vm, qbjQmpCommand *commands, size_t n, unsigned int deadlineMs)
{
    qbjQmp *monitor = qbjDomainQmpMonitor(vm);
    g_autoptr(qbjQmp) qmp = NULL;
    int domainId = vm->def->id;
    int rc;

    if (!monitor)
        return -1;
    qmp = qbjQmpRef(monitor);
    virObjectUnlock(vm);
    rc = qbjQmpRun(qmp, commands, n, deadlineMs);
    virObjectLock(vm);
    return qbjDomainQmpResult(vm, domainId, rc);
}

struct _qbjDomainQmpBegun {
    qbjQmpBegun *begun;
    int domainId;
};

qbjDomainQmpBegun *
qbjDomainQmpBegin(virDomainObj *vm, qbjQmpCommand *commands, size_t n)
{
    qbjQmp *monitor = qbjDomainQmpMonitor(vm);
    qbjQmpBegun *begun = monitor ? qbjQmpBegin(monitor, commands, n) : NULL;
    qbjDomainQmpBegun *mine;

    if (!begun)
        return NULL;
    mine = g_new0(qbjDomainQmpBegun, 1);
    mine->begun = begun;
    mine->domainId = vm->def->id;
    return mine;
}

int
qbjDomainQmpCollect(virDomainObj *vm, qbjDomainQmpBegun *begun)
{
    g_autofree qbjDomainQmpBegun *mine = begun;
    int rc;

    virObjectUnlock(vm);
    rc = qbjQmpCollect(mine->begun, QBJ_QMP_DEADLINE_MS);
    virObjectLock(vm);
    return qbjDomainQmpResult(vm, mine->domainId, rc);
}

void
qbjDomainQmpAbandon(qbjDomainQmpBegun *begun)
{
    qbjQmpAbandon(begun->begun);
    g_free(begun);
}

int
qbjDomainQmpTry(virDomainObj *vm, qbjQmpCommand *command)
{
    return qbjDomainQmpRun(vm, command, 1);
}

int
qbjDomainQmpCall(virDomainObj *vm, const char *execute, virJSONValue *arguments, virJSONValue **reply)
{
    return qbjDomainQmpCallFor(vm, execute, arguments, QBJ_QMP_DEADLINE_MS, reply);
}

int
qbjDomainQmpCallFor(virDomainObj *vm, const char *execute, virJSONValue *arguments, unsigned int deadlineMs,
                    virJSONValue **reply)
{
    g_auto(qbjQmpCommand) command = { .execute = execute, .arguments = arguments };

    return qbjDomainQmpRunFor(vm, &command, 1, deadlineMs) < 0 ? -1 : qbjQmpTake(&command, reply);
}

int
qbjDomainQmpPassFd(virDomainObj *vm, const char *name, int fd)
{
    qbjQmp *monitor = qbjDomainQmpMonitor(vm);
    g_autoptr(qbjQmp) qmp = NULL;
    int rc;

    if (!monitor)
        return -1;
    qmp = qbjQmpRef(monitor);
    virObjectUnlock(vm);
    rc = qbjQmpPassFd(qmp, name, fd);
    virObjectLock(vm);
    if (rc < 0)
        qbjDomainQmpTakeFdBack(vm, name);       /* it may have got it, without having answered */
    return rc;
}

int
qbjDomainQmpDropFd(virDomainObj *vm, const char *name)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) command = { .execute = "closefd" };

    if (virJSONValueObjectAdd(&arguments, "s:fdname", name, NULL) < 0)
        return -1;
    command.arguments = arguments;
    return qbjDomainQmpRunFor(vm, &command, 1, QBJ_DOMAIN_FD_BACK_MS);
}

void
qbjDomainQmpTakeFdBack(virDomainObj *vm, const char *name)
{
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    if (virDomainObjIsActive(vm))
        ignore_value(qbjDomainQmpDropFd(vm, name));
    virErrorRestore(&reason);
}
