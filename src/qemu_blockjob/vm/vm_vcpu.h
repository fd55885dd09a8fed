/* Virtual CPUs of a running VM: their threads, and plugging them in and out (11.10). */
#pragma once

#include "domain_private.h"

/* Notes the threads from query-cpus-fast; @reply may be anything. @vm is locked. */
void qbjVmVcpuRead(virDomainObj *vm, virJSONValue *reply);

/* Plugs one that is offline in. @vm is locked, active and its job held; the lock is dropped meanwhile.
 * Returns 0, -1 with an error reported. */
int qbjVmVcpuPlug(virDomainObj *vm, unsigned int vcpu);

/* Asks the guest to give one back that was plugged in, and waits a while. Returns 0 also when the guest has
 * not answered in time: the CPU goes when it does (qbjVmVcpuDeleted). As above. */
int qbjVmVcpuUnplug(virDomainObj *vm, unsigned int vcpu);

/* Brings the number of CPUs to @wanted. -1 with an error reported:
 *   VIR_ERR_CONFIG_UNSUPPORTED   too few can be plugged in or out */
int qbjVmVcpuSetCount(virDomainObj *vm, unsigned int wanted);

/* At a start: those that the definition wants plugged in, before the first instruction. */
int qbjVmVcpuPlugWanted(virDomainObj *vm);

/* DEVICE_DELETED: a CPU, perhaps. @vm is locked and its job held. */
void qbjVmVcpuDeleted(virDomainObj *vm, virJSONValue *data);
