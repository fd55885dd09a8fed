/* The format is QEMU's docs/interop/qcow2.txt. */
#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "host_qcow2list.h"
#include "virendian.h"
#include "virerror.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_QCOW2_LIST_MAGIC 0x514649fb
#define QBJ_QCOW2_LIST_HEADER 72        /* bytes of version 2 */
#define QBJ_QCOW2_LIST_COUNT 60         /* where it is in the header */
#define QBJ_QCOW2_LIST_PLACE 64
#define QBJ_QCOW2_LIST_ITEM 40          /* bytes before what has no fixed length */
#define QBJ_QCOW2_LIST_MAX 65536        /* QEMU's limits */
#define QBJ_QCOW2_LIST_MAX_BYTES (64 * 1024 * 1024)
#define QBJ_QCOW2_LIST_MAX_EXTRA 1024

static void
qbjHostQcow2ItemFree(void *opaque)
{
    qbjHostQcow2Item *item = opaque;

    g_free(item->id);
    g_free(item->name);
    g_free(item);
}

static int
qbjHostQcow2ListDamaged(const char *path)
{
    virReportError(VIR_ERR_OPERATION_FAILED, _("the internal snapshots of image '%s' cannot be read"), path);
    return -1;
}

static int
qbjHostQcow2ListReadAt(int fd, const char *path, unsigned char *bytes, size_t n, unsigned long long offset)
{
    size_t done = 0;

    while (done < n) {
        ssize_t rc = pread(fd, bytes + done, n - done, offset + done);

        if (rc < 0 && errno == EINTR)
            continue;
        if (rc == 0)
            return qbjHostQcow2ListDamaged(path);
        if (rc < 0) {
            virReportSystemError(errno, _("cannot read header of '%s'"), path);
            return -1;
        }
        done += rc;
    }
    return 0;
}

/* @offset: of the item; goes on to the next one. */
static qbjHostQcow2Item *
qbjHostQcow2ListItem(int fd, const char *path, unsigned long long *offset)
{
    unsigned char fixed[QBJ_QCOW2_LIST_ITEM];
    g_autofree unsigned char *rest = NULL;
    qbjHostQcow2Item *item;
    size_t extra;
    size_t id;
    size_t name;

    if (qbjHostQcow2ListReadAt(fd, path, fixed, sizeof(fixed), *offset) < 0)
        return NULL;
    id = virReadBufInt16BE(fixed + 12);
    name = virReadBufInt16BE(fixed + 14);
    extra = virReadBufInt32BE(fixed + 36);
    if (extra > QBJ_QCOW2_LIST_MAX_EXTRA) {
        ignore_value(qbjHostQcow2ListDamaged(path));
        return NULL;
    }
    rest = g_malloc(extra + id + name + 1);
    if (qbjHostQcow2ListReadAt(fd, path, rest, extra + id + name, *offset + sizeof(fixed)) < 0)
        return NULL;
    item = g_new0(qbjHostQcow2Item, 1);
    item->state = extra >= 8 ? virReadBufInt64BE(rest) : virReadBufInt32BE(fixed + 32);
    item->id = g_strndup((const char *) rest + extra, id);
    item->name = g_strndup((const char *) rest + extra + id, name);
    *offset += VIR_ROUND_UP(sizeof(fixed) + extra + id + name, 8);
    return item;
}

GPtrArray *
qbjHostQcow2List(int fd, const char *path)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(qbjHostQcow2ItemFree);
    unsigned char header[QBJ_QCOW2_LIST_HEADER];
    unsigned long long offset;
    unsigned long long begin;
    size_t count;

    if (virQbjFaultHit("inside-read")) {
        ignore_value(qbjHostQcow2ListDamaged(path));
        return NULL;
    }
    if (qbjHostQcow2ListReadAt(fd, path, header, sizeof(header), 0) < 0)
        return NULL;
    count = virReadBufInt32BE(header + QBJ_QCOW2_LIST_COUNT);
    offset = begin = virReadBufInt64BE(header + QBJ_QCOW2_LIST_PLACE);
    if (virReadBufInt32BE(header) != QBJ_QCOW2_LIST_MAGIC || count > QBJ_QCOW2_LIST_MAX || offset > INT64_MAX / 2) {
        ignore_value(qbjHostQcow2ListDamaged(path));
        return NULL;
    }
    while (items->len < count) {
        qbjHostQcow2Item *item = qbjHostQcow2ListItem(fd, path, &offset);

        if (!item)
            return NULL;
        g_ptr_array_add(items, item);
        if (offset - begin > QBJ_QCOW2_LIST_MAX_BYTES) {
            ignore_value(qbjHostQcow2ListDamaged(path));
            return NULL;
        }
    }
    return g_steal_pointer(&items);
}
