#include <config.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"
#include "host_imgrun.h"
#include "host_process.h"
#include "host_within.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* One that is to end is given so long, then killed, then left to itself. */
#define QBJ_HOST_IMG_END_MS 5000
#define QBJ_HOST_IMG_TICK_MS 200

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

/* In the child: a long one ends with the daemon, and does not go on in images that the next daemon works on.
 * The thread that has begun it waits for it. */
static int
qbjHostImgRunEndWithUs(void *opaque)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == (pid_t) (intptr_t) opaque ? 0 : -1;
}

static qbjHostImgRun *
qbjHostImgRunNew(const char *const *args, bool isLong)
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
    if (isLong)
        virCommandSetPreExecHook(run->cmd, qbjHostImgRunEndWithUs, (void *) (intptr_t) getpid());
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

/* The fault "img-hang": a long one does not end. */
static bool
qbjHostImgRuns(int pidfd, bool isLong)
{
    if (!isLong || !virQbjFaultHit("img-hang"))
        return !qbjHostImgEnds(pidfd, QBJ_HOST_IMG_TICK_MS);
    g_usleep(QBJ_HOST_IMG_TICK_MS * 1000);
    return true;
}

/* Until it ends; -1 with an error reported when it was ended instead. @limitMs 0: no limit. */
static int
qbjHostImgAwait(pid_t pid, int pidfd, const char *path, unsigned int limitMs, qbjHostImgGoOn goOn, void *opaque)
{
    gint64 until = limitMs > 0 ? g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000) : G_MAXINT64;

    while (qbjHostImgRuns(pidfd, goOn != NULL)) {
        bool off = goOn && goOn(opaque) < 0;

        if (!off && g_get_monotonic_time() <= until)
            continue;
        if (!off)
            virReportError(VIR_ERR_OPERATION_TIMEOUT, _("the storage of image '%s' does not answer in time"), path);
        kill(pid, SIGTERM);
        if (!qbjHostImgEnds(pidfd, QBJ_HOST_IMG_END_MS))
            kill(pid, SIGKILL);
        return -1;
    }
    return 0;
}

int
qbjHostImgRunAll(const char *const *args, const char *path, unsigned int limitMs, qbjHostImgGoOn goOn, void *opaque,
                 char **out)
{
    g_autoptr(qbjHostImgRun) run = qbjHostImgRunNew(args, goOn != NULL);
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

int
qbjHostImgRunShort(const char *const *args, const char *path)
{
    return qbjHostImgRunAll(args, path, QBJ_HOST_IMG_SHORT_MS, NULL, NULL, NULL);
}

int
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

const char *
qbjHostImgFormat(virStorageSource *image)
{
    return virStorageFileFormatTypeToString(image->format);
}
