/* Unplugging devices from a running VM: the guest is asked, and lets go when it likes. */
#pragma once

#include "domain_private.h"

/* How long the guest has for it, milliseconds (09/H2.3). */
#define QBJ_VM_UNPLUG_MS 5000

/* Asks for the device @alias, without waiting for the guest. @vm is locked, active and its job held; the
 * lock is dropped while QEMU is asked. Returns 0, -1 with an error reported. */
int qbjVmUnplugAsk(virDomainObj *vm, const char *alias);

/* The same, and waits until the guest has let it go: then it is no device of the live definition any more.
 * Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_FAILED   the guest refuses; DEVICE_REMOVAL_FAILED was told
 *   VIR_ERR_OPERATION_TIMEOUT  it has not answered in time; the request stands, DEVICE_REMOVED will tell */
int qbjVmUnplug(virDomainObj *vm, const char *alias);

/* As qbjVmUnplug() with a time of its own, for a device that need not be in the definition. */
int qbjVmUnplugWithin(virDomainObj *vm, const char *alias, unsigned int limitMs);

/* QEMU's DEVICE_DELETED, and the events by which a guest refuses. @data: the event's, or NULL. */
void qbjVmUnplugDeleted(virDomainObj *vm, virJSONValue *data);
void qbjVmUnplugRefused(virDomainObj *vm, virJSONValue *data);
void qbjVmUnplugStatus(virDomainObj *vm, virJSONValue *data);

/* QEMU has no device @alias any more: it leaves the definition, with its nodes and rights; a disk whose
 * block job goes on leaves it afterwards. The status file is saved, clients are told. @vm is locked and its
 * job held. */
void qbjVmUnplugGone(virDomainObj *vm, const char *alias);

/* To be called after each event: the disks for which that was put off. */
void qbjVmUnplugPutOff(virDomainObj *vm);

/* Takes away what @dev, which has gone, stood on: nodes, secrets. Returns 0, also when QEMU keeps some of
 * it, which is logged; -1 with an error reported when it does not answer. */
int qbjVmUnplugRemoval(virDomainObj *vm, const virDomainDeviceDef *dev);

/* The same with @commands, of qbjVmPlugPlanRemove...(), which is empty afterwards but for what is kept. */
int qbjVmUnplugRemoveAll(virDomainObj *vm, GPtrArray *commands);

/* Gives back the rights on its images; a failure is logged. */
void qbjVmUnplugLabels(virDomainObj *vm, const virDomainDeviceDef *dev);
