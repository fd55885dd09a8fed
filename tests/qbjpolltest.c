/* virqbjpoll.h: whose turn it is, and what comes after what when a watch is removed. */
#include <config.h>

#include "internal.h"

#include <unistd.h>

#include "virerror.h"
#include "virfile.h"
#include "virqbjcond.h"
#include "virqbjpoll.h"
#include "virthread.h"
#include "virutil.h"

#define PATIENCE_US (60 * G_TIME_SPAN_SECOND)

/* One end of a pipe, and what was called back for it. */
typedef struct _Pipe Pipe;
struct _Pipe {
    virQbjPoll *poll;
    virQbjWatch *watch;
    int fds[2];

    virMutex lock;
    virCond changed;
    unsigned int calls;
    unsigned int kicks;
    unsigned int lastEvents;
    unsigned int released;
    unsigned int own;           /* the callback ran on the thread */
    bool removes;               /* the callback takes its watch away */
    bool stays;                 /* the callback does not return until this is false */
    unsigned int lateCall;      /* called after the release */
};

static void
pipeOnReady(virQbjWatch *watch, unsigned int events, void *opaque)
{
    Pipe *this = opaque;
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    this->calls++;
    this->kicks += events == 0;
    this->lastEvents = events;
    this->own = virQbjPollIsOwn(this->poll);
    this->lateCall += this->released;
    if (this->removes)
        virQbjWatchRemove(watch);
    virCondBroadcast(&this->changed);
    while (this->stays)
        g_assert_cmpint(virCondWait(&this->changed, &this->lock), ==, 0);
}

static void
pipeOnRelease(void *opaque)
{
    Pipe *this = opaque;
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    this->released++;
    virCondBroadcast(&this->changed);
}

static Pipe *
pipeNew(virQbjPoll *poll, unsigned int events)
{
    Pipe *this = g_new0(Pipe, 1);

    this->poll = poll;
    g_assert_cmpint(virMutexInit(&this->lock), ==, 0);
    g_assert_cmpint(virQbjCondInit(&this->changed), ==, 0);
    g_assert_cmpint(virPipe(this->fds), ==, 0);
    this->watch = virQbjWatchNew(poll, this->fds[0], events, pipeOnReady, this, pipeOnRelease);
    g_assert_nonnull(this->watch);
    return this;
}

static void
pipeFree(Pipe *this)
{
    virQbjWatchUnref(this->watch);
    VIR_FORCE_CLOSE(this->fds[0]);
    VIR_FORCE_CLOSE(this->fds[1]);
    virCondDestroy(&this->changed);
    virMutexDestroy(&this->lock);
    g_free(this);
}

static void
pipeWrite(Pipe *this)
{
    g_assert_cmpint(safewrite(this->fds[1], "x", 1), ==, 1);
}

/* Waits until *@figure is at least @least. */
static void
pipeAwait(Pipe *this, const unsigned int *figure, unsigned int least)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);
    gint64 until = g_get_monotonic_time() + PATIENCE_US;

    while (*figure < least)
        g_assert_cmpint(virQbjCondWaitUntil(&this->changed, &this->lock, until), ==, 0);
}

static void
pipeSet(Pipe *this, bool *what, bool value)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    *what = value;
    virCondBroadcast(&this->changed);
}

static unsigned int
pipeGet(Pipe *this, const unsigned int *figure)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    return *figure;
}

static void
testReady(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");
    Pipe *quiet = pipeNew(poll, EPOLLIN);
    Pipe *this = pipeNew(poll, EPOLLIN);

    g_assert_false(virQbjPollIsOwn(poll));
    pipeWrite(this);
    pipeAwait(this, &this->calls, 3);           /* as long as it is there */
    g_assert_cmpuint(pipeGet(this, &this->own), ==, 1);
    g_assert_cmpuint(pipeGet(this, &this->lastEvents), ==, EPOLLIN);
    g_assert_cmpuint(pipeGet(quiet, &quiet->calls), ==, 0);

    virQbjWatchRemove(this->watch);
    pipeAwait(this, &this->released, 1);
    virQbjWatchRemove(this->watch);             /* does nothing any more */
    virQbjWatchModify(this->watch, EPOLLIN);
    virQbjWatchKick(this->watch);
    virQbjWatchRemove(quiet->watch);
    g_assert_cmpuint(pipeGet(quiet, &quiet->released), ==, 1);   /* at once: it did not run */
    g_assert_cmpuint(pipeGet(this, &this->released), ==, 1);
    g_assert_cmpuint(pipeGet(this, &this->lateCall), ==, 0);
    pipeFree(this);
    pipeFree(quiet);
}

static void
testHangup(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");
    Pipe *this = pipeNew(poll, 0);

    pipeSet(this, &this->removes, true);
    VIR_FORCE_CLOSE(this->fds[1]);              /* told also to who wants nothing */
    pipeAwait(this, &this->released, 1);
    g_assert_cmpuint(pipeGet(this, &this->lastEvents), ==, EPOLLHUP);
    g_assert_cmpuint(pipeGet(this, &this->calls), ==, 1);
    pipeFree(this);
}

static void
testModify(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");
    Pipe *this = pipeNew(poll, 0);

    pipeWrite(this);
    virQbjWatchKick(this->watch);
    pipeAwait(this, &this->kicks, 1);
    g_assert_cmpuint(pipeGet(this, &this->calls), ==, 1);       /* what there is to read was not asked for */
    virQbjWatchModify(this->watch, EPOLLIN);
    pipeAwait(this, &this->calls, 2);
    g_assert_cmpuint(pipeGet(this, &this->lastEvents), ==, EPOLLIN);
    virQbjWatchRemove(this->watch);
    pipeAwait(this, &this->released, 1);
    pipeFree(this);
}

/* Who removes a watch while its callback runs does not wait; the release comes when that has returned. */
static void
testRemoveRunning(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");
    Pipe *this = pipeNew(poll, EPOLLIN);

    pipeSet(this, &this->stays, true);
    pipeWrite(this);
    pipeAwait(this, &this->calls, 1);
    virQbjWatchRemove(this->watch);
    g_assert_cmpuint(pipeGet(this, &this->released), ==, 0);
    pipeSet(this, &this->stays, false);
    pipeAwait(this, &this->released, 1);
    g_assert_cmpuint(pipeGet(this, &this->calls), ==, 1);
    pipeFree(this);
}

/* The end of the thread releases what is left, also what was kicked. */
static void
testEnd(void)
{
    virQbjPoll *poll = virQbjPollNew("poll");
    Pipe *this = pipeNew(poll, EPOLLIN);
    Pipe *other = pipeNew(poll, EPOLLIN);

    pipeSet(this, &this->stays, true);
    virQbjWatchKick(this->watch);
    pipeAwait(this, &this->kicks, 1);
    virQbjWatchKick(other->watch);
    pipeSet(this, &this->stays, false);
    virQbjPollUnref(poll);
    g_assert_cmpuint(pipeGet(this, &this->released), ==, 1);
    g_assert_cmpuint(pipeGet(other, &other->released), ==, 1);
    g_assert_cmpuint(pipeGet(this, &this->lateCall) + pipeGet(other, &other->lateCall), ==, 0);
    virQbjWatchKick(this->watch);
    virQbjWatchRemove(this->watch);
    g_assert_cmpuint(pipeGet(this, &this->released), ==, 1);
    pipeFree(this);
    pipeFree(other);
}

/* A watch that was removed in the very turn that it was ready in is not called: another descriptor may have
 * its number by then. */
static void
testCrowd(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");
    Pipe *pipes[200];
    size_t round;
    size_t i;

    for (round = 0; round < 20; round++) {
        for (i = 0; i < G_N_ELEMENTS(pipes); i++) {
            pipes[i] = pipeNew(poll, EPOLLIN);
            pipeSet(pipes[i], &pipes[i]->removes, i % 3 == 0);
            pipeWrite(pipes[i]);
        }
        pipeAwait(pipes[round * 7], &pipes[round * 7]->calls, 1);
        for (i = 0; i < G_N_ELEMENTS(pipes); i++) {
            virQbjWatchKick(pipes[i]->watch);
            virQbjWatchRemove(pipes[i]->watch);
        }
        for (i = 0; i < G_N_ELEMENTS(pipes); i++) {
            pipeAwait(pipes[i], &pipes[i]->released, 1);
            g_assert_cmpuint(pipeGet(pipes[i], &pipes[i]->lateCall), ==, 0);
            g_assert_cmpuint(pipeGet(pipes[i], &pipes[i]->released), ==, 1);
            pipeFree(pipes[i]);
        }
    }
}

static void
testRefused(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("poll");

    g_assert_null(virQbjWatchNew(poll, -1, EPOLLIN, pipeOnReady, NULL, pipeOnRelease));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/poll/ready", testReady);
    g_test_add_func("/poll/hangup", testHangup);
    g_test_add_func("/poll/modify", testModify);
    g_test_add_func("/poll/remove while it runs", testRemoveRunning);
    g_test_add_func("/poll/end", testEnd);
    g_test_add_func("/poll/crowd", testCrowd);
    g_test_add_func("/poll/refused", testRefused);
    return g_test_run();
}
