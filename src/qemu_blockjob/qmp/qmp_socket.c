#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "qmp_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjQmpSocketAddress(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof(address->sun_path)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("monitor socket path '%s' must have 1 to %zu bytes"),
                       path, sizeof(address->sun_path) - 1);
        return -1;
    }
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    return 0;
}

int
qbjQmpConnectUnix(const char *path)
{
    VIR_AUTOCLOSE fd = -1;
    struct sockaddr_un address;
    int connected;

    if (qbjQmpSocketAddress(path, &address) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
        virReportSystemError(errno, _("failed to connect to monitor socket '%s'"), path);
        return -1;
    }
    connected = fd;
    fd = -1;
    return connected;
}

pid_t
qbjQmpSocketPeer(int fd)
{
    struct ucred peer = { 0 };
    socklen_t length = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        virReportSystemError(errno, "%s", _("cannot tell who serves a socket"));
        return -1;
    }
    return peer.pid;
}

/* Only a socket is removed: a wrong path must not cost anybody a file. */
static int
qbjQmpSocketRemoveStale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
    } else if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
    } else if (unlink(path) == 0 || errno == ENOENT) {
        return 0;
    }
    virReportSystemError(errno, _("cannot replace monitor socket '%s'"), path);
    return -1;
}

/* QEMU's user may own the folder and put something else there: only a socket, and no link, gets @mode. */
static int
qbjQmpSocketMode(const char *path, mode_t mode)
{
    VIR_AUTOCLOSE fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    return chmod(self, mode);
}

/* The file gets the mode of the unbound socket, so it is at no time open to more people than @mode says;
 * chmod() then adds what the umask took away. */
static int
qbjQmpSocketBind(int fd, const struct sockaddr_un *address, mode_t mode)
{
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
        return -1;
    if (qbjQmpSocketMode(address->sun_path, mode) < 0 || listen(fd, 1) < 0) {
        int saved = errno;

        unlink(address->sun_path);
        errno = saved;
        return -1;
    }
    return 0;
}

int
qbjQmpListenUnix(const char *path, mode_t mode)
{
    VIR_AUTOCLOSE fd = -1;
    struct sockaddr_un address;
    int listening;

    if (qbjQmpSocketAddress(path, &address) < 0 ||
        qbjQmpSocketRemoveStale(path) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || qbjQmpSocketBind(fd, &address, mode) < 0) {
        virReportSystemError(errno, _("failed to listen on monitor socket '%s'"), path);
        return -1;
    }
    listening = fd;
    fd = -1;
    return listening;
}
