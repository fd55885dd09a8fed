/* Work on a disk that may hang, for callers who cannot wait for that: a guest may be held.
 *
 * A thread of its own does it. Whoever gives up waiting leaves it what it has; there is a limit to the number
 * of such threads. */
#pragma once

#include "internal.h"

/* Returns 0, -1 with an error reported, which the caller of qbjHostWithin() gets. Called without locks. */
typedef int (*qbjHostWithinWork)(void *opaque);

/* Has @work done on *@opaque within @limitMs; @path is what it works on, for messages. Call it without locks.
 * Returns 0; -1 with an error reported: @work's own, or
 *   VIR_ERR_OPERATION_TIMEOUT   the disk does not answer: *@opaque is NULL then and the thread's, which gives
 *                               it to @letGo in the end; or too many earlier threads still wait for one
 *   VIR_ERR_SYSTEM_ERROR        there can be no thread
 * When *@opaque is not NULL it is the caller's again; nothing has been done with it unless the error is
 * @work's. */
int qbjHostWithin(const char *path, qbjHostWithinWork work, void **opaque, GDestroyNotify letGo, unsigned int limitMs);

/* The two halves of it, for several disks, or several syncs of one, at a time: file systems make together
 * durable what is asked for together. What was begun must be ended, which frees it. qbjHostWithinBegin()
 * takes @opaque over unless it returns NULL with an error reported; qbjHostWithinEnd() gives it back or not,
 * as above, and waits for @limitMs from now. */
typedef struct _qbjHostWithinTask qbjHostWithinTask;
qbjHostWithinTask *qbjHostWithinBegin(const char *path, qbjHostWithinWork work, void *opaque, GDestroyNotify letGo);
int qbjHostWithinEnd(qbjHostWithinTask *task, void **opaque, unsigned int limitMs);
