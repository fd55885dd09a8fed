#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "host_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIR_FROM_THIS VIR_FROM_QEMU

/* QEMU makes no folders in the ones that it gets; each level costs a descriptor. */
#define QBJ_HOST_FOLDER_DEPTH_MAX 32

static bool
qbjHostFolderIsOurs(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

int
qbjHostFolderOpen(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    int fd = open(g_path_is_absolute(path) ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t i;

    for (i = 0; fd >= 0 && parts[i]; i++) {
        int follow = qbjHostFolderIsOurs(fd) ? 0 : O_NOFOLLOW;
        int next;

        if (!*parts[i])
            continue;
        next = openat(fd, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
        VIR_FORCE_CLOSE(fd);            /* keeps errno */
        fd = next;
    }
    return fd;
}

static int
qbjHostFolderOpenParent(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);

    return qbjHostFolderOpen(parent);
}

static int qbjHostFolderRemoveAt(int parent, const char *name, unsigned int depth);

static int
qbjHostFolderEmpty(DIR *entries, unsigned int depth)
{
    struct dirent *entry;

    while ((errno = 0, entry = readdir(entries))) {
        if (STREQ(entry->d_name, ".") || STREQ(entry->d_name, ".."))
            continue;
        if (qbjHostFolderRemoveAt(dirfd(entries), entry->d_name, depth + 1) < 0)
            return -1;
    }
    return errno ? -1 : 0;
}

static int
qbjHostFolderRemoveAt(int parent, const char *name, unsigned int depth)
{
    int fd;
    int saved;
    DIR *entries;
    int rc;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (depth >= QBJ_HOST_FOLDER_DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }
    if ((fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        return -1;
    if (!(entries = fdopendir(fd))) {
        VIR_FORCE_CLOSE(fd);
        return -1;
    }
    rc = qbjHostFolderEmpty(entries, depth);
    saved = errno;
    closedir(entries);
    errno = saved;
    return rc < 0 ? -1 : unlinkat(parent, name, AT_REMOVEDIR);
}

int
qbjHostFolderRemove(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    VIR_AUTOCLOSE parent = qbjHostFolderOpenParent(path);

    if (parent < 0)
        return errno == ENOENT ? 0 : -1;
    return qbjHostFolderRemoveAt(parent, name, 0);
}

int
qbjHostFolderMake(const char *path, mode_t mode)
{
    g_autofree char *name = g_path_get_basename(path);
    VIR_AUTOCLOSE parent = qbjHostFolderOpenParent(path);
    VIR_AUTOCLOSE fd = -1;
    int made;

    /* a name that was taken again since it was removed is an error: only QEMU's user can have done it */
    if (parent < 0 ||
        qbjHostFolderRemoveAt(parent, name, 0) < 0 ||
        mkdirat(parent, name, 0700) < 0 ||
        (fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
        !qbjHostFolderIsOurs(fd) ||
        fchmod(fd, mode) < 0) {
        virReportSystemError(errno, _("unable to create folder '%s'"), path);
        return -1;
    }
    made = fd;
    fd = -1;
    return made;
}

int
qbjHostFolderWrite(int folder, const char *name, const void *bytes, size_t nbytes)
{
    VIR_AUTOCLOSE fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int made;

    if (fd < 0 || safewrite(fd, bytes, nbytes) != (ssize_t) nbytes)
        return -1;
    made = fd;
    fd = -1;
    return made;
}

int
qbjHostFolderGive(int fd, uid_t user, gid_t group, const char *path)
{
    if (user == (uid_t) -1 || fchown(fd, user, group) == 0)
        return 0;
    virReportSystemError(errno, _("unable to set ownership of '%s'"), path);
    return -1;
}
