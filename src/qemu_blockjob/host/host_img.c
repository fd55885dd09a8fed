#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "internal.h"
#include "host_img.h"
#include "host_process.h"
#include "host_sync.h"
#include "host_within.h"
#include "spec.h"
#include "storage_file/storage_source.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.host_img");

/* Headers only. */
#define QBJ_HOST_IMG_SHORT_MS 60000

/* One that is to end is given so long, then killed, then left to itself. */
#define QBJ_HOST_IMG_END_MS 5000
#define QBJ_HOST_IMG_TICK_MS 200

/* --- running it --- */

typedef struct _qbjHostImgRun qbjHostImgRun;
struct _qbjHostImgRun {
    virCommand *cmd;
    char *out;
    char *err;
    int status;
};

static void
qbjHostImgRunFree(void *opaque)
{
    qbjHostImgRun *run = opaque;

    if (!run)
        return;
    virCommandFree(run->cmd);
    g_free(run->out);
    g_free(run->err);
    g_free(run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostImgRun, qbjHostImgRunFree);

static int
qbjHostImgRunWait(void *opaque)
{
    qbjHostImgRun *run = opaque;

    return virCommandWait(run->cmd, &run->status);
}

static qbjHostImgRun *
qbjHostImgRunNew(const char *const *args)
{
    g_autoptr(qbjHostImgRun) run = g_new0(qbjHostImgRun, 1);
    g_autofree char *program = virFindFileInPath("qemu-img");

    if (!program) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("the program 'qemu-img' is not there"));
        return NULL;
    }
    run->cmd = virCommandNew(program);
    virCommandAddArgSet(run->cmd, args);
    virCommandSetOutputBuffer(run->cmd, &run->out);
    virCommandSetErrorBuffer(run->cmd, &run->err);
    virCommandDoAsyncIO(run->cmd);
    virCommandSetUmask(run->cmd, 077);
    return g_steal_pointer(&run);
}

/* Returns whether the process ends within @limitMs. */
static bool
qbjHostImgEnds(int pidfd, int limitMs)
{
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };
    gint64 until = g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000);
    int rc;

    do {
        rc = poll(&fd, 1, MAX(0, (until - g_get_monotonic_time()) / 1000));
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* Until it ends; -1 with an error reported when it was ended instead. @limitMs 0: no limit. */
static int
qbjHostImgAwait(pid_t pid, int pidfd, const char *path, unsigned int limitMs, qbjHostImgGoOn goOn, void *opaque)
{
    gint64 until = limitMs > 0 ? g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000) : G_MAXINT64;

    while (!qbjHostImgEnds(pidfd, QBJ_HOST_IMG_TICK_MS)) {
        if (goOn && !goOn(opaque))
            virReportError(VIR_ERR_OPERATION_ABORTED, _("the work on image '%s' was called off"), path);
        else if (g_get_monotonic_time() > until)
            virReportError(VIR_ERR_OPERATION_TIMEOUT, _("the storage of image '%s' does not answer in time"), path);
        else
            continue;
        kill(pid, SIGTERM);
        if (!qbjHostImgEnds(pidfd, QBJ_HOST_IMG_END_MS))
            kill(pid, SIGKILL);
        return -1;
    }
    return 0;
}

/* @out: what it writes, to be freed, or NULL. */
static int
qbjHostImgRunAll(const char *const *args, const char *path, unsigned int limitMs, qbjHostImgGoOn goOn, void *opaque,
                 char **out)
{
    g_autoptr(qbjHostImgRun) run = qbjHostImgRunNew(args);
    virErrorPtr reason = NULL;
    VIR_AUTOCLOSE pidfd = -1;
    void *waited;
    pid_t pid;
    int rc;

    if (!run)
        return -1;
    if (virQbjFaultHit("qemu-img")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: qemu-img");
        return -1;
    }
    if (virCommandRunAsync(run->cmd, &pid) < 0)
        return -1;
    if ((pidfd = qbjHostProcessOpen(pid, 0)) < 0)
        virResetLastError();            /* it has ended */
    rc = pidfd >= 0 ? qbjHostImgAwait(pid, pidfd, path, limitMs, goOn, opaque) : 0;
    if (rc < 0)
        virErrorPreserveLast(&reason);
    waited = g_steal_pointer(&run);
    if (qbjHostWithin(path, qbjHostImgRunWait, &waited, qbjHostImgRunFree, QBJ_HOST_IMG_END_MS) < 0)
        rc = -1;
    run = waited;
    if (reason)
        virErrorRestore(&reason);
    if (rc < 0)
        return -1;
    if (run->status != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("qemu-img has failed on image '%s': %s"), path,
                       g_strchomp(run->err));
        return -1;
    }
    if (out)
        *out = g_steal_pointer(&run->out);
    return 0;
}

static int
qbjHostImgShort(const char *const *args, const char *path)
{
    return qbjHostImgRunAll(args, path, QBJ_HOST_IMG_SHORT_MS, NULL, NULL, NULL);
}

static int
qbjHostImgCheck(virStorageSource *image)
{
    virStorageType type = virStorageSourceGetActualType(image);

    if ((type == VIR_STORAGE_TYPE_FILE || type == VIR_STORAGE_TYPE_BLOCK) && image->path && *image->path == '/' &&
        !image->encryption && image->format > 0)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("image '%s' is not a file or block device of a known format without encryption: nothing can be "
                     "done with it while the domain does not run"), NULLSTR(image->path));
    return -1;
}

static const char *
qbjHostImgFormat(virStorageSource *image)
{
    return virStorageFileFormatTypeToString(image->format);
}

/* --- what there is --- */

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
    for (i = 0; i < n; i++) {
        const char *name = virJSONValueObjectGetString(virJSONValueArrayGet(array, i), "name");
        const char *id = virJSONValueObjectGetString(virJSONValueArrayGet(array, i), "id");

        info->snapshots[i] = g_strdup(name ? name : "");
        info->ids[i] = g_strdup(id ? id : "");
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

/* --- changing them --- */

static int
qbjHostImgMakeFile(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0)
        return 0;
    virReportSystemError(errno, _("failed to create image file '%s'"), path);
    return -1;
}

int
qbjHostImgCreate(const char *path, virStorageSource *base)
{
    const char *args[] = { "create", "-q", "-f", "qcow2", "-F", qbjHostImgFormat(base), "-b", base->path, path, NULL };
    int saved;

    if (qbjHostImgCheck(base) < 0)
        return -1;
    if (qbjHostImgMakeFile(path) < 0) {
        saved = errno;
    } else if (qbjHostImgShort(args, path) < 0 || qbjHostSyncWithin(path, QBJ_HOST_IMG_SHORT_MS) < 0) {
        if (unlink(path) < 0)
            VIR_WARN("Failed to remove '%s': %s", path, g_strerror(errno));
        saved = 0;
    } else {
        return 0;
    }
    errno = saved;
    return -1;
}

static int
qbjHostImgRefuseFormat(const char *path, const qbjHostImgInfo *info)
{
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the header of image '%s' says that '%s' below it is of format "
                   "'%s', not the one it has"), path, info->backing, NULLSTR(info->backingFormat));
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

/* The header, not a definition, tells qemu-img what is below. */
int
qbjHostImgMayCommit(virStorageSource *overlay, virStorageSource *base)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) below = { 0 };

    if (qbjHostImgRead(overlay, &info) < 0 || qbjHostImgRead(base, &below) < 0)
        return -1;
    if (!info.backing || (STRNEQ(info.backing, base->path) && !virFileComparePaths(info.backing, base->path))) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the header of image '%s' names '%s', not '%s', as what is "
                       "below it"), overlay->path, NULLSTR(info.backing), base->path);
        return -1;
    }
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

    if (qbjHostImgCheck(image) < 0 || qbjHostImgCheck(base) < 0 || qbjHostImgShort(args, image->path) < 0)
        return -1;
    return qbjHostSyncWithin(image->path, QBJ_HOST_IMG_SHORT_MS);
}

int
qbjHostImgMergeBitmap(virStorageSource *overlay, virStorageSource *base, const qbjHostImgBitmap *bitmap, bool add)
{
    g_autofree char *granularity = g_strdup_printf("%llu", bitmap->granularity);
    const char *adding[] = { "bitmap", "--add", "-g", granularity, "-f", qbjHostImgFormat(base), base->path,
                             bitmap->name, NULL };
    const char *merging[] = { "bitmap", "--merge", bitmap->name, "-F", qbjHostImgFormat(overlay), "-b", overlay->path,
                              "-f", qbjHostImgFormat(base), base->path, bitmap->name, NULL };

    if (qbjHostImgCheck(overlay) < 0 || qbjHostImgCheck(base) < 0)
        return -1;
    if (*bitmap->name == '-') {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("bitmap '%s' of image '%s' has a name that is an option"),
                       bitmap->name, overlay->path);
        return -1;
    }
    if (add && qbjHostImgShort(adding, base->path) < 0)
        return -1;
    return qbjHostImgShort(merging, base->path);
}

int
qbjHostImgAddBitmap(virStorageSource *image, const qbjHostImgBitmap *bitmap)
{
    g_autofree char *granularity = g_strdup_printf("%llu", bitmap->granularity);
    const char *args[] = { "bitmap", "--add", "-g", granularity, "-f", qbjHostImgFormat(image), image->path,
                           bitmap->name, NULL };

    if (qbjHostImgCheck(image) < 0)
        return -1;
    if (*bitmap->name == '-') {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("bitmap '%s' of image '%s' has a name that is an option"),
                       bitmap->name, image->path);
        return -1;
    }
    return qbjHostImgShort(args, image->path);
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
    return qbjHostImgShort(args, image->path);
}

int
qbjHostImgApply(virStorageSource *image, const qbjHostImgInfo *info, const char *name)
{
    const char *id = NULL;
    size_t i;

    for (i = 0; info->snapshots && info->snapshots[i]; i++) {
        if (STRNEQ(info->snapshots[i], name))
            continue;
        if (id) {
            virReportError(VIR_ERR_OPERATION_FAILED, _("image '%s' has several internal snapshots '%s'"), image->path,
                           name);
            return -1;
        }
        id = info->ids[i];
    }
    if (!id || !*id) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("image '%s' has no internal snapshot '%s'"), image->path, name);
        return -1;
    }
    return qbjHostImgSnapshot(image, "-a", id);
}
