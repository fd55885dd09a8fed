/* blockjob_pivot_stop_guest: a guest that runs is stopped before a pivot switches its disk, and continued
 * when the definitions that are on disk say what QEMU uses. What it writes meanwhile could be missing in what
 * the record says, when QEMU's part fails in the end and then the daemon and QEMU die (protocol 6, H12).
 *
 * virQbjJob.stopGuest is saved with PIVOTING, so before `stop`: a later daemon that finds the guest stopped
 * continues it. Clients see a guest that runs; only QEMU's own events tell. @vm is locked, its job held; the
 * lock is dropped while QEMU is asked. */
#pragma once

#include "engine_job.h"

/* Before QEMU can switch: stops the guest, if this is wanted for @job and it runs. Returns 0, -1 with an
 * error reported when QEMU does not answer. */
int qbjEngineHoldBegin(virDomainObj *vm, virQbjJob *job);

/* The guest need not stand still for @job any more: it goes on, unless another job holds it or a client has
 * paused it. When QEMU does not answer, the next move of the job tries again. */
void qbjEngineHoldEnd(virDomainObj *vm, virQbjJob *job);

/* @job has come to another state: the same, when the definitions are durable in that. */
void qbjEngineHoldFollow(virDomainObj *vm, virQbjJob *job);

/* Definitions are to be saved next: the guest goes on when it has stood still for too long, or the disk does
 * not answer. */
void qbjEngineHoldLimit(virDomainObj *vm, virQbjJob *job);

/* Whether the guest may stand still for a pivot: an earlier one may not have been able to continue it. */
bool qbjEngineHoldIsOn(virDomainObj *vm);

/* A client resumes the guest that it has paused: whether it has to stand still for a pivot until that is
 * saved, and goes on with that then. */
bool qbjEngineHoldDelays(virDomainObj *vm);

/* QEMU says that a guest that should run does not, but is in @status: whether this is our doing. */
bool qbjEngineHoldFound(virDomainObj *vm, const char *status);
