#include <config.h>

#include "internal.h"
#include "virqbjpoll.h"
#include "virerror.h"
#include "vireventthread.h"
#include "virfile.h"
#include "virthread.h"

#include <glib-unix.h>

#define VIR_FROM_THIS VIR_FROM_QEMU

/* What is handled in one turn; then timers have theirs, and descriptors that became ready meanwhile. */
#define VIR_QBJ_POLL_TURN 64

struct _virQbjPoll {
    int users;                  /* atomic */
    int refs;                   /* atomic: the users together have one, each watch has one */
    virEventThread *thread;     /* NULL: it has ended */
    GSource *source;            /* of the epoll descriptor */

    virMutex lock;              /* guards all below, and what watches say it does; never held across a callback */
    GMainContext *context;      /* NULL: the thread has ended */
    int fd;
    uint64_t next;              /* number of the next watch: an event may be older than what has its address now */
    GHashTable *watches;        /* number -> virQbjWatch, each with a reference */
    GQueue kicked;              /* of virQbjWatch, each with a reference */
};

struct _virQbjWatch {
    int refs;                   /* atomic */
    virQbjPoll *poll;
    uint64_t number;
    int fd;
    virQbjWatchFunc func;
    void *opaque;
    GDestroyNotify release;

    /* guarded by the lock of @poll */
    bool removed;
    bool running;               /* @func */
    bool kicked;                /* it is in that queue */
};

static void
virQbjPollFree(virQbjPoll *poll)
{
    if (!g_atomic_int_dec_and_test(&poll->refs))
        return;
    VIR_FORCE_CLOSE(poll->fd);
    g_hash_table_unref(poll->watches);
    virMutexDestroy(&poll->lock);
    g_free(poll);
}

void
virQbjWatchUnref(virQbjWatch *watch)
{
    if (!watch || !g_atomic_int_dec_and_test(&watch->refs))
        return;
    virQbjPollFree(watch->poll);
    g_free(watch);
}

static virQbjWatch *
virQbjWatchRef(virQbjWatch *watch)
{
    g_atomic_int_inc(&watch->refs);
    return watch;
}

static void
virQbjWatchUnkick(void *data, void *opaque G_GNUC_UNUSED)
{
    ((virQbjWatch *) data)->kicked = false;
}

/* --- the thread --- */

/* Steals a reference of @watch. */
static void
virQbjPollCall(virQbjPoll *poll, virQbjWatch *watch, unsigned int events)
{
    bool call = false;
    bool release = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&poll->lock) {
        call = watch->running = !watch->removed;
    }
    if (call) {
        watch->func(watch, events, watch->opaque);
        VIR_WITH_MUTEX_LOCK_GUARD(&poll->lock) {
            watch->running = false;
            release = watch->removed;
        }
    }
    if (release && watch->release)
        watch->release(watch->opaque);
    virQbjWatchUnref(watch);
}

static void
virQbjPollCallKicked(virQbjPoll *poll)
{
    GQueue kicked = G_QUEUE_INIT;
    virQbjWatch *watch;

    VIR_WITH_MUTEX_LOCK_GUARD(&poll->lock) {
        kicked = poll->kicked;
        g_queue_init(&poll->kicked);
        g_source_set_ready_time(poll->source, -1);
        g_queue_foreach(&kicked, virQbjWatchUnkick, NULL);
    }
    while ((watch = g_queue_pop_head(&kicked)))
        virQbjPollCall(poll, watch, 0);
}

/* With a reference; NULL: it has gone. */
static virQbjWatch *
virQbjPollFind(virQbjPoll *poll, uint64_t number)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&poll->lock);
    virQbjWatch *watch = g_hash_table_lookup(poll->watches, &number);

    return watch ? virQbjWatchRef(watch) : NULL;
}

static gboolean
virQbjPollTurn(GSource *source G_GNUC_UNUSED, GSourceFunc callback G_GNUC_UNUSED, void *opaque)
{
    virQbjPoll *poll = opaque;
    struct epoll_event events[VIR_QBJ_POLL_TURN];
    int n;
    int i;

    virQbjPollCallKicked(poll);
    n = epoll_wait(poll->fd, events, G_N_ELEMENTS(events), 0);
    for (i = 0; i < n; i++) {
        virQbjWatch *watch = virQbjPollFind(poll, events[i].data.u64);

        if (watch)
            virQbjPollCall(poll, watch, events[i].events);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs virQbjPollSourceFuncs = {
    .dispatch = virQbjPollTurn,
};

static gboolean
virQbjPollNothing(void *opaque G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

static void
virQbjPollAttach(virQbjPoll *poll)
{
    poll->source = g_source_new(&virQbjPollSourceFuncs, sizeof(GSource));
    g_source_add_unix_fd(poll->source, poll->fd, G_IO_IN);
    g_source_set_callback(poll->source, virQbjPollNothing, poll, NULL);
    g_source_attach(poll->source, poll->context);
}

virQbjPoll *
virQbjPollNew(const char *name)
{
    g_autofree virQbjPoll *poll = g_new0(virQbjPoll, 1);
    VIR_AUTOCLOSE fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0 || virMutexInit(&poll->lock) < 0) {
        virReportSystemError(errno, "%s", _("cannot watch descriptors"));
        return NULL;
    }
    if (!(poll->thread = virEventThreadNew(name))) {
        virMutexDestroy(&poll->lock);
        return NULL;
    }
    poll->users = 1;
    poll->refs = 1;
    poll->fd = fd;
    fd = -1;
    poll->watches = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&poll->kicked);
    poll->context = g_main_context_ref(virEventThreadGetContext(poll->thread));
    virQbjPollAttach(poll);
    return g_steal_pointer(&poll);
}

virQbjPoll *
virQbjPollRef(virQbjPoll *poll)
{
    g_atomic_int_inc(&poll->users);
    return poll;
}

GMainContext *
virQbjPollContext(virQbjPoll *poll)
{
    return poll->context;
}

bool
virQbjPollIsOwn(virQbjPoll *poll)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&poll->lock);

    return poll->context && g_main_context_is_owner(poll->context);
}

static gboolean
virQbjPollTakeAll(void *number G_GNUC_UNUSED, void *watch, void *opaque)
{
    g_queue_push_tail(opaque, virQbjWatchRef(watch));
    return FALSE;
}

/* The thread has ended. Timers go with the context. */
static void
virQbjPollRemoveAll(virQbjPoll *poll)
{
    g_autoptr(GMainContext) context = NULL;
    GQueue left = G_QUEUE_INIT;
    virQbjWatch *watch;

    VIR_WITH_MUTEX_LOCK_GUARD(&poll->lock) {
        context = g_steal_pointer(&poll->context);
        g_hash_table_find(poll->watches, virQbjPollTakeAll, &left);
    }
    while ((watch = g_queue_pop_head(&left))) {
        virQbjWatchRemove(watch);
        virQbjWatchUnref(watch);
    }
    while ((watch = g_queue_pop_head(&poll->kicked)))
        virQbjWatchUnref(watch);
}

void
virQbjPollUnref(virQbjPoll *poll)
{
    if (!poll || !g_atomic_int_dec_and_test(&poll->users))
        return;
    g_source_destroy(poll->source);
    g_clear_object(&poll->thread);
    virQbjPollRemoveAll(poll);
    g_source_unref(poll->source);
    virQbjPollFree(poll);
}

/* --- watches --- */

static int
virQbjWatchControl(virQbjWatch *watch, int operation, unsigned int events)
{
    struct epoll_event event = { .events = events, .data.u64 = watch->number };

    return epoll_ctl(watch->poll->fd, operation, watch->fd, &event);
}

virQbjWatch *
virQbjWatchNew(virQbjPoll *poll, int fd, unsigned int events, virQbjWatchFunc func, void *opaque,
               GDestroyNotify release)
{
    g_autofree virQbjWatch *watch = g_new0(virQbjWatch, 1);
    VIR_LOCK_GUARD lock = virLockGuardLock(&poll->lock);

    watch->poll = poll;
    watch->number = ++poll->next;
    watch->fd = fd;
    watch->func = func;
    watch->opaque = opaque;
    watch->release = release;
    if (virQbjWatchControl(watch, EPOLL_CTL_ADD, events) < 0) {
        virReportSystemError(errno, "%s", _("cannot watch a descriptor"));
        return NULL;
    }
    watch->refs = 2;
    g_atomic_int_inc(&poll->refs);
    g_hash_table_insert(poll->watches, &watch->number, watch);
    return g_steal_pointer(&watch);
}

void
virQbjWatchModify(virQbjWatch *watch, unsigned int events)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&watch->poll->lock);

    if (!watch->removed)
        ignore_value(virQbjWatchControl(watch, EPOLL_CTL_MOD, events));
}

void
virQbjWatchKick(virQbjWatch *watch)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&watch->poll->lock);

    if (watch->removed || watch->kicked)
        return;
    watch->kicked = true;
    g_queue_push_tail(&watch->poll->kicked, virQbjWatchRef(watch));
    g_source_set_ready_time(watch->poll->source, 0);
}

void
virQbjWatchRemove(virQbjWatch *watch)
{
    bool release = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&watch->poll->lock) {
        if (watch->removed)
            return;
        watch->removed = true;
        release = !watch->running;
        ignore_value(virQbjWatchControl(watch, EPOLL_CTL_DEL, 0));
        g_hash_table_remove(watch->poll->watches, &watch->number);
    }
    if (release && watch->release)
        watch->release(watch->opaque);
    virQbjWatchUnref(watch);
}
