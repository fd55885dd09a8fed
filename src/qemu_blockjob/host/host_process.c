#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virprocess.h"
#include "virqbjfault.h"
#include "host_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjHostProcessOpen(pid_t pid, unsigned long long startTime)
{
    VIR_AUTOCLOSE fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    unsigned long long found = 0;
    int opened;

    if (fd >= 0 && virQbjFaultHit("process-open")) {
        VIR_FORCE_CLOSE(fd);
        errno = EMFILE;
    }
    if (pid <= 0)
        errno = EINVAL;
    else if (fd < 0 && (errno == EINVAL || errno == ENOENT))
        errno = ESRCH;          /* the number now belongs to a thread of some other process */
    if (fd < 0) {
        virReportSystemError(errno, _("cannot open process %lld"), (long long) pid);
        return -1;
    }

    /* Looked at after the opening: the process that has the right start time now had the number before,
     * too. */
    if (startTime != 0 && (virProcessGetStartTime(pid, &found) < 0 || found != startTime)) {
        virReportSystemError(ESRCH, _("process %lld is no longer the one that started at %llu"),
                             (long long) pid, startTime);
        return -1;
    }
    opened = fd;
    fd = -1;
    return opened;
}

/* Returns 1 when the process has ended, 0 when not by @until (monotonic, microseconds), -1 with errno set. */
static int
qbjHostProcessWait(int pidfd, gint64 until)
{
    struct pollfd waiting = { .fd = pidfd, .events = POLLIN };
    int rc;

    do {
        gint64 leftMs = (until - g_get_monotonic_time() + 999) / 1000;

        rc = poll(&waiting, 1, CLAMP(leftMs, 0, G_MAXINT));
    } while (rc < 0 && errno == EINTR);

    if (rc > 0 && (waiting.revents & POLLNVAL)) {
        errno = EBADF;
        return -1;
    }
    return rc;
}

/* Sends @signal and waits; results as above. A pidfd cannot hit a process that got the number later. */
static int
qbjHostProcessSignal(int pidfd, int sig, gint64 until)
{
    if (pidfd_send_signal(pidfd, sig, NULL, 0) < 0)
        return errno == ESRCH ? 1 : -1;
    return qbjHostProcessWait(pidfd, until);
}

int
qbjHostProcessEnd(int pidfd, unsigned int graceMs, unsigned int limitMs)
{
    gint64 begin = g_get_monotonic_time();
    gint64 limit = begin + limitMs * (gint64) 1000;
    gint64 grace = begin + graceMs * (gint64) 1000;
    bool kills = graceMs > 0 && graceMs < limitMs;
    int gone;

    if (virQbjFaultHit("process-end"))
        return 1;
    gone = qbjHostProcessSignal(pidfd, SIGTERM, kills ? grace : limit);
    if (gone == 0 && kills)
        gone = qbjHostProcessSignal(pidfd, SIGKILL, limit);
    if (gone < 0) {
        virReportSystemError(errno, "%s", _("cannot end the process"));
        return -1;
    }
    return gone ? 0 : 1;
}

bool
qbjHostProcessGone(int pidfd)
{
    return qbjHostProcessWait(pidfd, 0) > 0;
}
