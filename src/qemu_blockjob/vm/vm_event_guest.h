/* Events of QEMU about what happens to the guest: sleep, panic, watchdog, disk errors. One handler each;
 * @vm is locked and its job held, @data is the event's, or NULL. */
#pragma once

#include "domain_private.h"

void qbjVmEventPanicked(virDomainObj *vm, virJSONValue *data);
void qbjVmEventSuspend(virDomainObj *vm, virJSONValue *data);
void qbjVmEventSuspendDisk(virDomainObj *vm, virJSONValue *data);
void qbjVmEventWakeup(virDomainObj *vm, virJSONValue *data);
void qbjVmEventWatchdog(virDomainObj *vm, virJSONValue *data);
void qbjVmEventIoError(virDomainObj *vm, virJSONValue *data);
