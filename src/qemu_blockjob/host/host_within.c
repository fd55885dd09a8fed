#include <config.h>

#include "internal.h"
#include "host_within.h"
#include "virerror.h"
#include "virqbjcond.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* So many threads may wait for disks after their callers have given up. */
#define QBJ_HOST_WITHIN_STUCK_MAX 16

struct _qbjHostWithinTask {
    char *path;                 /* the caller's */

    /* the thread's alone until it is done */
    qbjHostWithinWork work;
    void *opaque;
    GDestroyNotify letGo;
    virErrorPtr error;

    virMutex lock;
    virCond cond;
    bool done;                  /* the caller frees the task */
    bool givenUp;               /* the thread frees it */
};

static int qbjHostWithinStuck;  /* atomic: threads whose callers have given up */

static void
qbjHostWithinTaskFree(qbjHostWithinTask *task)
{
    virFreeError(task->error);
    g_free(task->path);
    virCondDestroy(&task->cond);
    virMutexDestroy(&task->lock);
    g_free(task);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostWithinTask, qbjHostWithinTaskFree);

static qbjHostWithinTask *
qbjHostWithinTaskNew(void)
{
    g_autofree qbjHostWithinTask *task = g_new0(qbjHostWithinTask, 1);

    if (virMutexInit(&task->lock) < 0) {
        virReportSystemError(errno, "%s", _("unable to initialize mutex"));
        return NULL;
    }
    if (virQbjCondInit(&task->cond) < 0) {
        virReportSystemError(errno, "%s", _("unable to initialize condition"));
        virMutexDestroy(&task->lock);
        return NULL;
    }
    return g_steal_pointer(&task);
}

static void
qbjHostWithinRun(void *opaque)
{
    qbjHostWithinTask *task = opaque;
    bool givenUp = false;

    if (task->work(task->opaque) < 0)
        task->error = virSaveLastError();
    VIR_WITH_MUTEX_LOCK_GUARD(&task->lock) {
        task->done = true;
        givenUp = task->givenUp;
        virCondSignal(&task->cond);
    }
    if (!givenUp)
        return;
    task->letGo(task->opaque);
    qbjHostWithinTaskFree(task);
    g_atomic_int_add(&qbjHostWithinStuck, -1);
}

/* Returns whether the thread is done; if not, the task is its own from now on. */
static bool
qbjHostWithinAwait(qbjHostWithinTask *task, unsigned int limitMs)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&task->lock);
    gint64 until = g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000);

    while (!task->done) {
        if (virQbjCondWaitUntil(&task->cond, &task->lock, until) < 0)
            break;
    }
    if (!task->done) {
        task->givenUp = true;
        g_atomic_int_inc(&qbjHostWithinStuck);
    }
    return task->done;
}

qbjHostWithinTask *
qbjHostWithinBegin(const char *path, qbjHostWithinWork work, void *opaque, GDestroyNotify letGo)
{
    g_autoptr(qbjHostWithinTask) task = NULL;
    virThread thread;

    if (g_atomic_int_get(&qbjHostWithinStuck) >= QBJ_HOST_WITHIN_STUCK_MAX) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT, _("cannot save '%s': disks do not answer"), path);
        return NULL;
    }
    if (!(task = qbjHostWithinTaskNew()))
        return NULL;
    task->path = g_strdup(path);
    task->work = work;
    task->opaque = opaque;
    task->letGo = letGo;
    if (virThreadCreateFull(&thread, false, qbjHostWithinRun, "qbj-save", false, task) < 0) {
        virReportSystemError(errno, "%s", _("unable to create a thread"));
        return NULL;
    }
    return g_steal_pointer(&task);
}

int
qbjHostWithinEnd(qbjHostWithinTask *begun, void **opaque, unsigned int limitMs)
{
    g_autofree char *path = g_strdup(begun->path);
    g_autoptr(qbjHostWithinTask) task = begun;

    *opaque = NULL;
    if (!qbjHostWithinAwait(task, limitMs)) {
        task = NULL;            /* the thread's */
        virReportError(VIR_ERR_OPERATION_TIMEOUT, _("cannot save '%s' in time: its disk does not answer"), path);
        return -1;
    }
    *opaque = task->opaque;
    if (!task->error)
        return 0;
    virErrorRestore(&task->error);
    return -1;
}

int
qbjHostWithin(const char *path, qbjHostWithinWork work, void **opaque, GDestroyNotify letGo, unsigned int limitMs)
{
    qbjHostWithinTask *task = qbjHostWithinBegin(path, work, *opaque, letGo);

    return task ? qbjHostWithinEnd(task, opaque, limitMs) : -1;
}
