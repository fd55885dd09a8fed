/* A virCond that waits by the monotonic clock. libvirt's own waits by the wall clock, so a deadline would
 * end early or never when somebody sets the time. Use virCondSignal(), virCondBroadcast(),
 * virCondDestroy() as usual. */
#pragma once

#include "internal.h"
#include "virthread.h"

/* Initialises @cond for virQbjCondWaitUntil(); plain virCondWait() works with it too. Returns 0, -1 with
 * errno set. */
int virQbjCondInit(virCond *cond) G_GNUC_WARN_UNUSED_RESULT;

/* @until: in the microseconds of g_get_monotonic_time(). Returns 0 when signalled (or spuriously), -1 with
 * errno set (ETIMEDOUT). */
int virQbjCondWaitUntil(virCond *cond, virMutex *mutex, gint64 until) G_GNUC_WARN_UNUSED_RESULT;
