/* The image that a type A job changes over to: its size, its data. */
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

/* What @job has written so far is out of this host's page cache, within @limitMs: QEMU flushes the image
 * between job-complete and PENDING, when it holds the guest's I/O already, and waits for ever for one that
 * hangs (protocol H11). Images of other hosts, and of a disk that is never flushed, stay as they are. @vm is
 * locked and its job held; the lock is dropped meanwhile. Returns 0, -1 with an error reported, as
 * qbjHostSyncWithin(). */
int qbjEngineTargetSync(virDomainObj *vm, const virQbjJob *job, unsigned int limitMs);
