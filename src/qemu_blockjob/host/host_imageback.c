#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_image.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.host_imageback");

static bool
qbjHostImageIsAt(const char *path, qbjHostImageId id)
{
    struct stat st;

    return id.inode && lstat(path, &st) == 0 && st.st_dev == id.device && st.st_ino == id.inode;
}

static void
qbjHostImageUnlink(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("Failed to remove '%s': %s", path, g_strerror(errno));
}

void
qbjHostImageTakeBack(const char *path, const char *part, const char *keep, qbjHostImageId id)
{
    qbjHostImageUnlink(part);
    if (qbjHostImageIsAt(path, id) && rename(keep, path) < 0) {
        if (errno != ENOENT) {
            VIR_WARN("'%s' cannot get its name '%s' back: %s", keep, path, g_strerror(errno));
            return;
        }
        qbjHostImageUnlink(path);
    }
    qbjHostImageUnlink(keep);
}

bool
qbjHostImageIsComplete(const char *path, qbjHostImageId id)
{
    char magic[VIR_QBJ_SAVE_MAGIC_SIZE];
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == id.device && st.st_ino == id.inode &&
           saferead(fd, magic, sizeof(magic)) == sizeof(magic) &&
           memcmp(magic, virQbjSaveImageMagic(), sizeof(magic)) == 0;
}

int
qbjHostImageTryKeep(const char *path, const char *part, const char *keep)
{
    bool fault = virQbjFaultHit("image-link");

    if (!virFileExists(path))
        return 0;
    if (fault)
        errno = EPERM;
    else if (link(part, keep) == 0 && unlink(keep) == 0)
        return 0;
    virReportSystemError(errno, _("file '%s' cannot be replaced where it cannot have a second name meanwhile"), path);
    return -1;
}
