/* Finding VMs that run when the daemon starts, and VMs whose monitor connection was lost. */
#pragma once

#include "domain_private.h"

/* For each domain that a status file described: takes its job and watches its process. The monitors of those
 * that were in the middle of something are connected at once, the others by a thread, or earlier by a call
 * that comes for the domain (qbjDomainReach). Does not wait for any QEMU: one that hangs delays nobody else.
 * What follows comes through the VM's queue.
 * A domain whose process has gone is settled and shut off on return, after the others have been taken: no
 * client sees it running. With a hook script, which may take its time, that is left to a thread, and the
 * domain is in the state "in shutdown" meanwhile. */
void qbjVmReconnectAll(qbjDriver *driver);

/* The callback for driver->reach. */
void qbjVmReconnectReach(virDomainObj *vm);

/* Waits for these threads, which end before the next domain once the driver shuts down. */
void qbjVmReconnectJoin(qbjDriver *driver);

/* The process has gone: the run is settled, and what an earlier daemon has left of the images. @vm locked,
 * job held. */
void qbjVmReconnectGone(virDomainObj *vm);

/* Monitor closed although the process runs: the VM stays listed and is tried again (Promise 3). @vm
 * locked, job held. */
void qbjVmReconnectLost(virDomainObj *vm, const char *reason);
void qbjVmReconnectAgain(virDomainObj *vm);

/* The status file of a VM of which nothing may be asked is looked at again, and its monitor connected when
 * the file has been mended. @vm locked, job held. */
void qbjVmReconnectRead(virDomainObj *vm);
