#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_target.h"
#include "storage_file/storage_source.h"
#include "storage_file/storage_file_probe.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjHostTargetLook(const char *path, qbjHostTarget *target)
{
    struct stat st;

    *target = (qbjHostTarget) { 0 };
    if (stat(path, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return 0;
        virReportSystemError(errno, _("cannot look at copy destination '%s'"), path);
        return -1;
    }
    target->exists = true;
    target->device = S_ISBLK(st.st_mode);
    target->regular = S_ISREG(st.st_mode);
    target->empty = target->regular && st.st_size == 0;
    return 0;
}

int
qbjHostTargetProbe(const char *path)
{
    int format = virStorageFileProbeFormat(path, geteuid(), getegid());

    return format == VIR_STORAGE_FILE_NONE ? VIR_STORAGE_FILE_RAW : format;
}

int
qbjHostTargetCapacity(virStorageSource *src, unsigned long long *capacity)
{
    VIR_AUTOCLOSE fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    g_autofree char *header = NULL;
    struct stat st;
    int len;

    if (fd < 0 || fstat(fd, &st) < 0) {
        virReportSystemError(errno, _("cannot look at copy destination '%s'"), src->path);
        return -1;
    }
    if (virStorageSourceUpdateBackingSizes(src, fd, &st) < 0)
        return -1;
    if (src->format == VIR_STORAGE_FILE_RAW) {
        *capacity = src->physical;
        return 0;
    }
    if ((len = virFileReadHeaderFD(fd, VIR_STORAGE_MAX_HEADER, &header)) < 0) {
        virReportSystemError(errno, _("cannot read header of '%s'"), src->path);
        return -1;
    }
    if (virStorageSourceUpdateCapacity(src, header, len) < 0)
        return -1;
    if (src->capacity == 0 || qbjHostTargetProbe(src->path) != src->format) {
        virReportError(VIR_ERR_INVALID_ARG, _("copy destination '%s' is not an image of format '%s'"), src->path,
                       NULLSTR(virStorageFileFormatTypeToString(src->format)));
        return -1;
    }
    *capacity = src->capacity;
    return 0;
}

static char *
qbjHostTargetIdentity(const struct stat *st)
{
    return g_strdup_printf("%llu:%llu", (unsigned long long) st->st_dev, (unsigned long long) st->st_ino);
}

int
qbjHostTargetCreate(const char *path, char **identity)
{
    VIR_AUTOCLOSE fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        virReportSystemError(errno, "%s", _("failed to create copy target"));
        return -1;
    }
    *identity = qbjHostTargetIdentity(&st);
    return 0;
}

bool
qbjHostTargetIsSame(const char *path, const char *identity)
{
    g_autofree char *now = NULL;
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    now = qbjHostTargetIdentity(&st);
    return STREQ_NULLABLE(now, identity);
}

int
qbjHostTargetRemove(const char *path, const char *identity)
{
    if (!qbjHostTargetIsSame(path, identity) || unlink(path) == 0 || errno == ENOENT)
        return 0;
    virReportSystemError(errno, _("cannot remove '%s'"), path);
    return -1;
}
