/* Figures of disks: sizes of their images, and what QEMU has counted. */
#pragma once

#include "vm_ask.h"

typedef struct _qbjVmBlockSizes qbjVmBlockSizes;
struct _qbjVmBlockSizes {
    unsigned long long capacity;        /* what the guest sees, bytes */
    unsigned long long allocation;      /* what is used of the host's storage */
    unsigned long long physical;        /* where the host's storage ends */
};

/* Reads file and header of an image. @src is changed, so pass a copy of a
 * definition's. No lock may be held, for storage may hang. Returns 0, -1 with an error reported. */
int qbjVmBlockProbe(virStorageSource *src, qbjVmBlockSizes *sizes);

/* Whether sizes of images are asked of QEMU (NODES). They are not when the answer would take it too long
 * (vm_chain.h) and all images are local, and never while a disk is being pulled, for the question could kill
 * it (engine_job.h): then qbjVmBlockProbe() reads them, and qbjVmBlockFileSizes() says what QEMU would. @vm
 * is locked. */
bool qbjVmBlockNeedsNodes(virDomainObj *vm);

/* The figures of an image of a running VM from the answer DEVICES and from what qbjVmBlockProbe() has
 * found. */
void qbjVmBlockFileSizes(const qbjVmAsk *ask, const virStorageSource *src, const qbjVmBlockSizes *file,
                         qbjVmBlockSizes *sizes);

/* The figures of an image of a running VM from the answers NODES and DEVICES; false: QEMU has not said.
 * allocation is where the highest write ended; physical what the file takes up. */
bool qbjVmBlockNodeSizes(const qbjVmAsk *ask, const virStorageSource *src, qbjVmBlockSizes *sizes);

/* The threshold of an image (vm_threshold.h) from the answer NODES; 0: none, or QEMU has not said. */
unsigned long long qbjVmBlockThreshold(const qbjVmAsk *ask, const virStorageSource *src);

/* The counters of the disk's device from the answer DEVICES, borrowed; NULL: QEMU has not said. */
virJSONValue *qbjVmBlockCounters(const qbjVmAsk *ask, const virDomainDiskDef *disk);

/* The entry of the disk's device in the answer of query-block or query-blockstats, borrowed; NULL: none. */
virJSONValue *qbjVmBlockEntry(virJSONValue *reply, const virDomainDiskDef *disk);
