/* The metadata of an empty qcow2 image, for a file that we make: QEMU's own job for it takes several round
 * trips and syncs, in which a guest's monitor is busy. */
#pragma once

#include "internal.h"

/* What the image is to be. */
typedef struct _qbjHostQcow2 qbjHostQcow2;
struct _qbjHostQcow2 {
    unsigned long long capacity;        /* bytes that a guest sees */
    unsigned long long clusterSize;     /* 0: 64 KiB */
    bool extendedL2;
    const char *backing;                /* name of the image below, or NULL */
    const char *backingFormat;          /* NULL: none */
};

/* Writes it into the empty file @fd, as `qemu-img create` would, but for the names of features, which are
 * optional: version 3, no feature but extended L2 entries. Nothing is synced. Call it without locks. Returns
 *    1  written
 *    0  an image that is not made here, nothing written: a capacity, cluster size or name that the format
 *       cannot hold, or that takes more than one cluster of reference counts
 *   -1  VIR_ERR_SYSTEM_ERROR reported */
int qbjHostQcow2Write(int fd, const qbjHostQcow2 *image);
