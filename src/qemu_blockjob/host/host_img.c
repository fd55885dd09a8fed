#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "host_imgrun.h"
#include "host_sync.h"
#include "host_target.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.host_img");

int
qbjHostImgCreate(const char *path, char **identity, int *fd)
{
    const virError *error;

    if (qbjHostTargetCreate(path, identity, fd) == 0)
        return 0;
    error = virGetLastError();
    virReportSystemError(error ? error->int1 : EIO, _("failed to create image file '%s'"), path);
    return -1;
}

int
qbjHostImgFill(const char *path, int fd, virStorageSource *base)
{
    const char *args[] = { "create", "-q", "-f", "qcow2", "-F", qbjHostImgFormat(base), "-b", base->path, path, NULL };

    if (qbjHostImgCheck(base) < 0 || (fd >= 0 && qbjHostTargetPlace(path, fd) < 0))
        return -1;
    return qbjHostImgRunShort(args, path) < 0 ? -1 : qbjHostSyncWithin(path, QBJ_HOST_IMG_SHORT_MS);
}

int
qbjHostImgCommit(virStorageSource *overlay, virStorageSource *base, qbjHostImgGoOn goOn, void *opaque)
{
    const char *args[] = { "commit", "-q", "-d", "-f", qbjHostImgFormat(overlay), overlay->path, NULL };

    if (qbjHostImgCheck(overlay) < 0 || qbjHostImgCheck(base) < 0 ||
        qbjHostImgRunAll(args, overlay->path, 0, goOn, opaque, NULL) < 0)
        return -1;
    return qbjHostSyncWithin(base->path, QBJ_HOST_IMG_SHORT_MS);
}

int
qbjHostImgIsSame(virStorageSource *overlay, virStorageSource *base, qbjHostImgGoOn goOn, void *opaque)
{
    const char *args[] = { "compare", "-q", "-U", "-f", qbjHostImgFormat(overlay), "-F", qbjHostImgFormat(base),
                           overlay->path, base->path, NULL };

    if (qbjHostImgCheck(overlay) < 0 || qbjHostImgCheck(base) < 0)
        return -1;
    if (qbjHostImgRunAll(args, overlay->path, 0, goOn, opaque, NULL) == 0)
        return 0;
    if (virGetLastErrorCode() == VIR_ERR_OPERATION_FAILED)
        virReportError(VIR_ERR_OPERATION_FAILED, _("not all data of '%s' are in '%s'"), overlay->path, base->path);
    return -1;
}

int
qbjHostImgRebase(virStorageSource *image, virStorageSource *base)
{
    const char *args[] = { "rebase", "-q", "-u", "-f", qbjHostImgFormat(image), "-F", qbjHostImgFormat(base),
                           "-b", base->path, image->path, NULL };

    if (qbjHostImgCheck(image) < 0 || qbjHostImgCheck(base) < 0 || qbjHostImgRunShort(args, image->path) < 0)
        return -1;
    return qbjHostSyncWithin(image->path, QBJ_HOST_IMG_SHORT_MS);
}

/* Each write is on the disk before the next one: the header, which is the last, names @to when all is
 * there. */
int
qbjHostImgMove(virStorageSource *image, virStorageSource *to, qbjHostImgGoOn goOn, void *opaque)
{
    const char *args[] = { "rebase", "-q", "-t", "writethrough", "-f", qbjHostImgFormat(image), "-F",
                           qbjHostImgFormat(to), "-b", to->path, image->path, NULL };

    if (qbjHostImgCheck(image) < 0 || qbjHostImgCheck(to) < 0 ||
        qbjHostImgRunAll(args, image->path, 0, goOn, opaque, NULL) < 0)
        return -1;
    return qbjHostSyncWithin(image->path, QBJ_HOST_IMG_SHORT_MS);
}

/* Bitmaps: "--" ends the options, for a name may look like one. */

int
qbjHostImgMergeBitmap(virStorageSource *overlay, virStorageSource *base, const qbjHostImgBitmap *bitmap, bool add)
{
    g_autofree char *granularity = g_strdup_printf("%llu", bitmap->granularity);
    const char *adding[] = { "bitmap", "--add", "-g", granularity, "-f", qbjHostImgFormat(base), "--",
                             base->path, bitmap->name, NULL };
    const char *merging[] = { "bitmap", "--merge", bitmap->name, "-F", qbjHostImgFormat(overlay), "-b", overlay->path,
                              "-f", qbjHostImgFormat(base), "--", base->path, bitmap->name, NULL };

    if (qbjHostImgCheck(overlay) < 0 || qbjHostImgCheck(base) < 0)
        return -1;
    if (add && qbjHostImgRunShort(adding, base->path) < 0)
        return -1;
    return qbjHostImgRunShort(merging, base->path);
}

int
qbjHostImgAddBitmap(virStorageSource *image, const qbjHostImgBitmap *bitmap)
{
    g_autofree char *granularity = g_strdup_printf("%llu", bitmap->granularity);
    const char *args[] = { "bitmap", "--add", "-g", granularity, "-f", qbjHostImgFormat(image), "--",
                           image->path, bitmap->name, NULL };

    if (qbjHostImgCheck(image) < 0)
        return -1;
    return qbjHostImgRunShort(args, image->path);
}

int
qbjHostImgRemoveBitmaps(virStorageSource *image, const qbjHostImgInfo *info)
{
    size_t i;

    for (i = 0; info->bitmaps && i < info->bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info->bitmaps, i);
        const char *args[] = { "bitmap", "--remove", "-f", qbjHostImgFormat(image), "--", image->path, bitmap->name,
                               NULL };

        if (qbjHostImgCheck(image) < 0 || qbjHostImgRunShort(args, image->path) < 0)
            return -1;
    }
    return 0;
}

int
qbjHostImgSnapshot(virStorageSource *image, const char *option, const char *name)
{
    const char *args[] = { "snapshot", "-q", option, name, image->path, NULL };

    if (qbjHostImgCheck(image) < 0)
        return -1;
    if (image->format != VIR_STORAGE_FILE_QCOW2) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("image '%s' is not qcow2: it cannot hold an internal snapshot"),
                       image->path);
        return -1;
    }
    return qbjHostImgRunShort(args, image->path);
}
