/* What the status file says of devices that a call is plugging in, and what becomes of them when nobody
 * goes on with that call. QEMU's list of devices decides: a device that it has is plugged in, one that it
 * has not is taken back. */
#pragma once

#include "domain_private.h"

/* Notes @devices, @n of them in the order in which QEMU gets them, and saves: before the first command goes
 * out. Returns 0, -1 with an error reported: VIR_ERR_OPERATION_INVALID when an earlier record has not been
 * settled. */
int qbjVmPlugRecord(virDomainObj *vm, virDomainDeviceDef *devices, size_t n);

/* QEMU has not answered when it was told to take away what @dev, which has gone, stood on: that is
 * recorded, and done when it answers. */
void qbjVmPlugRecordRest(virDomainObj *vm, virDomainDeviceDef *dev);

/* The record goes; not saved. */
void qbjVmPlugForget(virDomainObj *vm);

/* QEMU has not said what became of the recorded devices: it is asked again after a while. */
void qbjVmPlugLater(virDomainObj *vm);

/* QEMU has @devices, and had those of the status: settles the record; what was plugged out while nobody
 * listened goes, too, and a recorded change of a medium is settled. Clients are told. @vm is locked and its
 * job held; the lock is dropped while QEMU is asked. Not saved. */
void qbjVmPlugResume(virDomainObj *vm, virJSONValue *devices);

/* The VM has ended: the rights on the images of a recorded disk are given back. */
void qbjVmPlugRestoreLabels(virDomainObj *vm);

/* The arguments of the "qom-list" that asks for the devices that are plugged in; NULL with an error
 * reported. */
virJSONValue *qbjVmPlugQuestion(void);

/* The names in the answer to it, NULL terminated; to be freed with g_strfreev(). */
char **qbjVmPlugNames(virJSONValue *reply);

/* Adds @alias to the devices of the status, or takes it off. */
void qbjVmPlugListAdd(virDomainObj *vm, const char *alias);
void qbjVmPlugListRemove(virDomainObj *vm, const char *alias);
