/* The size of a copy's target. */
#pragma once

#include "engine_job.h"

/* Sizes in bytes: @size of the destination @name, @diskSize of the disk as QEMU says it. Returns 0, -1 with
 * VIR_ERR_INVALID_ARG reported when a copy between them would fail. */
int qbjEngineTargetFits(const char *name, unsigned long long size, const char *disk, unsigned long long diskSize);

/* The nodes of @job's target are there, and its start comes next. Of a copy to a server, or to a block
 * device on which QEMU has just put the header of an encryption: the target is as large as the disk, which
 * QEMU would find only when the job runs (01/Y26). Beside a pull QEMU cannot be asked (protocol H3), and
 * finds it then. @vm is locked and its job held; the lock is dropped while QEMU is asked. Returns 0, -1
 * with an error reported: VIR_ERR_INVALID_ARG for another size. */
int qbjEngineTargetCheck(virDomainObj *vm, const virQbjJob *job);
