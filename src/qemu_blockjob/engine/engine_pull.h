/* virDomainBlockPull and virDomainBlockRebase without COPY: checks, plan, start; and the ends that only a
 * stream has. */
#pragma once

#include "engine_job.h"

/* Checks P3 to P7 of behaviour/01 in their order, then starts the job. @disk, @base as the client gave them,
 * @base NULL: everything is pulled; @bandwidth in the unit that @flags says. @flags:
 * virDomainBlockRebaseFlags, of which RELATIVE (with a @base) and BANDWIDTH_BYTES are acted on; they are kept
 * in the record. @vm is locked, the caller holds its MODIFY job.
 * Returns 0 when QEMU accepted the job, -1 with an error reported and nothing changed. */
int qbjEnginePull(virDomainObj *vm, const char *disk, const char *base, unsigned long bandwidth, unsigned int flags);

/* The chain is the new one in QEMU, and the job has no error. Returns NEW at once when we had flushed the
 * active image before; else somebody else finalized the job: it is dismissed, bitmaps are merged, the image
 * is flushed (protocol 5). FAILED: that could not be done yet. */
qbjJobEvent qbjEnginePullEnded(virDomainObj *vm, virQbjJob *job);

/* The job has ended with an error. Returns OLD, or STREAM_FAILED when the chain in QEMU is the new one all
 * the same (H15); FAILED when QEMU could not be asked. */
qbjJobEvent qbjEnginePullFailed(virDomainObj *vm, virQbjJob *job);

/* After STREAM_FAILED: dismisses the job and puts the active image back onto its old backing node, which is
 * still there. Returns OLD; NEITHER when that could not be done, or a job of another type. */
qbjJobEvent qbjEnginePullGraphBack(virDomainObj *vm, virQbjJob *job);
