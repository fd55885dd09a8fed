#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "domain_private.h"
#include "domain_questions.h"
#include "domain_queue.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjDomainEventFree(qbjDomainEvent *event)
{
    if (!event)
        return;
    virJSONValueFree(event->qmp);
    g_free(event->text);
    g_free(event);
}

void *
qbjDomainPrivateNew(void *opaque)
{
    qbjDomainPrivate *priv = g_new0(qbjDomainPrivate, 1);

    priv->driver = opaque;
    priv->pidfd = -1;
    priv->strays = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjJobFree);
    g_queue_init(&priv->queue);
    priv->queueLost = -1;
    priv->queueWarned = -1;
    if (virMutexInit(&priv->queueLock) < 0) {
        g_ptr_array_unref(priv->strays);
        g_free(priv);
        return NULL;
    }
    if (virCondInit(&priv->queueCond) < 0) {
        virMutexDestroy(&priv->queueLock);
        g_ptr_array_unref(priv->strays);
        g_free(priv);
        return NULL;
    }
    if (!(priv->chrdevs = virChrdevAlloc())) {
        qbjDomainPrivateFree(priv);
        return NULL;
    }
    return priv;
}

void
qbjDomainPrivateFree(void *data)
{
    qbjDomainPrivate *priv = data;
    qbjDomainEvent *event;

    if (!priv)
        return;

    qbjDomainQuestionsFree(priv->questions);
    if (priv->qmp)
        qbjQmpClose(priv->qmp);
    qbjQmpUnref(priv->qmp);
    qbjAgentUnref(priv->agent);
    if (priv->pidWatch)
        virQbjWatchRemove(priv->pidWatch);
    virQbjWatchUnref(priv->pidWatch);
    VIR_FORCE_CLOSE(priv->pidfd);
    virCgroupFree(priv->cgroup);
    g_free(priv->operation);
    g_free(priv->completed);
    g_free(priv->lost);
    g_free(priv->unread);
    g_free(priv->unreadStamp);
    virQbjStatusFree(priv->status);
    virChrdevFree(priv->chrdevs);
    g_slist_free_full(priv->unplugged, g_free);
    g_slist_free_full(priv->marked, g_free);
    g_clear_pointer(&priv->switches, g_hash_table_unref);
    g_ptr_array_unref(priv->strays);
    while ((event = g_queue_pop_head(&priv->queue)))
        qbjDomainEventFree(event);
    virCondDestroy(&priv->queueCond);
    virMutexDestroy(&priv->queueLock);
    g_free(priv);
}

int
qbjDomainCheckRead(virDomainObj *vm)
{
    const char *reason = QBJ_DOMAIN_PRIVATE(vm)->unread;

    if (!reason)
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("domain '%s' runs, but can only be destroyed, because %s"), vm->def->name, reason);
    qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_UNREAD, 0);
    return -1;
}

int
qbjDomainPrivateFormat(virBuffer *buf, virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->status)
        return 0;
    if (virQbjStatusFormat(buf, priv->status) < 0)
        return -1;
    virQbjStatusFormatJob(buf, vm, priv->status);
    return 0;
}

int
qbjDomainPrivateParse(xmlXPathContextPtr ctxt, virDomainObj *vm, virDomainDefParserConfig *config G_GNUC_UNUSED)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    virQbjStatus *status = NULL;
    g_auto(virQbjStatusJob) job = { 0 };

    if (virQbjStatusParse(ctxt, vm->def, &status) < 0)
        return -1;

    virQbjStatusFree(priv->status);
    priv->status = status;

    /* a daemon that died while it destroyed the VM: the new one goes on with that */
    virQbjStatusParseJob(ctxt, &job);
    priv->destroyed = job.job == VIR_JOB_DESTROY;
    return 0;
}
