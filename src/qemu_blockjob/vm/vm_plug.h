/* Plugging devices into a running VM. */
#pragma once

#include "domain_private.h"

/* Plugs @dev, parsed for the live definition and checked, into @vm: address, alias, rights on its images,
 * nodes, controllers of a SCSI disk that are missing, and the device. What it has becomes the live
 * definition's. Saves the status file, and tells clients. @vm is locked, active and its job held; the lock
 * is dropped while files and QEMU are looked at. Returns 0; -1 with an error reported: then all is as
 * before; a device that the guest does not let go any more, once it has it, stays plugged in and is known. */
int qbjVmPlugAttach(virDomainObj *vm, virDomainDeviceDef *dev);

/* @dev, which QEMU has, becomes the live definition's; not saved. @tell: clients are told. */
void qbjVmPlugInsert(virDomainObj *vm, virDomainDeviceDef *dev, bool tell);

/* Reads the chain of a disk that is to be plugged in or of a medium that is to be put in, numbers and
 * describes its nodes; @secrets gets what they need. As above. Returns 0, -1 with an error reported. */
int qbjVmPlugImages(virDomainObj *vm, virDomainDiskDef *disk, GHashTable *secrets);

/* Runs @commands, of qbjVmArgsPlugged, in order. Returns 0; -1 with the first error reported; *@unknown is
 * set when QEMU has not answered. */
int qbjVmPlugRun(virDomainObj *vm, const GPtrArray *commands, bool *unknown);
