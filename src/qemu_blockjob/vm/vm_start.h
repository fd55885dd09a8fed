/* Starting a VM. */
#pragma once

#include "domain_private.h"

/* Starts the inactive domain @vm: chain probed, files and sockets made, labels set, QEMU run, CPUs started
 * unless @paused.
 * @vm is locked and its MODIFY job held; the lock is dropped while QEMU is asked. Emits the lifecycle events.
 * Returns 0; -1 with an error reported: then nothing of the run is left, and the state is shut off
 * (failed). */
int qbjVmStart(virDomainObj *vm, bool paused);
