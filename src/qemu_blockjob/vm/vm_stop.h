/* The end of a VM's run. */
#pragma once

#include "domain_private.h"

/* Ends what is left of the run: process (if still there), monitor, jobs, labels, files, ports; the next
 * definition takes over; a transient domain leaves the list. @vm is locked and its job held; the lock is
 * dropped while the process ends.
 * @event: detail of the STOPPED event, -1: none (failed start). Cannot fail: what cannot be undone is
 * logged. A process that survives SIGKILL, as in a system call that hangs, still uses its images: then the
 * domain stays listed with its status file, and the rest is done when the process ends. The same while a
 * persistent definition that a job has changed cannot be saved; that is tried again each second. */
void qbjVmStop(virDomainObj *vm, virDomainShutoffReason reason, int event);

/* @vm is transient, and a revert has ended its run: no other one follows, so the domain leaves the list. Its
 * job is held; the lock is dropped. */
void qbjVmStopTransient(virDomainObj *vm);

/* Whether the guest of the run with this @status has begun: else what led to the start is not done. */
bool qbjVmStopHasBegun(const virQbjStatus *status);

/* The process has gone: as qbjVmStop(), with the reason that is known. @vm is locked and its job held. */
void qbjVmStopGone(virDomainObj *vm);

/* Goes on looking for the end of a process that survived and could not be watched. Returns false when there
 * is nothing of that kind. @vm is locked and its job held. */
bool qbjVmStopAgain(virDomainObj *vm);

/* Asks the process to end, without waiting for it. @vm is locked. */
void qbjVmStopRequest(virDomainObj *vm);

/* Ends the process and waits: SIGTERM, SIGKILL after a while unless @graceful. @vm is locked; the lock is
 * dropped meanwhile.
 * Returns 0, -1 with an error reported when it is still there. Needs no job: a hung QEMU is ended too. */
int qbjVmStopProcess(virDomainObj *vm, bool graceful);
