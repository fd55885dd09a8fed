/* The balloon of a running VM. */
#pragma once

#include "vm_ask.h"

/* Asks the guest to leave itself @kib of memory. @vm is locked and its job held; the lock is dropped
 * meanwhile. Returns 0 when QEMU has taken it: how far the guest follows, QEMU says later. -1 with an error
 * reported. */
int qbjVmBalloonSet(virDomainObj *vm, unsigned long long kib);

/* How often the guest's driver is asked for its figures, seconds; 0: never. As above. */
int qbjVmBalloonSetPeriod(virDomainObj *vm, int period);

/* What virDomainMemoryStats() gives, from the answers BALLOON and GUEST_MEMORY and from the process. @vm is
 * locked and active. Returns how many were filled in. */
size_t qbjVmBalloonStats(virDomainObj *vm, const qbjVmAsk *ask, virDomainMemoryStatStruct *stats, size_t nstats);
