/* What the parts of a start want to know about a disk. */
#pragma once

#include "domain_conf.h"

/* Whether a SCSI controller of this model (virDomainControllerModelSCSI) has one unit per target only, so
 * that the unit of an address is QEMU's scsi-id. */
bool qbjVmDiskIsNarrowScsi(int model);

/* Name of the device's block back-end for QMP: a QOM path for virtio and usb, else the alias (05/X5). The
 * caller frees. */
char *qbjVmDiskQomName(const virDomainDiskDef *disk);
