/* A VM that ran while nobody listened, or was not heard for a while: what follows when its QEMU answers. */
#pragma once

#include "domain_private.h"

/* How long until a VM that does not answer is tried again. */
#define QBJ_VM_CATCHUP_MS 1000

/* Whether what the file says of the VM has led to something that changes it. */
bool qbjVmCatchupHasWork(const virQbjStatus *status);

/* Whether QEMU is asked a little later for the devices that are plugged in. The question takes it as long as
 * all others together; the recorded list says what the guest had not given up when the last daemon heard of
 * it. @vm is locked. */
bool qbjVmCatchupListsLater(virDomainObj *vm);

/* Monitor answers: QEMU's state is read and the jobs go on. During a start there is nothing to do. @vm
 * locked, job held. */
void qbjVmCatchupAll(virDomainObj *vm);

/* Asks for the devices that are plugged in, which was put off when the daemon started; what is gone is taken
 * away. @vm locked, job held. */
void qbjVmCatchupDevices(virDomainObj *vm);

/* It has ended: puts right what an earlier daemon was in the middle of with its images, not what a call is
 * that waits here. A transient domain is forgotten with that. @vm locked, job held. */
void qbjVmCatchupEnded(virDomainObj *vm);
