#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_sync.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qemu_blockjob.host_sync");

/* What a disk says that cannot write; everything else is about us, not about the data. */
static bool
qbjHostSyncIsLoss(int err)
{
    return err == EIO || err == ENOSPC || err == EDQUOT;
}

static int
qbjHostSyncResult(const char *path, int rc)
{
    if (rc == 0)
        return 0;
    if (!qbjHostSyncIsLoss(errno)) {
        VIR_DEBUG("'%s' cannot be flushed in advance: %s", path, g_strerror(errno));
        return 0;
    }
    virReportSystemError(errno, _("unable to sync file '%s'"), path);
    return -1;
}

/* Where a link leads to is where the name is. */
static int
qbjHostSyncName(const char *path)
{
    g_autofree char *real = virFileCanonicalizePath(path);
    g_autofree char *folder = real ? g_path_get_dirname(real) : NULL;
    VIR_AUTOCLOSE fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    return fd < 0 ? 0 : qbjHostSyncResult(path, fsync(fd));
}

static int
qbjHostSyncFile(void *opaque)
{
    const char *path = opaque;
    /* a FIFO or a terminal that stands there now is not waited for */
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    while (virQbjFaultHit("sync-hang"))
        g_usleep(50 * 1000);
    if (fd < 0 || fstat(fd, &st) < 0) {
        VIR_DEBUG("'%s' is not flushed in advance: %s", path, g_strerror(errno));
        return 0;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return 0;
    if (virQbjFaultHit("sync")) {
        errno = EIO;
        return qbjHostSyncResult(path, -1);
    }
    return qbjHostSyncResult(path, fdatasync(fd));
}

static int
qbjHostSyncNew(void *opaque)
{
    return qbjHostSyncFile(opaque) < 0 ? -1 : qbjHostSyncName(opaque);
}

static qbjHostWithinTask *
qbjHostSyncBeginAs(const char *path, qbjHostWithinWork work)
{
    g_autofree char *own = g_strdup(path);
    qbjHostWithinTask *task = qbjHostWithinBegin(path, work, own, g_free);

    if (task)
        own = NULL;             /* the task's */
    return task;
}

qbjHostWithinTask *
qbjHostSyncBegin(const char *path)
{
    return qbjHostSyncBeginAs(path, qbjHostSyncFile);
}

qbjHostWithinTask *
qbjHostSyncNewBegin(const char *path)
{
    return qbjHostSyncBeginAs(path, qbjHostSyncNew);
}

int
qbjHostSyncEnd(qbjHostWithinTask *task, unsigned int limitMs)
{
    void *own = NULL;
    int rc = qbjHostWithinEnd(task, &own, limitMs);

    g_free(own);                /* NULL when it is the thread's */
    return rc;
}

int
qbjHostSyncWithin(const char *path, unsigned int limitMs)
{
    qbjHostWithinTask *task = qbjHostSyncBegin(path);

    return task ? qbjHostSyncEnd(task, limitMs) : -1;
}
