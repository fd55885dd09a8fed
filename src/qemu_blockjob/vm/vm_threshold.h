/* Thresholds of images: clients are told when a write goes beyond one (09/H4). */
#pragma once

#include "domain_private.h"

/* Sets that of the image @dev of a disk, "vda" or "vda[N]", to @threshold bytes of its storage; 0: none. QEMU
 * keeps it until it is reached. @vm is locked, runs, and its job is held; the lock is dropped while QEMU is
 * asked. Returns 0, -1 with an error reported: VIR_ERR_INVALID_ARG, there is no such disk or image;
 * VIR_ERR_OPERATION_UNSUPPORTED, the drive is empty. */
int qbjVmThresholdSet(virDomainObj *vm, const char *dev, unsigned long long threshold);

/* QEMU's event BLOCK_WRITE_THRESHOLD. */
void qbjVmThresholdReached(virDomainObj *vm, virJSONValue *data);
