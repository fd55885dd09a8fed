/* Disks of a VM that is about to start: chains, node names. */
#pragma once

#include "domain_private.h"

/* Names the nodes of all images that @def states, disks from last to first. */
void qbjVmDisksNumberStated(virDomainDef *def, virQbjStatus *status);

/* Adds the images to @disk's chain that the definition does not state but headers name, as @conf's user where
 * the daemon itself may not look. Nothing but files and block devices is opened. Returns 0, also for an
 * empty disk, -1 with an error reported. */
int qbjVmDisksProbe(virDomainDiskDef *disk, const virQbjConf *conf);

/* Names the nodes of all images of @disk that have none yet, and gives these the disk's modes. */
void qbjVmDisksNumber(virDomainDiskDef *disk, virQbjStatus *status);

/* Probes the backing chains that the definition does not state, and numbers all images as 01/A10 says: disks
 * from last to first, stated images in a first pass, probed ones in a second. What is not there, and need not
 * be, is left out (vm_missing.h). Returns 0, -1 with an error reported. @vm is locked. */
int qbjVmDisksPrepare(virDomainObj *vm, bool restored);
