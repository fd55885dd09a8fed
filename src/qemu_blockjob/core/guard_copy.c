/* Refusals of virDomainBlockCopy that need nothing but disk and request: 01/Y2 to Y20. */
#include <config.h>

#include "internal.h"
#include "spec_copy.h"
#include "guard.h"
#include "storage_file/storage_source.h"
#include "virqbjxml.h"

/* what QEMU takes (01/Y2) */
#define QBJ_COPY_GRANULARITY_MIN 512
#define QBJ_COPY_GRANULARITY_MAX (64 * 1024 * 1024)

static int
qbjGuardCopyNumbers(const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (req->granularity & (req->granularity - 1)) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, "%s", _("granularity must be power of 2"));
        return -1;
    }
    if (req->granularity != 0 &&
        (req->granularity < QBJ_COPY_GRANULARITY_MIN || req->granularity > QBJ_COPY_GRANULARITY_MAX)) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("granularity must be between %d and %d bytes"),
                      QBJ_COPY_GRANULARITY_MIN, QBJ_COPY_GRANULARITY_MAX);
        return -1;
    }
    if (req->bufSize > LLONG_MAX) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("buf-size must be at most %lld bytes"), LLONG_MAX);
        return -1;
    }
    return 0;
}

int
qbjGuardCopyRequest(const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (qbjGuardCopyNumbers(req, refusal) < 0)
        return -1;
    if (virStorageSourceIsLocalStorage(req->target) && NULLSTR_EMPTY(req->target->path)[0] != '/') {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, "%s", _("absolute path must be used as block copy target"));
        return -1;
    }
    if (req->target->path && !virQbjXMLCanHold(req->target->path)) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, "%s",
                      _("the name of the destination is not UTF-8, or has control characters"));
        return -1;
    }
    if (req->bandwidth > LLONG_MAX) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("bandwidth must be less than '%llu' bytes/s (%llu MiB/s)"),
                      (unsigned long long) LLONG_MAX, (unsigned long long) LLONG_MAX >> 20);
        return -1;
    }
    return 0;
}

bool
qbjCopyIsShallow(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    return (req->flags & VIR_DOMAIN_BLOCK_COPY_SHALLOW) && virStorageSourceHasBacking(disk->src);
}

virStorageSource *
qbjCopyOwnChain(const virDomainDiskDef *disk, const qbjCopyRequest *req)
{
    virStorageSource *chain = req->target->backingStore;

    return qbjCopyIsShallow(disk, req) && virStorageSourceIsBacking(chain) ? chain : NULL;
}

/* Parts of an image that the plan does not know how to make or to undo. @there: the image is not made. */
static int
qbjGuardCopyImage(const virStorageSource *image, bool there, qbjRefusal *refusal)
{
    virStorageType type = virStorageSourceGetActualType(image);
    const char *what = NULL;

    if (type == VIR_STORAGE_TYPE_NETWORK && !there) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("no image is made in the network yet: a copy there needs VIR_DOMAIN_BLOCK_COPY_REUSE_EXT"));
        return -1;
    }
    if (type != VIR_STORAGE_TYPE_FILE && type != VIR_STORAGE_TYPE_BLOCK && type != VIR_STORAGE_TYPE_NETWORK) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("a copy to a destination of type '%s' is not supported yet"),
                      NULLSTR(virStorageTypeToString(type)));
        return -1;
    }
    if (image->encryption && image->encryption->format != VIR_STORAGE_ENCRYPTION_FORMAT_LUKS)
        what = "encryption";
    else if (image->sliceStorage)
        what = "slices";
    else if (image->nseclabels > 0)
        what = "seclabel";
    else if (image->pr)
        what = "reservations";
    else if (image->fdgroup)
        what = "fdgroup";
    else if (image->auth && type != VIR_STORAGE_TYPE_NETWORK)
        what = "auth";
    if (!what)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' of a copy's destination is not supported yet"), what);
    return -1;
}

static int
qbjGuardCopyKnown(const qbjCopyRequest *req, qbjRefusal *refusal)
{
    const virStorageSource *target = req->target;
    bool reuse = req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
    size_t depth = 0;

    /* 01/Y23 */
    if (target->sliceStorage) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("creation of images with slice type='storage' is not supported"));
        return -1;
    }
    for (; virStorageSourceIsBacking(target); target = target->backingStore) {
        if (++depth > QBJ_SPEC_MAX_CHAIN) {
            qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                          _("backing chains more than %d layers deep are not supported"), QBJ_SPEC_MAX_CHAIN);
            return -1;
        }
        if (qbjGuardCopyImage(target, reuse || depth > 1, refusal) < 0)
            return -1;
    }
    return 0;
}

/* Y10. */
static int
qbjGuardCopyChain(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (virStorageSourceHasBacking(req->target) && !qbjCopyIsShallow(disk, req)) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, "%s",
                      _("backingStore of mirror without VIR_DOMAIN_BLOCK_COPY_SHALLOW doesn't make sense"));
        return -1;
    }
    return 0;
}

/* Y11 */
static int
qbjGuardCopyShallowRaw(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (!qbjCopyIsShallow(disk, req) || req->target->format != VIR_STORAGE_FILE_RAW)
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                  _("shallow copy of disk '%s' into a raw file is not possible"), disk->dst);
    return -1;
}

/* A shallow copy that stands on nothing would lack what is below the disk's active image. */
static int
qbjGuardCopyStands(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    bool reuse = req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;

    if (!qbjCopyIsShallow(disk, req) || qbjCopyOwnChain(disk, req) || (!reuse && !req->target->backingStore))
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG,
                  _("destination '%s' has no backing image, so a shallow copy of disk '%s' would be incomplete"),
                  NULLSTR(req->target->path), disk->dst);
    return -1;
}

/* Such a destination has no backing node until the pivot. In a write-blocking copy QEMU writes there just
 * what the guest has written: the rest of the cluster becomes zeroes, which hide what is below. */
static int
qbjGuardCopySynchronous(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    if (!qbjCopyIsShallow(disk, req) || !(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) ||
        !(req->flags & VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES))
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                  _("a shallow copy of disk '%s' into an existing image with synchronous writes would lose data"),
                  disk->dst);
    return -1;
}

static int
qbjGuardCopyDisk(const virDomainDiskDef *disk, qbjRefusal *refusal)
{
    if (virStorageSourceIsEmpty(disk->src)) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("disk %s has no source file to be copied"), disk->dst);
        return -1;
    }
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_LUN) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("a copy of disk '%s' of device type 'lun' is not supported yet"), disk->dst);
        return -1;
    }
    return 0;
}

int
qbjGuardCopy(const virDomainDiskDef *disk, const qbjCopyRequest *req, bool persistent, const qbjRefusal *busy,
             qbjRefusal *refusal)
{
    if (qbjGuardBusy(busy, refusal) < 0 || qbjGuardDiskKind(disk, refusal) < 0)
        return -1;
    if (persistent && !(req->flags & VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("domain is not transient"));
        return -1;
    }
    if (qbjGuardCopyDisk(disk, refusal) < 0 ||
        qbjGuardCopyChain(disk, req, refusal) < 0 ||
        qbjGuardCopySynchronous(disk, req, refusal) < 0)
        return -1;
    /* what is there already may be found wrong first, as by the stock driver (Y12, Y15) */
    if (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) && qbjGuardCopyShallowRaw(disk, req, refusal) < 0)
        return -1;

    return qbjGuardCopyKnown(req, refusal);
}

static bool
qbjGuardCopyCanCreate(int format)
{
    return format == VIR_STORAGE_FILE_RAW || format == VIR_STORAGE_FILE_QCOW2;
}

/* The largest cluster of a qcow2 image; other formats have no more than QEMU can copy at once. */
#define QBJ_COPY_QCOW2_CLUSTER_MAX (2 * 1024 * 1024)

int
qbjCopySetGranularity(const virDomainDiskDef *disk, qbjCopyRequest *req, qbjRefusal *refusal)
{
    unsigned int least = req->target->format == VIR_STORAGE_FILE_QCOW2 ? QBJ_COPY_QCOW2_CLUSTER_MAX
                                                                         : QBJ_COPY_GRANULARITY_MAX;

    if (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) || !qbjCopyOwnChain(disk, req))
        return 0;
    if (req->granularity != 0 && req->granularity < least) {
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG,
                      _("granularity must be at least %u bytes for a shallow copy into an existing image whose "
                        "<backingStore> is given"), least);
        return -1;
    }
    req->granularity = MAX(req->granularity, least);
    return 0;
}

int
qbjGuardCopyFormat(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjRefusal *refusal)
{
    int format = req->target->format;

    if (qbjGuardCopyShallowRaw(disk, req, refusal) < 0)
        return -1;
    if (disk->src->shared && !disk->src->readonly && format != VIR_STORAGE_FILE_RAW) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("can't pivot a shared disk to a storage volume not supporting sharing"));
        return -1;
    }
    if (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) && !qbjGuardCopyCanCreate(format)) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, _("can't create storage format '%s'"),
                      NULLSTR(virStorageFileFormatTypeToString(format)));
        return -1;
    }
    if (qbjGuardCopyStands(disk, req, refusal) < 0)
        return -1;
    /* what was found below the target has not been looked at yet */
    return qbjGuardCopyKnown(req, refusal);
}
