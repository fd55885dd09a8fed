/* The format is QEMU's docs/interop/qcow2.txt. Cluster 0 is the header, 1 the refcount table, 2 the only
 * refcount block, and from 3 on is the L1 table, in which nothing is allocated. */
#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "host_qcow2.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_QCOW2_MAGIC 0x514649fb
#define QBJ_QCOW2_HEADER 112            /* bytes, of version 3 with the type of compression */
#define QBJ_QCOW2_BACKING_FORMAT 0xe2792aca
#define QBJ_QCOW2_EXTENDED_L2 (1ULL << 4)
#define QBJ_QCOW2_REFCOUNT_ORDER 4      /* 16 bits each */
#define QBJ_QCOW2_MAX_NAME 1023
#define QBJ_QCOW2_MAX_L1 (32 * 1024 * 1024)
#define QBJ_QCOW2_L1_CLUSTER 3
#define QBJ_QCOW2_DEFAULT_BITS 16
#define QBJ_QCOW2_MIN_BITS 9
#define QBJ_QCOW2_MIN_EXTENDED_BITS 14  /* QEMU's minimum for extended L2 entries */
#define QBJ_QCOW2_MAX_BITS 21

/* Where everything is. */
typedef struct _qbjQcow2Layout qbjQcow2Layout;
struct _qbjQcow2Layout {
    unsigned int bits;                  /* of a cluster's size */
    unsigned long long cluster;         /* bytes */
    unsigned long long l1Entries;
    unsigned long long clusters;        /* of the file */
};

static bool
qbjQcow2LayoutCluster(const qbjHostQcow2 *image, qbjQcow2Layout *layout)
{
    unsigned int least = image->extendedL2 ? QBJ_QCOW2_MIN_EXTENDED_BITS : QBJ_QCOW2_MIN_BITS;

    layout->bits = image->clusterSize ? __builtin_ctzll(image->clusterSize) : QBJ_QCOW2_DEFAULT_BITS;
    layout->cluster = 1ULL << layout->bits;
    return (!image->clusterSize || image->clusterSize == layout->cluster) &&
           layout->bits >= least && layout->bits <= QBJ_QCOW2_MAX_BITS;
}

static bool
qbjQcow2LayoutGet(const qbjHostQcow2 *image, qbjQcow2Layout *layout)
{
    unsigned long long covered;         /* by an entry of the L1 table, that is by an L2 table */
    unsigned long long most = QBJ_QCOW2_MAX_L1 / sizeof(uint64_t);
    unsigned long long l1;

    if (!qbjQcow2LayoutCluster(image, layout) || image->capacity == 0 || image->capacity % 512 != 0)
        return false;
    covered = layout->cluster / (image->extendedL2 ? 16 : 8) * layout->cluster;
    layout->l1Entries = image->capacity / covered + (image->capacity % covered != 0);
    if (layout->l1Entries > most)
        return false;
    l1 = layout->l1Entries * sizeof(uint64_t);
    layout->clusters = QBJ_QCOW2_L1_CLUSTER + (l1 + layout->cluster - 1) / layout->cluster;
    return layout->clusters <= layout->cluster / sizeof(uint16_t);
}

/* Big endian; @bytes may be more than the value has: a whole field, most of it 0. */
static void
qbjQcow2Put(GByteArray *header, unsigned long long value, size_t bytes)
{
    size_t i;

    for (i = bytes; i > 0; i--) {
        guint8 byte = i > sizeof(value) ? 0 : value >> (8 * (i - 1));

        g_byte_array_append(header, &byte, 1);
    }
}

static void
qbjQcow2PutText(GByteArray *header, const char *text)
{
    g_byte_array_append(header, (const guint8 *) text, strlen(text));
}

/* An extension is padded to 8 bytes; one of type 0 ends them. */
static void
qbjQcow2PutExtensions(GByteArray *header, const qbjHostQcow2 *image)
{
    size_t length = image->backing && image->backingFormat ? strlen(image->backingFormat) : 0;

    if (length > 0) {
        qbjQcow2Put(header, QBJ_QCOW2_BACKING_FORMAT, 4);
        qbjQcow2Put(header, length, 4);
        qbjQcow2PutText(header, image->backingFormat);
        qbjQcow2Put(header, 0, VIR_ROUND_UP(length, 8) - length);
    }
    qbjQcow2Put(header, 0, 8);
}

static GByteArray *
qbjQcow2Header(const qbjHostQcow2 *image, const qbjQcow2Layout *layout)
{
    GByteArray *header = g_byte_array_new();
    g_autoptr(GByteArray) extensions = g_byte_array_new();
    size_t name = image->backing ? strlen(image->backing) : 0;

    qbjQcow2PutExtensions(extensions, image);
    qbjQcow2Put(header, QBJ_QCOW2_MAGIC, 4);
    qbjQcow2Put(header, 3, 4);                                                  /* version */
    qbjQcow2Put(header, name ? QBJ_QCOW2_HEADER + extensions->len : 0, 8);
    qbjQcow2Put(header, name, 4);
    qbjQcow2Put(header, layout->bits, 4);
    qbjQcow2Put(header, image->capacity, 8);
    qbjQcow2Put(header, 0, 4);                                                  /* encryption: none */
    qbjQcow2Put(header, layout->l1Entries, 4);
    qbjQcow2Put(header, QBJ_QCOW2_L1_CLUSTER * layout->cluster, 8);
    qbjQcow2Put(header, layout->cluster, 8);                                    /* refcount table */
    qbjQcow2Put(header, 1, 4);                                                  /* clusters of it */
    qbjQcow2Put(header, 0, 4 + 8);                                              /* no snapshots */
    qbjQcow2Put(header, image->extendedL2 ? QBJ_QCOW2_EXTENDED_L2 : 0, 8);      /* incompatible features */
    qbjQcow2Put(header, 0, 8 + 8);                                              /* compatible, autoclear */
    qbjQcow2Put(header, QBJ_QCOW2_REFCOUNT_ORDER, 4);
    qbjQcow2Put(header, QBJ_QCOW2_HEADER, 4);
    qbjQcow2Put(header, 0, 8);                                                  /* compression: zlib */
    g_byte_array_append(header, extensions->data, extensions->len);
    if (name)
        qbjQcow2PutText(header, image->backing);
    return header;
}

/* Each cluster of the file is used once. */
static GByteArray *
qbjQcow2Refcounts(const qbjQcow2Layout *layout)
{
    GByteArray *block = g_byte_array_new();
    unsigned long long i;

    for (i = 0; i < layout->clusters; i++)
        qbjQcow2Put(block, 1, 2);
    return block;
}

static int
qbjQcow2WriteAt(int fd, const GByteArray *bytes, unsigned long long offset)
{
    size_t done = 0;

    while (done < bytes->len) {
        ssize_t n = pwrite(fd, bytes->data + done, bytes->len - done, offset + done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += n;
    }
    return 0;
}

int
qbjHostQcow2Write(int fd, const qbjHostQcow2 *image)
{
    g_autoptr(GByteArray) table = g_byte_array_new();
    g_autoptr(GByteArray) header = NULL;
    g_autoptr(GByteArray) block = NULL;
    qbjQcow2Layout layout = { 0 };

    if (!qbjQcow2LayoutGet(image, &layout) || (image->backing && strlen(image->backing) > QBJ_QCOW2_MAX_NAME))
        return 0;
    header = qbjQcow2Header(image, &layout);
    if (header->len > layout.cluster)
        return 0;
    block = qbjQcow2Refcounts(&layout);
    qbjQcow2Put(table, 2 * layout.cluster, 8);
    /* an L1 table without entries is a hole at the end */
    if (ftruncate(fd, QBJ_QCOW2_L1_CLUSTER * layout.cluster + layout.l1Entries * sizeof(uint64_t)) == 0 &&
        qbjQcow2WriteAt(fd, block, 2 * layout.cluster) == 0 &&
        qbjQcow2WriteAt(fd, table, layout.cluster) == 0 &&
        qbjQcow2WriteAt(fd, header, 0) == 0)
        return 1;
    virReportSystemError(errno, "%s", _("cannot write the metadata of a new image"));
    return -1;
}
