/* Public events of a domain. */
#pragma once

#include "domain_private.h"
#include "domain_event.h"

/* Lifecycle event with the present id of the domain. */
void qbjDomainNotifyLifecycle(virDomainObj *vm, virDomainEventType type, int detail);

/* The guest agent has come or gone. */
void qbjDomainNotifyAgent(virDomainObj *vm, bool connected, virConnectDomainEventAgentLifecycleReason reason);

/* TUNABLE: threads may from now on run on the host CPUs @cpus only. @name: as VIR_DOMAIN_TUNABLE_CPU_...PIN,
 * with the number of the thread. */
void qbjDomainNotifyPin(virDomainObj *vm, const char *name, virBitmap *cpus);

/* BLOCK_JOB (path of the disk's source at this moment, local sources only) then BLOCK_JOB_2 (target);
 * 03/E1 to E4. */
void qbjDomainNotifyBlockJob(virDomainObj *vm, const virDomainDiskDef *disk, qbjJobType type,
                             virConnectDomainEventBlockJobStatus status);

/* IO_ERROR and IO_ERROR_REASON. @path: of the image that could not be read or written. @disk: NULL when it
 * is not known. @full: for want of space. */
void qbjDomainNotifyIOError(virDomainObj *vm, const char *path, const virDomainDiskDef *disk,
                            virDomainEventIOErrorAction action, bool full);

/* virDomainBlockJobType of a record's type; -1 for internal ones (01/I2). */
int qbjDomainBlockJobType(qbjJobType type);
