/* Jobs that QEMU has paused because their storage cannot be written (protocol 7). That is no state of its
 * own: the job is where it was, the guest goes on, and the writing is tried again until it works or
 * somebody ends the job. */
#pragma once

#include "engine_job.h"

/* BLOCK_JOB_ERROR. A paused job is told to clients by IO_ERROR with the path of the image that it writes,
 * and to the log. A commit whose source cannot be read is ended: nothing that an administrator does about
 * a target helps it. @vm is locked and its job is held. */
void qbjEnginePausedHandle(virDomainObj *vm, virJSONValue *data);

/* The timer of such a job, set by the above: true when @code is one of its, and then it is dealt with. */
bool qbjEnginePausedTimer(virDomainObj *vm, virQbjJob *job, int code);

/* Tries at once; for a caller who says that there is a reason to. Errors are not reported. */
void qbjEnginePausedRetry(virDomainObj *vm, virQbjJob *job);

/* After a restart of the daemon: whether any of the jobs is paused. */
void qbjEnginePausedResume(virDomainObj *vm);
