#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"
#include "host_target.h"
#include "storage_file/storage_source.h"
#include "storage_file/storage_file_probe.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* With the time of its birth, where the file system has one: the number may be another file's by now. */
static char *
qbjHostTargetIdentity(const struct statx *st)
{
    g_autofree char *born = st->stx_mask & STATX_BTIME ?
        g_strdup_printf(":%lld.%09u", (long long) st->stx_btime.tv_sec, st->stx_btime.tv_nsec) : NULL;

    return g_strdup_printf("%llu:%llu%s", (unsigned long long) makedev(st->stx_dev_major, st->stx_dev_minor),
                           (unsigned long long) st->stx_ino, NULLSTR_EMPTY(born));
}

static int
qbjHostTargetStat(int folder, const char *path, int flags, struct statx *st)
{
    return statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, st);
}

void
qbjHostTargetClear(qbjHostTarget *target)
{
    g_clear_pointer(&target->identity, g_free);
}

int
qbjHostTargetLook(const char *path, qbjHostTarget *target)
{
    struct statx st;

    *target = (qbjHostTarget) { 0 };
    if (qbjHostTargetStat(AT_FDCWD, path, 0, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return 0;
        virReportSystemError(errno, _("cannot look at copy destination '%s'"), path);
        return -1;
    }
    target->exists = true;
    target->device = S_ISBLK(st.stx_mode);
    target->regular = S_ISREG(st.stx_mode);
    target->empty = target->regular && st.stx_size == 0;
    if (target->empty)
        target->identity = qbjHostTargetIdentity(&st);
    return 0;
}

int
qbjHostTargetProbe(const char *path)
{
    int format = virStorageFileProbeFormat(path, geteuid(), getegid());

    return format == VIR_STORAGE_FILE_NONE ? VIR_STORAGE_FILE_RAW : format;
}

static int
qbjHostTargetIsNot(const virStorageSource *src, const char *format)
{
    virReportError(VIR_ERR_INVALID_ARG, _("copy destination '%s' is not an image of format '%s'"), src->path,
                   NULLSTR(format));
    return -1;
}

/* What QEMU would find only when the image is opened. @found: what its header says. */
static int
qbjHostTargetCheckHeader(const virStorageSource *src, const virStorageSource *found)
{
    if (found->format != src->format)
        return qbjHostTargetIsNot(src, virStorageFileFormatTypeToString(src->format));
    if (!found->encryption == !src->encryption)
        return 0;
    if (src->encryption && src->format == VIR_STORAGE_FILE_RAW)
        return qbjHostTargetIsNot(src, "luks");
    if (src->encryption)
        virReportError(VIR_ERR_INVALID_ARG, _("copy destination '%s' is not encrypted"), src->path);
    else
        virReportError(VIR_ERR_INVALID_ARG, _("copy destination '%s' is encrypted, and no secret is named for it"),
                       src->path);
    return -1;
}

/* The header is read once; @found gets what it says. */
static int
qbjHostTargetReadHeader(virStorageSource *src, int fd, virStorageSource **found)
{
    g_autoptr(virStorageSource) read = NULL;
    g_autofree char *header = NULL;
    int len;

    /* the size of a block device is where its end is: that is where the descriptor stands now */
    if (lseek(fd, 0, SEEK_SET) < 0 || (len = virFileReadHeaderFD(fd, VIR_STORAGE_MAX_HEADER, &header)) < 0) {
        virReportSystemError(errno, _("cannot read header of '%s'"), src->path);
        return -1;
    }
    if (!(read = virStorageSourceGetMetadataFromBuf(src->path, header, len, VIR_STORAGE_FILE_AUTO)) ||
        qbjHostTargetCheckHeader(src, read) < 0 || virStorageSourceUpdateCapacity(src, header, len) < 0)
        return -1;
    if (src->capacity == 0)
        return qbjHostTargetIsNot(src, virStorageFileFormatTypeToString(src->format));
    *found = g_steal_pointer(&read);
    return 0;
}

/* @found is NULL where there is no header. */
static int
qbjHostTargetRead(virStorageSource *src, unsigned long long *capacity, virStorageSource **found)
{
    VIR_AUTOCLOSE fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool header = src->format != VIR_STORAGE_FILE_RAW || src->encryption;
    struct stat st;

    *found = NULL;
    if (fd < 0 || fstat(fd, &st) < 0) {
        virReportSystemError(errno, _("cannot look at copy destination '%s'"), src->path);
        return -1;
    }
    if (virStorageSourceUpdateBackingSizes(src, fd, &st) < 0 ||
        (header && qbjHostTargetReadHeader(src, fd, found) < 0))
        return -1;
    *capacity = header ? src->capacity : src->physical;
    return 0;
}

int
qbjHostTargetGeometry(virStorageSource *src, qbjCopySize *size)
{
    g_autoptr(virStorageSource) found = NULL;
    qbjCopySize result = { 0 };

    if (qbjHostTargetRead(src, &result.capacity, &found) < 0)
        return -1;
    if (result.capacity % 512 != 0)
        return qbjHostTargetIsNot(src, virStorageFileFormatTypeToString(src->format));
    if (src->format == VIR_STORAGE_FILE_QCOW2) {
        result.clusterSize = found->clusterSize;
        result.extendedL2 = found->features && virBitmapIsBitSet(found->features, VIR_STORAGE_FILE_FEATURE_EXTENDED_L2);
    }
    *size = result;
    return 0;
}

int
qbjHostTargetCapacity(virStorageSource *src, unsigned long long *capacity)
{
    g_autoptr(virStorageSource) found = NULL;

    return qbjHostTargetRead(src, capacity, &found);
}

/* Where the link @path leads to; NULL when it is none. */
static char *
qbjHostTargetLink(const char *path)
{
    g_autofree char *to = g_file_read_link(path, NULL);
    g_autofree char *folder = NULL;

    if (!to || g_path_is_absolute(to))
        return g_steal_pointer(&to);
    folder = g_path_get_dirname(path);
    return g_build_filename(folder, to, NULL);
}

static int
qbjHostTargetCannot(void)
{
    virReportSystemError(errno, "%s", _("failed to create copy target"));
    return -1;
}

/* -1 where a file is, and where the file system has no files without a name. */
static int
qbjHostTargetOpenNameless(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat st;

    return lstat(path, &st) == 0 ? -1 : open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

int
qbjHostTargetCreate(const char *path, char **identity, int *fd)
{
    g_autofree char *to = qbjHostTargetLink(path);
    VIR_AUTOCLOSE nameless = qbjHostTargetOpenNameless(to ? to : path);
    VIR_AUTOCLOSE placed = -1;
    struct statx st;

    if (nameless < 0)
        placed = open(to ? to : path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if ((nameless < 0 && placed < 0) ||
        qbjHostTargetStat(nameless < 0 ? placed : nameless, "", AT_EMPTY_PATH, &st) < 0)
        return qbjHostTargetCannot();
    *identity = qbjHostTargetIdentity(&st);
    *fd = nameless;
    nameless = -1;
    return 0;
}

int
qbjHostTargetPlace(const char *path, int fd)
{
    g_autofree char *to = qbjHostTargetLink(path);
    g_autofree char *from = g_strdup_printf("/proc/self/fd/%d", fd);

    return linkat(AT_FDCWD, from, AT_FDCWD, to ? to : path, AT_SYMLINK_FOLLOW) < 0 ? qbjHostTargetCannot() : 0;
}

char *
qbjHostTargetIdentify(const char *path)
{
    struct statx st;

    if (qbjHostTargetStat(AT_FDCWD, path, 0, &st) < 0 || !S_ISREG(st.stx_mode) || !(st.stx_mask & STATX_BTIME))
        return NULL;
    return qbjHostTargetIdentity(&st);
}

bool
qbjHostTargetIsInUse(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool
qbjHostTargetWrittenSinceBoot(const char *path)
{
    struct timespec up;
    struct statx st;

    return qbjHostTargetStat(AT_FDCWD, path, 0, &st) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0 ||
        st.stx_mtime.tv_sec >= g_get_real_time() / G_USEC_PER_SEC - up.tv_sec;
}

static bool
qbjHostTargetIs(const struct statx *st, const char *identity)
{
    g_autofree char *now = qbjHostTargetIdentity(st);

    return S_ISREG(st->stx_mode) && STREQ_NULLABLE(now, identity);
}

bool
qbjHostTargetIsThere(const char *path, const char *identity)
{
    struct statx st;

    return qbjHostTargetStat(AT_FDCWD, path, 0, &st) == 0 && qbjHostTargetIs(&st, identity);
}

bool
qbjHostTargetIsEmpty(const char *path, const char *identity)
{
    struct statx st;

    return qbjHostTargetStat(AT_FDCWD, path, 0, &st) == 0 && st.stx_size == 0 && qbjHostTargetIs(&st, identity);
}

static int
qbjHostTargetFailed(const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    virReportSystemError(errno, _("cannot take '%s' back"), path);
    return -1;
}

/* Whoever owns a folder on the way may put something else there at any moment: what is looked at is what is
 * removed. */
int
qbjHostTargetRemove(const char *path, const char *identity)
{
    g_autofree char *real = virFileCanonicalizePath(path);
    g_autofree char *folder = real ? g_path_get_dirname(real) : NULL;
    g_autofree char *name = real ? g_path_get_basename(real) : NULL;
    VIR_AUTOCLOSE fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct statx st;

    if (fd < 0 || qbjHostTargetStat(fd, name, AT_SYMLINK_NOFOLLOW, &st) < 0)
        return qbjHostTargetFailed(path);
    if (!qbjHostTargetIs(&st, identity) || unlinkat(fd, name, 0) == 0)
        return 0;
    return qbjHostTargetFailed(path);
}

int
qbjHostTargetRemoveFresh(const char *path, const char *identity, const qbjHostFresh *made)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct statx st;

    if (fd < 0 || qbjHostTargetStat(fd, "", AT_EMPTY_PATH, &st) < 0)
        return qbjHostTargetFailed(path);
    if (!qbjHostTargetIs(&st, identity))
        return 0;
    if (!qbjHostFreshIs(fd, made)) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("'%s' holds what was not written here, and is left alone"), path);
        return -1;
    }
    return qbjHostTargetRemove(path, identity);
}

int
qbjHostTargetEmpty(const char *path, const char *identity, const qbjHostFresh *made)
{
    VIR_AUTOCLOSE fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct statx st;

    if (fd < 0 || qbjHostTargetStat(fd, "", AT_EMPTY_PATH, &st) < 0)
        return qbjHostTargetFailed(path);
    if (!qbjHostTargetIs(&st, identity))
        return 0;
    if (made && !qbjHostFreshIs(fd, made)) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("'%s' holds what was not written here, and is left alone"), path);
        return -1;
    }
    return ftruncate(fd, 0) == 0 ? 0 : qbjHostTargetFailed(path);
}
