#include <config.h>

#include "internal.h"
#include "api_blocksize.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "storage_file/storage_source.h"
#include "vm_resize.h"
#include "vm_threshold.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* As much as libvirt's protocol carries. */
#define QBJ_API_BLOCK_PEEK_MAX (4 * 1024 * 1024)

static virDomainDiskDef *
qbjApiBlockDisk(virDomainObj *vm, const char *path)
{
    virDomainDiskDef *disk = virDomainDiskByName(vm->def, path, false);

    if (!disk)
        virReportError(VIR_ERR_INVALID_ARG, _("invalid path: %s"), path);
    else if (virStorageSourceIsEmpty(disk->src))
        virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' does not currently have a source assigned"), path);
    else
        return disk;
    return NULL;
}

/* --- resize ---------------------------------------------------------------------------------------- */

static int
qbjApiBlockBytes(unsigned long long size, unsigned int flags, unsigned long long *bytes)
{
    unsigned long long unit = flags & VIR_DOMAIN_BLOCK_RESIZE_BYTES ? 1 : 1024;

    if (size > LLONG_MAX / unit) {
        virReportError(VIR_ERR_OVERFLOW, _("size must be less than %llu"), LLONG_MAX / unit);
        return -1;
    }
    *bytes = size * unit;
    return 0;
}

static int
qbjApiBlockResizeNow(virDomainObj *vm, const char *path, unsigned long long bytes)
{
    virDomainDiskDef *disk;

    if (virDomainObjCheckActive(vm) < 0 || !(disk = qbjApiBlockDisk(vm, path)) ||
        qbjApiGuard(vm, QBJ_OPERATION_RESIZE, (const char *const []) { disk->dst, NULL }) < 0)
        return -1;
    if (disk->src->readonly) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("disk '%s' is read-only, and cannot be resized"), disk->dst);
        return -1;
    }
    return qbjVmResize(vm, disk, bytes);
}

int
qbjApiBlockResize(virDomainPtr domain, const char *path, unsigned long long size, unsigned int flags)
{
    unsigned long long bytes;
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_BLOCK_RESIZE_BYTES, -1);

    if (!(vm = qbjApiBegin(domain, virDomainBlockResizeEnsureACL)))
        return -1;
    if (qbjApiBlockBytes(size, flags, &bytes) == 0)
        ret = qbjApiBlockResizeNow(vm, path, bytes);
    qbjApiEnd(&vm);
    return ret;
}

/* --- threshold ------------------------------------------------------------------------------------- */

int
qbjApiSetBlockThreshold(virDomainPtr domain, const char *dev, unsigned long long threshold, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiBegin(domain, virDomainSetBlockThresholdEnsureACL)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0 && qbjDomainCheckRead(vm) == 0)
        ret = qbjVmThresholdSet(vm, dev, threshold);
    qbjApiEnd(&vm);
    return ret;
}

/* --- peek ------------------------------------------------------------------------------------------ */

/* As QEMU's user, with no lock held: storage may hang. */
static int
qbjApiBlockRead(virStorageSource *src, const virQbjConf *conf, unsigned long long offset, size_t size, void *buffer)
{
    g_autofree char *data = NULL;
    ssize_t got;

    if (virStorageSourceInitAs(src, conf->user, conf->group) < 0)
        return -1;
    got = virStorageSourceRead(src, offset, size, &data);
    virStorageSourceDeinit(src);
    if (got < 0) {
        virReportSystemError(errno, _("cannot read image '%s'"), NULLSTR(src->path));
        return -1;
    }
    if ((size_t) got < size) {
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' ends before byte %llu"), NULLSTR(src->path), offset + size);
        return -1;
    }
    memcpy(buffer, data, size);
    return 0;
}

/* A copy of the image that may be looked into. */
static virStorageSource *
qbjApiBlockPeekSource(virDomainObj *vm, const char *path)
{
    virDomainDiskDef *disk = qbjApiBlockDisk(vm, path);

    if (!disk)
        return NULL;
    if (disk->src->format != VIR_STORAGE_FILE_RAW) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("peeking is only supported for disk with 'raw' format not '%s'"),
                       virStorageFileFormatTypeToString(disk->src->format));
        return NULL;
    }
    if (!virStorageSourceIsLocalStorage(disk->src)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("peeking is not supported for network disk '%s'"), disk->dst);
        return NULL;
    }
    return virStorageSourceCopy(disk->src, false);
}

int
qbjApiBlockPeek(virDomainPtr domain, const char *path, unsigned long long offset, size_t size, void *buffer,
                unsigned int flags)
{
    g_autoptr(virStorageSource) src = NULL;
    virDomainObj *vm;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiLook(domain, virDomainBlockPeekEnsureACL)))
        return -1;
    if (size > QBJ_API_BLOCK_PEEK_MAX || offset > LLONG_MAX - size)
        virReportError(VIR_ERR_INVALID_ARG, _("%zu bytes at offset %llu cannot be read"), size, offset);
    else
        src = qbjApiBlockPeekSource(vm, path);
    virDomainObjEndAPI(&vm);
    return src ? qbjApiBlockRead(src, qbjApiDriver->conf, offset, size, buffer) : -1;
}
