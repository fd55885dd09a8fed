/* Disks whose images are not there, or cannot be opened, when their domain starts, and which may be left out
 * then (<source startupPolicy=''>). */
#pragma once

#include "domain_private.h"

/* Whether the domain starts without what @disk has: a drive for CDs or floppies is empty then (optional, or
 * requisite and @restored), any other disk is left out (optional, not @restored: its guest knows it).
 * @restored: the guest goes back to an earlier moment, instead of booting. */
bool qbjVmMissingMay(const virDomainDiskDef *disk, bool restored);

/* Leaves out what the disk with number @i of the live definition has, or the disk, and tells it (11.3.3). The
 * persistent definition keeps it. @vm is locked. Returns 0, -1 with an error reported. */
int qbjVmMissingLeaveOut(virDomainObj *vm, size_t i);
