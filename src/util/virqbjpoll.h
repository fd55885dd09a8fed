/* An event thread whose descriptors are all behind one epoll descriptor.
 *
 * Each turn of a GMainContext looks at all of its sources, and poll() at all of their descriptors: with two
 * for each VM that is most of what a daemon with a hundred VMs does. Here a turn costs what is ready. Timers
 * are sources of the context as ever. */
#pragma once

#include "internal.h"

#include <sys/epoll.h>

typedef struct _virQbjPoll virQbjPoll;
typedef struct _virQbjWatch virQbjWatch;

/* On the thread. @events: of epoll, 0 when somebody has called virQbjWatchKick(). */
typedef void (*virQbjWatchFunc)(virQbjWatch *watch, unsigned int events, void *opaque);

/* Starts the thread. NULL with an error reported. */
virQbjPoll *virQbjPollNew(const char *name);

/* @poll stays until as many virQbjPollUnref(). */
virQbjPoll *virQbjPollRef(virQbjPoll *poll);

/* The last one ends the thread, waits for it, and removes all watches that are left. Not on the thread. */
void virQbjPollUnref(virQbjPoll *poll);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjPoll, virQbjPollUnref);

/* For timers. */
GMainContext *virQbjPollContext(virQbjPoll *poll);

/* Whether the caller is the thread. */
bool virQbjPollIsOwn(virQbjPoll *poll);

/* Calls @func whenever one of @events, an error or a hangup is there, as long as it is there. @fd: borrowed,
 * must not be closed before virQbjWatchRemove(). @release is called with @opaque, once, when the watch has
 * been removed and @func does not run any more. The caller gets a reference. NULL with an error reported;
 * then @release is not called. */
virQbjWatch *virQbjWatchNew(virQbjPoll *poll, int fd, unsigned int events, virQbjWatchFunc func, void *opaque,
                            GDestroyNotify release);

/* Any thread, also for a watch that was removed. */
void virQbjWatchModify(virQbjWatch *watch, unsigned int events);

/* Any thread: @func is called soon. */
void virQbjWatchKick(virQbjWatch *watch);

/* Any thread, also from within @func, and more than once: @func is not called any more; it may be running. */
void virQbjWatchRemove(virQbjWatch *watch);

/* Drops the caller's reference; does not remove. Accepts NULL. */
void virQbjWatchUnref(virQbjWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjWatch, virQbjWatchUnref);
