#include <config.h>

#include "internal.h"
#include "domain_notify.h"
#include "virtypedparam.h"

void
qbjDomainNotifyLifecycle(virDomainObj *vm, virDomainEventType type, int detail)
{
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventLifecycleNewFromObj(vm, type, detail));
}

void
qbjDomainNotifyAgent(virDomainObj *vm, bool connected, virConnectDomainEventAgentLifecycleReason reason)
{
    virConnectDomainEventAgentLifecycleState state =
        connected ? VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
                  : VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED;

    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventAgentLifecycleNewFromObj(vm, state, reason));
}

void
qbjDomainNotifyPin(virDomainObj *vm, const char *name, virBitmap *cpus)
{
    g_autofree char *text = virBitmapFormat(cpus);
    virTypedParameterPtr told = NULL;
    int max = 0;
    int n = 0;

    if (virTypedParamsAddString(&told, &n, &max, name, text) == 0)
        virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventTunableNewFromObj(vm, &told, n));
}

void
qbjDomainNotifyIOError(virDomainObj *vm, const char *path, const virDomainDiskDef *disk,
                       virDomainEventIOErrorAction action, bool full)
{
    virObjectEventState *events = QBJ_DOMAIN_PRIVATE(vm)->driver->events;
    const char *alias = disk ? NULLSTR_EMPTY(disk->info.alias) : "";

    virObjectEventStateQueue(events, virDomainEventIOErrorNewFromObj(vm, path, alias, action));
    virObjectEventStateQueue(events,
                             virDomainEventIOErrorReasonNewFromObj(vm, path, alias, action, full ? "enospc" : ""));
}

int
qbjDomainBlockJobType(qbjJobType type)
{
    switch (type) {
    case QBJ_TYPE_PULL:
        return VIR_DOMAIN_BLOCK_JOB_TYPE_PULL;
    case QBJ_TYPE_COPY:
        return VIR_DOMAIN_BLOCK_JOB_TYPE_COPY;
    case QBJ_TYPE_COMMIT:
        return VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT;
    case QBJ_TYPE_ACTIVE_COMMIT:
        return VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    case QBJ_TYPE_BACKUP:
        return VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP;
    case QBJ_TYPE_CREATE:
    case QBJ_TYPE_LAST:
    default:
        return -1;
    }
}

void
qbjDomainNotifyBlockJob(virDomainObj *vm, const virDomainDiskDef *disk, qbjJobType type,
                        virConnectDomainEventBlockJobStatus status)
{
    virObjectEventState *events = QBJ_DOMAIN_PRIVATE(vm)->driver->events;
    int apiType = qbjDomainBlockJobType(type);

    if (apiType < 0)
        return;

    if (virStorageSourceIsLocalStorage(disk->src) && !virStorageSourceIsEmpty(disk->src))
        virObjectEventStateQueue(events, virDomainEventBlockJobNewFromObj(vm, disk->src->path, apiType, status));
    virObjectEventStateQueue(events, virDomainEventBlockJob2NewFromObj(vm, disk->dst, apiType, status));
}
