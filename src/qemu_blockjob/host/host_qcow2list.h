/* The internal snapshots of a qcow2 image, without a process that looks at it. */
#pragma once

#include "internal.h"

typedef struct _qbjHostQcow2Item qbjHostQcow2Item;
struct _qbjHostQcow2Item {
    char *id;
    char *name;
    unsigned long long state;           /* bytes of a guest's memory */
};

/* Those of the image @fd, in its order; somebody may have it open, for QEMU writes the list and its place at
 * once. @path: for messages. Of qbjHostQcow2Item, to be freed with g_ptr_array_unref(); NULL with an error
 * reported: VIR_ERR_OPERATION_FAILED, VIR_ERR_SYSTEM_ERROR. Call it without locks. */
GPtrArray *qbjHostQcow2List(int fd, const char *path);
