#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "vm_bitmaps.h"
#include "virendian.h"
#include "virfile.h"

/* qcow2 format (QEMU docs/interop/qcow2): header length at byte 100 from version 3 on; then extensions of
 * type, length, data padded to 8 bytes; the list ends with type 0. */
#define QBJ_QCOW2_MAGIC 0x514649fbU
#define QBJ_QCOW2_OFFSET_VERSION 4
#define QBJ_QCOW2_OFFSET_HEADER_LENGTH 100
#define QBJ_QCOW2_EXTENSION_BITMAPS 0x23852875U
#define QBJ_QCOW2_READ 4096

static bool
qbjVmBitmapsInHeader(const unsigned char *buf, size_t len)
{
    size_t at;

    if (len < QBJ_QCOW2_OFFSET_HEADER_LENGTH + 4 || virReadBufInt32BE(buf) != QBJ_QCOW2_MAGIC)
        return true;
    if (virReadBufInt32BE(buf + QBJ_QCOW2_OFFSET_VERSION) < 3)
        return false;

    at = virReadBufInt32BE(buf + QBJ_QCOW2_OFFSET_HEADER_LENGTH);
    while (at <= len - 8) {
        unsigned int type = virReadBufInt32BE(buf + at);
        unsigned int size = virReadBufInt32BE(buf + at + 4);

        if (type == 0)
            return false;
        if (type == QBJ_QCOW2_EXTENSION_BITMAPS)
            return true;
        if (size > len)
            return true;
        at += 8 + VIR_ROUND_UP(size, 8);
    }
    return true;
}

static bool
qbjVmBitmapsInImage(const virStorageSource *src)
{
    unsigned char buf[QBJ_QCOW2_READ];
    VIR_AUTOCLOSE fd = -1;
    ssize_t len;

    if (src->format != VIR_STORAGE_FILE_QCOW2)
        return src->format != VIR_STORAGE_FILE_RAW;
    if (!virStorageSourceIsLocalStorage(src) || (fd = open(src->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
        return true;
    len = saferead(fd, buf, sizeof(buf));
    return len < 0 || qbjVmBitmapsInHeader(buf, len);
}

bool
qbjVmBitmapsPossible(virStorageSource *chain)
{
    virStorageSource *next;

    for (next = chain; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (qbjVmBitmapsInImage(next))
            return true;
    }
    return false;
}
