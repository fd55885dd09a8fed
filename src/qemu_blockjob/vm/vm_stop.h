/* The end of a VM's run. */
#pragma once

#include "domain_private.h"

/* Ends what is left of the run: process (if still there), monitor, jobs, labels, files, ports; the next
 * definition takes over; a transient domain leaves the list. @vm is locked and its job held; the lock is
 * dropped while the process ends.
 * @event: detail of the STOPPED event, -1: none (failed start). Cannot fail: what cannot be undone is
 * logged. */
void qbjVmStop(virDomainObj *vm, virDomainShutoffReason reason, int event);

/* Asks the process to end, without waiting for it. @vm is locked. */
void qbjVmStopRequest(virDomainObj *vm);

/* Ends the process and waits: SIGTERM, SIGKILL after a while unless @graceful. @vm is locked; the lock is
 * dropped meanwhile.
 * Returns 0, -1 with an error reported when it is still there. Needs no job: a hung QEMU is ended too. */
int qbjVmStopProcess(virDomainObj *vm, bool graceful);
