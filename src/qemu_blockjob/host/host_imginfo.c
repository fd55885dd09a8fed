#include <config.h>

#include "internal.h"
#include "host_imgrun.h"
#include "spec.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjHostImgBitmapFree(void *opaque)
{
    qbjHostImgBitmap *bitmap = opaque;

    g_free(bitmap->name);
    g_free(bitmap);
}

void
qbjHostImgInfoClear(qbjHostImgInfo *info)
{
    g_clear_pointer(&info->backing, g_free);
    g_clear_pointer(&info->backingFormat, g_free);
    g_clear_pointer(&info->snapshots, g_strfreev);
    g_clear_pointer(&info->ids, g_strfreev);
    g_clear_pointer(&info->states, g_array_unref);
    g_clear_pointer(&info->bitmaps, g_ptr_array_unref);
}

/* Bitmap flags of qemu-img: "auto" records, "in-use" was not closed. */
static bool
qbjHostImgBitmapUsable(virJSONValue *flags)
{
    bool automatic = false;
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(flags); i++) {
        const char *flag = virJSONValueGetString(virJSONValueArrayGet(flags, i));

        if (STREQ_NULLABLE(flag, "in-use"))
            return false;
        automatic |= STREQ_NULLABLE(flag, "auto");
    }
    return automatic;
}

static void
qbjHostImgReadBitmaps(virJSONValue *array, qbjHostImgInfo *info)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(array); i++) {
        virJSONValue *entry = virJSONValueArrayGet(array, i);
        qbjHostImgBitmap *bitmap = g_new0(qbjHostImgBitmap, 1);

        bitmap->name = g_strdup(virJSONValueObjectGetString(entry, "name"));
        ignore_value(virJSONValueObjectGetNumberUlong(entry, "granularity", &bitmap->granularity));
        bitmap->usable = bitmap->name && qbjHostImgBitmapUsable(virJSONValueObjectGetArray(entry, "flags"));
        if (!info->bitmaps)
            info->bitmaps = g_ptr_array_new_with_free_func(qbjHostImgBitmapFree);
        g_ptr_array_add(info->bitmaps, bitmap);
    }
}

static void
qbjHostImgReadSnapshots(virJSONValue *array, qbjHostImgInfo *info)
{
    size_t n = virQbjJSONArraySize(array);
    size_t i;

    if (n == 0)
        return;
    info->snapshots = g_new0(char *, n + 1);
    info->ids = g_new0(char *, n + 1);
    info->states = g_array_new(false, false, sizeof(unsigned long long));
    for (i = 0; i < n; i++) {
        virJSONValue *entry = virJSONValueArrayGet(array, i);
        const char *name = virJSONValueObjectGetString(entry, "name");
        const char *id = virJSONValueObjectGetString(entry, "id");
        unsigned long long state = 0;

        info->snapshots[i] = g_strdup(name ? name : "");
        info->ids[i] = g_strdup(id ? id : "");
        ignore_value(virJSONValueObjectGetNumberUlong(entry, "vm-state-size", &state));
        g_array_append_val(info->states, state);
    }
}

int
qbjHostImgRead(virStorageSource *image, qbjHostImgInfo *info)
{
    const char *args[] = { "info", "-U", "--output=json", "-f", qbjHostImgFormat(image), image->path, NULL };
    g_autoptr(virJSONValue) json = NULL;
    virJSONValue *specific;
    g_autofree char *out = NULL;
    const char *backing;

    if (qbjHostImgCheck(image) < 0 ||
        qbjHostImgRunAll(args, image->path, QBJ_HOST_IMG_SHORT_MS, NULL, NULL, &out) < 0 ||
        !(json = virJSONValueFromString(out)))
        return -1;
    if (virJSONValueObjectGetNumberUlong(json, "virtual-size", &info->size) < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("qemu-img does not tell the size of image '%s'"), image->path);
        return -1;
    }
    if (!(backing = virJSONValueObjectGetString(json, "full-backing-filename")))
        backing = virJSONValueObjectGetString(json, "backing-filename");
    info->backing = g_strdup(backing);
    info->backingFormat = g_strdup(virJSONValueObjectGetString(json, "backing-filename-format"));
    qbjHostImgReadSnapshots(virJSONValueObjectGetArray(json, "snapshots"), info);
    if ((specific = virJSONValueObjectGetObject(json, "format-specific")) &&
        (specific = virJSONValueObjectGetObject(specific, "data")))
        qbjHostImgReadBitmaps(virJSONValueObjectGetArray(specific, "bitmaps"), info);
    return 0;
}

/* --- whether one may be merged into the other --- */

static int
qbjHostImgRefuseFormat(const char *path, const qbjHostImgInfo *info)
{
    if (info->backingFormat)
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the header of image '%s' says that '%s' below it is of format "
                       "'%s', not the one it has"), path, info->backing, info->backingFormat);
    else
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("the header of image '%s' does not say of which format '%s' below it is"), path,
                       info->backing);
    return -1;
}

/* From the image @path with header @info down: qemu-img opens all of them, and finds out for itself what is
 * not stated. */
static int
qbjHostImgCheckFormats(const char *path, const qbjHostImgInfo *info)
{
    g_autoptr(virStorageSource) image = NULL;
    g_auto(qbjHostImgInfo) next = { 0 };
    g_autofree char *above = g_strdup(path);
    size_t depth;

    next.backing = g_strdup(info->backing);
    next.backingFormat = g_strdup(info->backingFormat);
    for (depth = 0; next.backing; depth++) {
        virObjectUnref(image);
        image = virStorageSourceNew();
        image->type = VIR_STORAGE_TYPE_FILE;
        image->path = g_strdup(next.backing);
        if (!next.backingFormat || depth >= QBJ_SPEC_MAX_CHAIN ||
            (image->format = virStorageFileFormatTypeFromString(next.backingFormat)) <= VIR_STORAGE_FILE_NONE)
            return qbjHostImgRefuseFormat(above, &next);
        qbjHostImgInfoClear(&next);
        if (qbjHostImgRead(image, &next) < 0)
            return -1;
        g_free(above);
        above = g_strdup(image->path);
    }
    return 0;
}

static int
qbjHostImgRefuseBelow(virStorageSource *overlay, virStorageSource *base, const char *backing)
{
    if (backing)
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the header of image '%s' names '%s', not '%s', as what is "
                       "below it"), overlay->path, backing, base->path);
    else
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("the header of image '%s' does not say that '%s', or anything else, is below it"),
                       overlay->path, base->path);
    return -1;
}

static bool
qbjHostImgNames(const qbjHostImgInfo *info, virStorageSource *image)
{
    return info->backing && (STREQ(info->backing, image->path) || virFileComparePaths(info->backing, image->path) > 0);
}

int
qbjHostImgMayMove(virStorageSource *image, virStorageSource *from, virStorageSource *to, bool data, bool begun)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) below = { 0 };

    if (qbjHostImgRead(image, &info) < 0 || qbjHostImgCheck(to) < 0)
        return -1;
    if (begun && qbjHostImgNames(&info, to))
        return 1;
    if (!qbjHostImgNames(&info, from))
        return qbjHostImgRefuseBelow(image, from, info.backing);
    if (qbjHostImgCheckFormats(image->path, &info) < 0 || (data && qbjHostImgRead(from, &below) < 0))
        return -1;
    if (data && info.size > below.size) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("image '%s' is larger than '%s', so the data below cannot be copied into it"), image->path,
                       from->path);
        return -1;
    }
    return 0;
}

/* The header, not a definition, tells qemu-img what is below. */
int
qbjHostImgMayCommit(virStorageSource *overlay, virStorageSource *base)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) below = { 0 };

    if (qbjHostImgRead(overlay, &info) < 0 || qbjHostImgRead(base, &below) < 0)
        return -1;
    if (!qbjHostImgNames(&info, base))
        return qbjHostImgRefuseBelow(overlay, base, info.backing);
    if (STRNEQ_NULLABLE(info.backingFormat, qbjHostImgFormat(base)))
        return qbjHostImgRefuseFormat(overlay->path, &info);
    if (qbjHostImgCheckFormats(base->path, &below) < 0)
        return -1;
    if (info.size < below.size) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("top '%s' is smaller than base '%s': the guest would see what base holds beyond the end of top"),
                       overlay->path, base->path);
        return -1;
    }
    return 0;
}
