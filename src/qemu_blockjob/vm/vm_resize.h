/* The size of a running guest's disk. */
#pragma once

#include "domain_private.h"

/* Makes the active image of @disk @bytes large, rounded up to whole sectors. @vm is locked, active and its
 * job held; the lock is dropped while QEMU is asked. Returns 0, also when it is so large already; -1 with
 * an error reported: VIR_ERR_INVALID_ARG when it is larger, for what is cut off would be lost. */
int qbjVmResize(virDomainObj *vm, const virDomainDiskDef *disk, unsigned long long bytes);
