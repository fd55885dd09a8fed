/* What devices need beyond the command line: made on the host before a start, told to QEMU after it, given
 * back at the end. Each kind of device has a file of its own; these call them all. */
#pragma once

#include "domain_private.h"
#include "vm_args.h"

/* Descriptors that QEMU inherits. */
typedef struct _qbjVmDevices qbjVmDevices;
struct _qbjVmDevices {
    bool resetNvram;            /* the firmware's variables are those of the template again */
    int vsockFd;                /* -1: none */
    qbjVmArgsNet *nets;
};
#define QBJ_VM_DEVICES_INIT { .vsockFd = -1 }

/* The VM's folders exist, its aliases are set. Returns 0, -1 with an error reported; then what was made is
 * undone by qbjVmDevicesClose() and qbjVmDevicesRelease(). */
int qbjVmDevicesPrepare(virDomainObj *vm, qbjVmDevices *devices);

/* Closes our copies of the descriptors; a second time does nothing. */
void qbjVmDevicesClose(virDomainObj *vm, qbjVmDevices *devices);

/* Sets what can only be set by QMP; the guest does not run yet. Returns 0, -1 with an error reported. */
int qbjVmDevicesSetup(virDomainObj *vm);

/* A daemon that has restarted takes up again what the VM uses. */
void qbjVmDevicesReconnect(virDomainObj *vm);

/* Gives back what the run used on the host; goes on whatever fails. */
void qbjVmDevicesRelease(virDomainObj *vm);
