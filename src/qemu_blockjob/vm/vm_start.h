/* Starting a VM. */
#pragma once

#include "domain_private.h"
#include "vm_restore.h"

typedef struct _qbjVmStartHow qbjVmStartHow;
struct _qbjVmStartHow {
    bool paused;                /* the CPUs are not started */
    bool fromSnapshot;          /* clients are told that the guest has been reverted */
    bool resetNvram;            /* the firmware's variables are made anew */
    const qbjVmRestore *restore;        /* the state of the guest; NULL: it boots */
};

/* Starts the inactive domain @vm: chain probed, files and sockets made, labels set, QEMU run, CPUs started
 * unless @how says otherwise.
 * @vm is locked and its MODIFY job held; the lock is dropped while QEMU is asked. Emits the lifecycle events.
 * Returns 0; -1 with an error reported: then nothing of the run is left, and the state is shut off
 * (failed). */
int qbjVmStart(virDomainObj *vm, const qbjVmStartHow *how);
