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

/* For a daemon that finds a QEMU which an earlier one has started, and whose guest has not run:
 * status->starting says whether it is to. What may not have been done is done, or done again, and the guest
 * runs if it is to. @vm is locked and its job held; the lock is dropped. Returns 0, -1 with an error
 * reported: to be called again. */
int qbjVmStartGoOn(virDomainObj *vm);
