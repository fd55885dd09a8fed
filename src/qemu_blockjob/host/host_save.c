#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virthread.h"
#include "host_save.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qemu_blockjob.host_save");

/* The name is not made from the target's, which may have as many bytes as the file system allows. Those
 * who read the folder skip what begins with a dot or does not end in .xml. */
#define TEMP_PREFIX ".qbj-"
#define TEMP_SUFFIX ".new"

struct _qbjHostSave {
    char *path;                 /* for messages */
    char *name;                 /* in the folder */
    char *temp;                 /* in the folder; NULL once renamed */
    char *text;
    int folder;                 /* open: the same one in both phases, whatever happens to its name */
    int replaced;               /* what phase 2 has replaced, or -1 */
};

void
qbjHostSaveFree(qbjHostSave *save)
{
    if (!save)
        return;
    if (save->temp && unlinkat(save->folder, save->temp, 0) < 0)
        VIR_WARN("cannot remove '%s' beside '%s': %s", save->temp, save->path, g_strerror(errno));
    VIR_FORCE_CLOSE(save->folder);
    VIR_FORCE_CLOSE(save->replaced);
    g_free(save->path);
    g_free(save->name);
    g_free(save->temp);
    g_free(save->text);
    g_free(save);
}

static void
qbjHostSaveFreeWork(void *opaque)
{
    qbjHostSaveFree(opaque);
}

void
qbjHostSaveLetGo(qbjHostSave *save)
{
    virThread thread;

    if (!save || virThreadCreateFull(&thread, false, qbjHostSaveFreeWork, "qbj-save", false, save) < 0)
        qbjHostSaveFree(save);
}

/* Returns the fd of a new file in the folder and its name, -1 with errno set. */
static int
qbjHostSaveCreateTemp(int folder, char **temp)
{
    static int counter;         /* atomic */

    while (true) {
        g_autofree char *name = g_strdup_printf(TEMP_PREFIX "%lld-%d" TEMP_SUFFIX, (long long) getpid(),
                                                g_atomic_int_add(&counter, 1));
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd >= 0)
            *temp = g_steal_pointer(&name);
        /* a process with our number died here earlier */
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

/* rename() would say so too, but too late. */
static int
qbjHostSaveCheckTarget(const qbjHostSave *save)
{
    struct statx st;

    if (statx(save->folder, save->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
        return errno == ENOENT ? 0 : -1;
    errno = S_ISDIR(st.stx_mode) ? EISDIR :
            (st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) ? EPERM :
            (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) ? EBUSY : 0;
    return errno == 0 ? 0 : -1;
}

/* Returns 0, -1 with errno set. */
static int
qbjHostSaveWrite(qbjHostSave *save, mode_t mode)
{
    VIR_AUTOCLOSE fd = -1;
    size_t length = strlen(save->text);

    if (qbjHostSaveCheckTarget(save) < 0)
        return -1;
    if ((fd = qbjHostSaveCreateTemp(save->folder, &save->temp)) < 0)
        return -1;
    if (virQbjFaultHit("save-write")) {
        errno = EIO;
        return -1;
    }
    while (virQbjFaultHit("save-hang"))
        g_usleep(50 * 1000);
    if (safewrite(fd, save->text, length) != (ssize_t) length ||
        fchmod(fd, mode) < 0 ||
        fsync(fd) < 0)
        return -1;
    return VIR_CLOSE(fd);
}

qbjHostSave *
qbjHostSavePrepare(const char *path, const char *text, mode_t mode)
{
    g_autoptr(qbjHostSave) save = g_new0(qbjHostSave, 1);
    g_autofree char *folder = g_path_get_dirname(path);

    save->path = g_strdup(path);
    save->name = g_path_get_basename(path);
    save->text = g_strdup(text);
    save->replaced = -1;
    save->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (save->folder < 0 || qbjHostSaveWrite(save, mode) < 0) {
        virReportSystemError(errno, _("cannot save '%s'"), path);
        return NULL;
    }
    return g_steal_pointer(&save);
}

bool
qbjHostSaveHas(const qbjHostSave *save, const char *path, const char *text)
{
    return STREQ(save->path, path) && STREQ_NULLABLE(save->text, text);
}

bool
qbjHostSaveIsThere(const qbjHostSave *save)
{
    g_autofree char *folder = g_path_get_dirname(save->path);
    g_autofree char *path = save->temp ? g_strdup_printf("%s/%s", folder, save->temp) : NULL;
    struct stat here;
    struct stat now;

    return path &&
        fstatat(save->folder, save->temp, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
        lstat(path, &now) == 0 &&
        here.st_dev == now.st_dev && here.st_ino == now.st_ino &&
        qbjHostSaveCheckTarget(save) == 0 &&
        /* a frozen file system or a dead server stops us here, and not in the rename */
        utimensat(save->folder, save->temp, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

int
qbjHostSaveRename(qbjHostSave *save)
{
    bool fault = virQbjFaultHit("save");

    if (fault)
        errno = EIO;
    else
        save->replaced = openat(save->folder, save->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fault || renameat(save->folder, save->temp, save->folder, save->name) < 0) {
        virReportSystemError(errno, _("cannot replace '%s'"), save->path);
        return -1;
    }
    g_clear_pointer(&save->temp, g_free);
    return 0;
}

int
qbjHostSaveCommit(qbjHostSave *save, bool *renamed)
{
    bool fault;

    *renamed = false;
    if (qbjHostSaveRename(save) < 0)
        return -1;
    *renamed = true;

    fault = virQbjFaultHit("save-sync");
    if (fault)
        errno = EIO;
    if (fault || fsync(save->folder) < 0) {
        virReportSystemError(errno, _("cannot write the folder of '%s' to disk"), save->path);
        return -1;
    }
    return 0;
}

int
qbjHostSaveFile(const char *path, const char *text, mode_t mode)
{
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(path, text, mode);
    bool renamed;

    if (!save)
        return -1;
    return qbjHostSaveCommit(save, &renamed);
}

int
qbjHostSaveSyncFolder(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && fsync(fd) == 0)
        return 0;
    virReportSystemError(errno, _("cannot write the folder '%s' to disk"), path);
    return -1;
}

int
qbjHostSaveMakeFolder(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);

    if (mkdir(path, 0755) == 0)
        return qbjHostSaveSyncFolder(parent);
    if (errno == EEXIST && virFileIsDir(path))
        return 0;
    virReportSystemError(errno, _("cannot create the folder '%s'"), path);
    return -1;
}

static bool
qbjHostSaveIsLeftover(const char *name)
{
    return STRPREFIX(name, TEMP_PREFIX) && g_str_has_suffix(name, TEMP_SUFFIX);
}

int
qbjHostSaveRemoveLeftovers(const char *folder)
{
    g_autoptr(DIR) entries = NULL;
    struct dirent *entry;
    int rc = virDirOpenIfExists(&entries, folder);

    if (rc <= 0)
        return rc;
    while ((rc = virDirRead(entries, &entry, folder)) > 0) {
        if (qbjHostSaveIsLeftover(entry->d_name) &&
            unlinkat(dirfd(entries), entry->d_name, 0) < 0 && errno != ENOENT) {
            virReportSystemError(errno, _("cannot remove '%s' in '%s'"), entry->d_name, folder);
            return -1;
        }
    }
    return rc;
}
