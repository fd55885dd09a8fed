/* Whether a file holds what the making of an image has written there, or what somebody wants to keep. */
#pragma once

#include "storage_source_conf.h"

/* The image that was to be made. */
typedef struct _qbjHostFresh qbjHostFresh;
struct _qbjHostFresh {
    int format;                         /* virStorageFileFormat: QCOW2 or RAW */
    bool encrypted;                     /* with LUKS */
    bool bitmaps;                       /* it gets dirty bitmaps as well */
    unsigned long long capacity;        /* bytes that a guest sees; 0: not known, then an image is never ours */
    const char *backing;                /* name of the image below in its header, or NULL */
};

/* Whether nothing can be lost with the content of @fd, which is open for reading: it is that image, or an
 * earlier state of its making, without a byte of a guest's data or an internal snapshot. What cannot be
 * read is not. No lock may be held. */
bool qbjHostFreshIs(int fd, const qbjHostFresh *image);
