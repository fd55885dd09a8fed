#include <config.h>

#include "internal.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virdomainjob.h"
#include "virlog.h"
#include "virerror.h"
#include "virqbjfault.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.domain_queue");

/* Called with queueLock held: hands the VM to a worker unless one will look at it anyway. */
static void
qbjDomainQueueSchedule(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->scheduled || !priv->driver->workers)
        return;

    priv->scheduled = true;
    virObjectRef(vm);
    if (virThreadPoolSendJob(priv->driver->workers, 0, vm) < 0) {
        priv->scheduled = false;
        virObjectUnref(vm);
        virResetLastError();
    }
}

/* What one JSON value costs, and one member of an object; a little more than on any machine of 64 bits. */
#define QBJ_DOMAIN_QUEUE_VALUE 96

/* The bytes that @value takes, roughly. Its depth is limited (qmp_stream.h). */
static size_t
qbjDomainQueueWeigh(virJSONValue *value)
{
    size_t weight = QBJ_DOMAIN_QUEUE_VALUE;
    size_t i;

    if (virJSONValueIsObject(value)) {
        for (i = 0; i < (size_t) virJSONValueObjectKeysNumber(value); i++)
            weight += strlen(virJSONValueObjectGetKey(value, i)) +
                      qbjDomainQueueWeigh(virJSONValueObjectGetValue(value, i));
    } else if (virJSONValueIsArray(value)) {
        for (i = 0; i < virJSONValueArraySize(value); i++)
            weight += qbjDomainQueueWeigh(virJSONValueArrayGet(value, i));
    } else {
        weight += strlen(NULLSTR_EMPTY(virJSONValueGetString(value)));
    }
    return weight;
}

static bool
qbjDomainQueueIsFull(const qbjDomainPrivate *priv, size_t weight)
{
    return priv->queue.length >= QBJ_DOMAIN_QUEUE_MAX ||
           priv->queueWeight + weight > QBJ_DOMAIN_QUEUE_WEIGHT_MAX || virQbjFaultHit("queue");
}

/* Called with queueLock held. Replaces @event by a LOST, or by NULL when one is queued already: it will ask
 * for what this one says, too. */
static void
qbjDomainQueueLimit(qbjDomainPrivate *priv, qbjDomainEvent **event)
{
    int domainId = (*event)->domainId;

    if (priv->queueLost != domainId && !qbjDomainQueueIsFull(priv, (*event)->weight))
        return;
    g_clear_pointer(event, qbjDomainEventFree);
    if (priv->queueLost == domainId)
        return;

    priv->queueLost = domainId;
    *event = g_new0(qbjDomainEvent, 1);
    (*event)->type = QBJ_DOMAIN_EVENT_LOST;
    (*event)->domainId = domainId;
    if (priv->queueWarned != domainId)
        VIR_WARN("QEMU of the domain with id %d sends more events than can be handled; its state is asked for instead",
                 domainId);
    priv->queueWarned = domainId;
}

void
qbjDomainQueuePush(virDomainObj *vm, qbjDomainEvent *event)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    VIR_LOCK_GUARD lock = { 0 };

    if (event->qmp)
        event->weight = qbjDomainQueueWeigh(event->qmp);
    lock = virLockGuardLock(&priv->queueLock);

    if (event->type == QBJ_DOMAIN_EVENT_QMP)
        qbjDomainQueueLimit(priv, &event);
    if (!event)
        return;
    priv->queueWeight += event->weight;
    g_queue_push_tail(&priv->queue, event);
    virCondBroadcast(&priv->queueCond);
    if (priv->waiting == 0)
        qbjDomainQueueSchedule(vm);
}

static qbjDomainEvent *
qbjDomainQueuePop(qbjDomainPrivate *priv)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&priv->queueLock);
    qbjDomainEvent *event = g_queue_pop_head(&priv->queue);

    if (event)
        priv->queueWeight -= event->weight;
    /* from here on QEMU's events are kept again: what they say may be newer than what the handler asks */
    if (event && event->type == QBJ_DOMAIN_EVENT_LOST && event->domainId == priv->queueLost)
        priv->queueLost = -1;
    return event;
}

void
qbjDomainQueueDrain(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjDomainEvent *next;

    while ((next = qbjDomainQueuePop(priv))) {
        g_autoptr(qbjDomainEvent) event = next;

        if (!virDomainObjIsActive(vm) || event->domainId != vm->def->id) {
            VIR_DEBUG("vm=%s: event of an earlier run dropped", vm->def->name);
            continue;
        }
        priv->driver->handleEvent(vm, event);
    }
}

int
qbjDomainQueueWait(virDomainObj *vm, unsigned long long whenMs)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool late = false;

    virObjectUnlock(vm);
    virMutexLock(&priv->queueLock);
    priv->waiting++;
    while (g_queue_is_empty(&priv->queue) && !late) {
        int rc = whenMs ? virCondWaitUntil(&priv->queueCond, &priv->queueLock, whenMs)
                        : virCondWait(&priv->queueCond, &priv->queueLock);

        late = rc < 0;
    }
    priv->waiting--;
    virMutexUnlock(&priv->queueLock);
    virObjectLock(vm);

    qbjDomainQueueDrain(vm);
    return late ? 1 : 0;
}

void
qbjDomainJobEnd(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    virDomainObjEndJob(vm);

    VIR_WITH_MUTEX_LOCK_GUARD(&priv->queueLock) {
        if (!g_queue_is_empty(&priv->queue) || priv->saveWanted)
            qbjDomainQueueSchedule(vm);
    }
}

static void
qbjDomainQueueRelease(qbjDomainPrivate *priv)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&priv->queueLock);

    priv->scheduled = false;
}

/* The job was taken for the recovery of this VM, whose handler says when it is over. Others than the first
 * worker leave their event to that one: it looks at the queue once more before it lets go of the domain's
 * lock. */
static void
qbjDomainQueueRecover(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->recovering)
        return;
    priv->recovering = true;
    qbjDomainQueueDrain(vm);
    priv->recovering = false;
    if (!priv->reconnecting)
        qbjDomainJobEnd(vm);
}

void
qbjDomainQueueWork(void *job, void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm = job;
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    virObjectLock(vm);

    /* From here on a new event schedules again. Whoever holds the job now looks at the queue when it ends
     * (qbjDomainJobEnd), and both look under the domain's lock, so nothing is missed. */
    qbjDomainQueueRelease(priv);

    if (priv->reconnecting) {
        qbjDomainQueueRecover(vm);
    } else if (virDomainObjBeginJobNowait(vm, VIR_JOB_MODIFY) == 0) {
        qbjDomainQueueDrain(vm);
        qbjDomainSaveStatusWanted(vm);
        qbjDomainJobEnd(vm);
    }

    virDomainObjEndAPI(&vm);
}

typedef struct _qbjDomainTimer qbjDomainTimer;
struct _qbjDomainTimer {
    virDomainObj *vm;
    qbjDomainEvent *event;
};

static void
qbjDomainTimerFree(void *data)
{
    qbjDomainTimer *timer = data;

    qbjDomainEventFree(timer->event);
    virObjectUnref(timer->vm);
    g_free(timer);
}

static gboolean
qbjDomainTimerFire(void *data)
{
    qbjDomainTimer *timer = data;

    qbjDomainQueuePush(timer->vm, g_steal_pointer(&timer->event));
    return G_SOURCE_REMOVE;
}

void
qbjDomainTimerStart(virDomainObj *vm, const char *job, int code, unsigned int delayMs)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjDomainTimer *timer = g_new0(qbjDomainTimer, 1);
    GSource *source = g_timeout_source_new(delayMs);

    timer->vm = virObjectRef(vm);
    timer->event = g_new0(qbjDomainEvent, 1);
    timer->event->type = QBJ_DOMAIN_EVENT_JOB_TIMER;
    timer->event->text = g_strdup(job);
    timer->event->code = code;
    timer->event->domainId = vm->def->id;

    g_source_set_callback(source, qbjDomainTimerFire, timer, qbjDomainTimerFree);
    g_source_attach(source, virQbjPollContext(priv->driver->poll));
    g_source_unref(source);
}
