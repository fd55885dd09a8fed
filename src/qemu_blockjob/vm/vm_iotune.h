/* Limits of a disk's I/O: <iotune>. */
#pragma once

#include "vm_ask.h"

/* One limit: its public name, its name for QEMU, and its place in virDomainBlockIoTuneInfo. */
typedef struct _qbjVmIoTuneLimit qbjVmIoTuneLimit;
struct _qbjVmIoTuneLimit {
    const char *name;                   /* total_bytes_sec */
    const char *qmp;                    /* bps */
    size_t offset;
    bool length;                        /* of a burst: QEMU takes no zero */
};
extern const qbjVmIoTuneLimit qbjVmIoTuneLimits[];      /* ends with one without name */

unsigned long long *qbjVmIoTuneValue(virDomainBlockIoTuneInfo *info, const qbjVmIoTuneLimit *limit);

/* Has QEMU obey @info for @disk. @vm is locked, active and its job held; the lock is dropped meanwhile.
 * Returns 0, -1 with an error reported. */
int qbjVmIoTuneSet(virDomainObj *vm, const virDomainDiskDef *disk, virDomainBlockIoTuneInfo *info);

/* At a start: what the definition says, for all disks. */
int qbjVmIoTuneSetAll(virDomainObj *vm);

/* The limits that QEMU obeys, from the answer BLOCK; @info's group is the caller's. Returns 0, -1 with an
 * error reported. */
int qbjVmIoTuneRead(const qbjVmAsk *ask, const virDomainDiskDef *disk, virDomainBlockIoTuneInfo *info);
