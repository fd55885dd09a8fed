/* Connecting the monitors of VMs that ran before the daemon, one after the other, behind its start. */
#pragma once

#include "domain_private.h"

/* Steals @found, an array of virDomainObj with references, none locked: a thread connects those that nobody
 * has come for meanwhile (qbjDomainReach), in this order. */
void qbjVmReachAll(qbjDriver *driver, GPtrArray *found);

/* Waits for that thread, which ends before the next domain once the driver shuts down. */
void qbjVmReachJoin(qbjDriver *driver);
