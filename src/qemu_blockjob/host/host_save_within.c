#include <config.h>

#include "internal.h"
#include "host_save_within.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjcond.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qemu_blockjob.host_save_within");

/* So many threads may wait for disks after their callers have given up. */
#define QBJ_HOST_SAVE_STUCK_MAX 16

/* A wish that owns what is in it. */
typedef struct _qbjHostSaveItem qbjHostSaveItem;
struct _qbjHostSaveItem {
    char *path;
    char *text;
    qbjHostSave *save;
};

typedef struct _qbjHostSaveTask qbjHostSaveTask;
struct _qbjHostSaveTask {
    /* the thread's alone until it is done */
    qbjHostSaveItem *items;
    size_t n;
    virErrorPtr error;

    virMutex lock;
    virCond cond;
    bool done;                  /* the caller frees the task */
    bool givenUp;               /* the thread frees it */
};

static int qbjHostSaveStuck;    /* atomic: threads whose callers have given up */

static void
qbjHostSaveTaskDrop(qbjHostSaveTask *task)
{
    size_t i;

    for (i = 0; i < task->n; i++)
        g_clear_pointer(&task->items[i].save, qbjHostSaveFree);
}

static void
qbjHostSaveTaskFree(qbjHostSaveTask *task)
{
    size_t i;

    qbjHostSaveTaskDrop(task);
    for (i = 0; i < task->n; i++) {
        g_free(task->items[i].path);
        g_free(task->items[i].text);
    }
    g_free(task->items);
    virFreeError(task->error);
    virCondDestroy(&task->cond);
    virMutexDestroy(&task->lock);
    g_free(task);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostSaveTask, qbjHostSaveTaskFree);

/* Takes over what was prepared for @wishes. NULL with an error reported: they are untouched then. */
static qbjHostSaveTask *
qbjHostSaveTaskNew(qbjHostSaveWish *wishes, size_t n)
{
    qbjHostSaveTask *task = g_new0(qbjHostSaveTask, 1);
    size_t i;

    if (virMutexInit(&task->lock) < 0) {
        virReportSystemError(errno, "%s", _("unable to initialize mutex"));
        g_free(task);
        return NULL;
    }
    if (virQbjCondInit(&task->cond) < 0) {
        virReportSystemError(errno, "%s", _("unable to initialize condition"));
        virMutexDestroy(&task->lock);
        g_free(task);
        return NULL;
    }
    task->items = g_new0(qbjHostSaveItem, n);
    task->n = n;
    for (i = 0; i < n; i++) {
        task->items[i] = (qbjHostSaveItem) {
            .path = g_strdup(wishes[i].path),
            .text = g_strdup(wishes[i].text),
            .save = g_steal_pointer(&wishes[i].save),
        };
    }
    return task;
}

static int
qbjHostSaveFulfil(qbjHostSaveItem *item)
{
    if (item->save && qbjHostSaveHas(item->save, item->path, item->text) && qbjHostSaveIsThere(item->save))
        return 0;
    g_clear_pointer(&item->save, qbjHostSaveFree);
    if (!item->text)
        return 0;
    item->save = qbjHostSavePrepare(item->path, item->text, 0600);
    return item->save ? 0 : -1;
}

static void
qbjHostSaveWork(void *opaque)
{
    qbjHostSaveTask *task = opaque;
    bool givenUp = false;
    size_t i;

    for (i = 0; i < task->n && !task->error; i++) {
        if (qbjHostSaveFulfil(&task->items[i]) < 0) {
            task->error = virSaveLastError();
            qbjHostSaveTaskDrop(task);
        }
    }
    VIR_WITH_MUTEX_LOCK_GUARD(&task->lock) {
        task->done = true;
        givenUp = task->givenUp;
        virCondSignal(&task->cond);
    }
    if (!givenUp)
        return;
    qbjHostSaveTaskFree(task);
    g_atomic_int_add(&qbjHostSaveStuck, -1);
}

/* Returns whether the thread is done; if not, the task is its own from now on. */
static bool
qbjHostSaveAwait(qbjHostSaveTask *task, unsigned int limitMs)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&task->lock);
    gint64 until = g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000);

    while (!task->done) {
        if (virQbjCondWaitUntil(&task->cond, &task->lock, until) < 0)
            break;
    }
    if (!task->done) {
        task->givenUp = true;
        g_atomic_int_inc(&qbjHostSaveStuck);
    }
    return task->done;
}

int
qbjHostSaveWithin(qbjHostSaveWish *wishes, size_t n, unsigned int limitMs)
{
    g_autoptr(qbjHostSaveTask) task = NULL;
    virThread thread;
    size_t i;

    if (g_atomic_int_get(&qbjHostSaveStuck) >= QBJ_HOST_SAVE_STUCK_MAX) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT, _("cannot save '%s': disks do not answer"), wishes[0].path);
        return -1;
    }
    if (!(task = qbjHostSaveTaskNew(wishes, n)))
        return -1;
    if (virThreadCreateFull(&thread, false, qbjHostSaveWork, "qbj-save", false, task) < 0) {
        virReportSystemError(errno, "%s", _("unable to create a thread"));
        return -1;
    }
    if (!qbjHostSaveAwait(task, limitMs)) {
        task = NULL;            /* the thread's */
        virReportError(VIR_ERR_OPERATION_TIMEOUT, _("cannot save '%s' in time: its disk does not answer"),
                       wishes[0].path);
        return -1;
    }
    if (task->error) {
        virErrorRestore(&task->error);
        return -1;
    }
    for (i = 0; i < n; i++)
        wishes[i].save = g_steal_pointer(&task->items[i].save);
    return 0;
}
