/* The formats are QEMU's docs/interop/qcow2.txt and the specification of LUKS 1. */
#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_fresh.h"
#include "virendian.h"

#define QBJ_FRESH_QCOW2_HEADER 104              /* bytes, of version 3 */
#define QBJ_FRESH_QCOW2_MAGIC "QFI\xfb\0\0\0\3"
#define QBJ_FRESH_EXTENDED_L2 (1ULL << 4)       /* of the incompatible features */
#define QBJ_FRESH_MAX_NAME 1023
#define QBJ_FRESH_MAX_L1 (4 * 1024 * 1024)      /* entries: QEMU's maximum */
#define QBJ_FRESH_CHUNK 65536
#define QBJ_FRESH_LUKS_MAGIC "LUKS\xba\xbe\0\1"
#define QBJ_FRESH_LUKS_HEADER 592               /* bytes */
#define QBJ_FRESH_MAGIC 8
#define QBJ_FRESH_SECTOR 512ULL

static bool
qbjHostFreshRead(int fd, void *bytes, size_t n, unsigned long long offset)
{
    return pread(fd, bytes, n, offset) == (ssize_t) n;
}

/* Whether nothing has been written from @offset on. */
static bool
qbjHostFreshIsHole(int fd, unsigned long long offset)
{
    return lseek(fd, offset, SEEK_DATA) < 0 && errno == ENXIO;
}

/* The name in the header is @name, or there is none yet. */
static bool
qbjHostFreshIsBacking(int fd, const guint8 *header, const char *name)
{
    unsigned long long offset = virReadBufInt64BE(header + 8);
    size_t length = virReadBufInt32BE(header + 16);
    char text[QBJ_FRESH_MAX_NAME + 1] = { 0 };

    if (offset == 0)
        return true;
    return length <= QBJ_FRESH_MAX_NAME && qbjHostFreshRead(fd, text, length, offset) && STREQ_NULLABLE(text, name);
}

static bool
qbjHostFreshIsUnused(int fd, unsigned long long offset, unsigned long long bytes)
{
    g_autofree guint8 *chunk = g_malloc(QBJ_FRESH_CHUNK);

    while (bytes > 0) {
        size_t n = MIN(bytes, QBJ_FRESH_CHUNK);
        size_t i;

        if (!qbjHostFreshRead(fd, chunk, n, offset))
            return false;
        for (i = 0; i < n; i++) {
            if (chunk[i] != 0)
                return false;
        }
        offset += n;
        bytes -= n;
    }
    return true;
}

/* It gets its size, then the name below it, then its passphrase. */
static bool
qbjHostFreshIsQcow2(int fd, const qbjHostFresh *image)
{
    guint8 header[QBJ_FRESH_QCOW2_HEADER];
    unsigned long long capacity;
    unsigned long long entries;

    if (!qbjHostFreshRead(fd, header, sizeof(header), 0) ||
        memcmp(header, QBJ_FRESH_QCOW2_MAGIC, QBJ_FRESH_MAGIC) != 0)
        return false;
    capacity = virReadBufInt64BE(header + 24);
    entries = virReadBufInt32BE(header + 36);
    if ((capacity != 0 && capacity != image->capacity) || (virReadBufInt32BE(header + 32) != 0 && !image->encrypted))
        return false;
    return qbjHostFreshIsBacking(fd, header, capacity ? image->backing : NULL) &&
        virReadBufInt32BE(header + 60) == 0 &&                                          /* internal snapshots */
        (virReadBufInt64BE(header + 72) & ~QBJ_FRESH_EXTENDED_L2) == 0 &&
        virReadBufInt64BE(header + 88) <= image->bitmaps &&                             /* autoclear: bitmaps */
        entries <= QBJ_FRESH_MAX_L1 &&
        qbjHostFreshIsUnused(fd, virReadBufInt64BE(header + 40), entries * sizeof(uint64_t));
}

/* QEMU writes zeros into the first block of an image that it makes, to find out its alignment later. */
static bool
qbjHostFreshIsRaw(int fd, unsigned long long size)
{
    return qbjHostFreshIsUnused(fd, 0, MIN(size, QBJ_FRESH_CHUNK)) && qbjHostFreshIsHole(fd, QBJ_FRESH_CHUNK);
}

static bool
qbjHostFreshIsLuks(int fd, const qbjHostFresh *image, unsigned long long size)
{
    guint8 header[QBJ_FRESH_LUKS_HEADER];
    unsigned long long payload;

    if (!qbjHostFreshRead(fd, header, sizeof(header), 0) ||
        memcmp(header, QBJ_FRESH_LUKS_MAGIC, QBJ_FRESH_MAGIC) != 0)
        return false;
    payload = virReadBufInt32BE(header + 104) * QBJ_FRESH_SECTOR;
    return size == payload + image->capacity && qbjHostFreshIsHole(fd, payload);
}

bool
qbjHostFreshIs(int fd, const qbjHostFresh *image)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_size == 0)
        return true;
    if (image->capacity == 0)
        return false;
    if (image->format == VIR_STORAGE_FILE_QCOW2)
        return qbjHostFreshIsQcow2(fd, image);
    if (image->format != VIR_STORAGE_FILE_RAW)
        return false;
    return ((unsigned long long) st.st_size == image->capacity && qbjHostFreshIsRaw(fd, st.st_size)) ||
        (image->encrypted && qbjHostFreshIsLuks(fd, image, st.st_size));
}
