/* The calls that crashpoint.c counts: each asks it first, and then does what the next library does. */
#define _GNU_SOURCE
#include "crashpoint.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* --- commands, and what is written into files ---------------------------------------------------------- */

ssize_t
write(int fd, const void *data, size_t length)
{
    const char *bytes = data;
    ssize_t room = writeStep(fd, length);
    ssize_t done;
    bool cut;

    if (room < 0 || !commandStep(fd, &bytes, length, &cut))
        return -1;
    done = NEXT(write)(fd, bytes, room);
    commandDone(fd, data, done, cut);
    return done;
}

ssize_t
writev(int fd, const struct iovec *pieces, int n)
{
    if (n > 0 && writeStep(fd, pieces[0].iov_len) < 0)
        return -1;
    return NEXT(writev)(fd, pieces, n);
}

ssize_t
send(int fd, const void *data, size_t length, int flags)
{
    const char *bytes = data;
    ssize_t done;
    bool cut;

    if (!commandStep(fd, &bytes, length, &cut))
        return -1;
    done = NEXT(send)(fd, bytes, length, flags);
    commandDone(fd, data, done, cut);
    return done;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    const struct iovec *first = message->msg_iovlen ? message->msg_iov : NULL;
    const char *bytes = first ? first->iov_base : NULL;
    ssize_t done;
    bool cut;

    if (first && !commandStep(fd, &bytes, first->iov_len, &cut))
        return -1;
    done = NEXT(sendmsg)(fd, message, flags);
    if (first)
        commandDone(fd, first->iov_base, done < (ssize_t) first->iov_len ? done : (ssize_t) first->iov_len, cut);
    return done;
}

int
ftruncate64(int fd, off64_t size)
{
    return fileStep(WRITE, "truncate", fd) ? -1 : NEXT(ftruncate64)(fd, size);
}

/* Returns the error. */
int
posix_fallocate64(int fd, off64_t from, off64_t length)
{
    return fileStep(WRITE, "allocate", fd) ? errno : NEXT(posix_fallocate64)(fd, from, length);
}

int
fallocate64(int fd, int mode, off64_t from, off64_t length)
{
    return fileStep(WRITE, "allocate", fd) ? -1 : NEXT(fallocate64)(fd, mode, from, length);
}

/* --- changes ------------------------------------------------------------------------------------------- */

int
rename(const char *from, const char *to)
{
    return step(CHANGE, "rename", to) ? -1 : stepDone(NEXT(rename)(from, to));
}

int
renameat(int fromFolder, const char *from, int toFolder, const char *to)
{
    return step(CHANGE, "rename", to) ? -1 : stepDone(NEXT(renameat)(fromFolder, from, toFolder, to));
}

int
unlink(const char *path)
{
    return step(CHANGE, "unlink", path) ? -1 : stepDone(NEXT(unlink)(path));
}

int
unlinkat(int folder, const char *path, int flags)
{
    return step(CHANGE, "unlink", path) ? -1 : stepDone(NEXT(unlinkat)(folder, path, flags));
}

int
fsync(int fd)
{
    return fileStep(CHANGE, "fsync", fd) ? -1 : stepDone(NEXT(fsync)(fd));
}

int
fdatasync(int fd)
{
    return fileStep(CHANGE, "fdatasync", fd) ? -1 : stepDone(NEXT(fdatasync)(fd));
}

/* --- files and folders that are made, descriptors ------------------------------------------------------ */

static bool
openStep(const char *path, int flags)
{
    bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

    return step(OPEN | (creates ? CREATE : 0), creates ? "create" : "open", path);
}

#define OPEN_MODE(flags) \
    mode_t mode = 0; \
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list args; \
        va_start(args, flags); \
        mode = va_arg(args, mode_t); \
        va_end(args); \
    }

int
open64(const char *path, int flags, ...)
{
    OPEN_MODE(flags)
    return openStep(path, flags) ? -1 : NEXT(open64)(path, flags, mode);
}

int
openat64(int folder, const char *path, int flags, ...)
{
    OPEN_MODE(flags)
    return openStep(path, flags) ? -1 : NEXT(openat64)(folder, path, flags, mode);
}

int __open64_2(const char *path, int flags);

int
__open64_2(const char *path, int flags)
{
    return openStep(path, flags) ? -1 : NEXT(__open64_2)(path, flags);
}

int __openat64_2(int folder, const char *path, int flags);

int
__openat64_2(int folder, const char *path, int flags)
{
    return openStep(path, flags) ? -1 : NEXT(__openat64_2)(folder, path, flags);
}

int
creat64(const char *path, mode_t mode)
{
    return openStep(path, O_CREAT) ? -1 : NEXT(creat64)(path, mode);
}

int
mkostemp64(char *path, int flags)
{
    return openStep(path, O_CREAT) ? -1 : NEXT(mkostemp64)(path, flags);
}

FILE *
fopen64(const char *path, const char *mode)
{
    return openStep(path, *mode == 'r' ? 0 : O_CREAT) ? NULL : NEXT(fopen64)(path, mode);
}

DIR *
opendir(const char *path)
{
    return openStep(path, 0) ? NULL : NEXT(opendir)(path);
}

int
socket(int family, int type, int protocol)
{
    return step(OPEN, "socket", "") ? -1 : NEXT(socket)(family, type, protocol);
}

int
eventfd(unsigned int value, int flags)
{
    return step(OPEN, "eventfd", "") ? -1 : NEXT(eventfd)(value, flags);
}

int
pipe2(int ends[2], int flags)
{
    return step(OPEN, "pipe", "") ? -1 : NEXT(pipe2)(ends, flags);
}

int
memfd_create(const char *name, unsigned int flags)
{
    return step(OPEN, "memfd", name) ? -1 : NEXT(memfd_create)(name, flags);
}

int
pidfd_open(pid_t pid, unsigned int flags)
{
    return step(OPEN, "pidfd", "") ? -1 : NEXT(pidfd_open)(pid, flags);
}

int
mkdir(const char *path, mode_t mode)
{
    return step(CREATE, "mkdir", path) ? -1 : NEXT(mkdir)(path, mode);
}

int
mkdirat(int folder, const char *path, mode_t mode)
{
    return step(CREATE, "mkdir", path) ? -1 : NEXT(mkdirat)(folder, path, mode);
}

int
linkat(int fromFolder, const char *from, int toFolder, const char *to, int flags)
{
    return step(CREATE, "link", to) ? -1 : NEXT(linkat)(fromFolder, from, toFolder, to, flags);
}

int
symlink(const char *target, const char *path)
{
    return step(CREATE, "symlink", path) ? -1 : NEXT(symlink)(target, path);
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return connectFails() ? -1 : NEXT(connect)(fd, address, length);
}

/* --- owners and rights --------------------------------------------------------------------------------- */

int
chown(const char *path, uid_t user, gid_t group)
{
    return step(OWN, "chown", path) ? -1 : NEXT(chown)(path, user, group);
}

int
lchown(const char *path, uid_t user, gid_t group)
{
    return step(OWN, "chown", path) ? -1 : NEXT(lchown)(path, user, group);
}

int
fchown(int fd, uid_t user, gid_t group)
{
    return fileStep(OWN, "chown", fd) ? -1 : NEXT(fchown)(fd, user, group);
}

int
chmod(const char *path, mode_t mode)
{
    return step(OWN, "chmod", path) ? -1 : NEXT(chmod)(path, mode);
}

int
fchmod(int fd, mode_t mode)
{
    return fileStep(OWN, "chmod", fd) ? -1 : NEXT(fchmod)(fd, mode);
}

int
setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
    return step(OWN, "setxattr", path) ? -1 : NEXT(setxattr)(path, name, value, size, flags);
}

int
removexattr(const char *path, const char *name)
{
    return step(OWN, "removexattr", path) ? -1 : NEXT(removexattr)(path, name);
}
