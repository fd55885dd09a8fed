/* Refusals that all kinds of block jobs share (behaviour/01 A). Each returns 0, or -1 with @refusal set.
 * Pure. */
#pragma once

#include "domain_conf.h"
#include "refusal.h"

/* 01/A12: disks that no block job can be started on. */
int qbjGuardDiskKind(const virDomainDiskDef *disk, qbjRefusal *refusal);

/* 01/A13. @busy: NULL, or the refusal that qbjJobVerbCheck(NEW_JOB) gave for the disk. */
int qbjGuardBusy(const qbjRefusal *busy, qbjRefusal *refusal);

/* 01/A15: what QEMU's signed speed cannot hold is refused here, not by a JSON error after the record has
 * been saved. @bandwidth: bytes/s. */
int qbjGuardBandwidth(unsigned long long bandwidth, qbjRefusal *refusal);

/* 01/A15: @bandwidth, MiB/s, in @bytes/s. VIR_ERR_OVERFLOW. */
int qbjGuardSpeedMiB(unsigned long bandwidth, unsigned long long *bytes, qbjRefusal *refusal);
