/* Disks of a VM that is about to start: chains, node names. */
#pragma once

#include "domain_private.h"

/* Names the nodes of all images that @def states, disks from last to first. */
void qbjVmDisksNumberStated(virDomainDef *def, virQbjStatus *status);

/* Probes the backing chains that the definition does not state, and numbers all images as 01/A10 says: disks
 * from last to first, stated images in a first pass, probed ones in a second. Returns 0, -1 with an error
 * reported. @vm is locked. */
int qbjVmDisksPrepare(virDomainObj *vm);
