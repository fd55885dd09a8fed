/* engine_step.h: the only place that writes a job's state.
 *
 * One step: look the row up, write the new state, save the record where the row asks for it, carry the action
 * out; what the action comes back with is the next event. A save that fails stops the step before its action:
  * the old state is put back, and the event is tried again later. The other jobs of a group move by the same
  * step, and
 * by the same save (core/job_group.h). */
#pragma once

#include "engine_job.h"

/* Feeds @event to @job and goes on until nothing more follows. @vm is locked and its job is held; the lock is
 * dropped while QEMU is asked. @job may be gone on return: look it up again by name.
 * Returns 0 (also for an event without a row), -1 with an error reported when a record could not be saved. */
int qbjEngineStep(virDomainObj *vm, virQbjJob *job, qbjJobEvent event);

/* The text of the status file as it would be with @jobs (of virQbjJob) in @state; they are as before
 * afterwards. NULL with an error reported. @vm is locked; the caller frees. */
char *qbjEngineStepPreview(virDomainObj *vm, const GPtrArray *jobs, qbjJobState state);

/* A job without a record is where QEMU says that it is: no row of the table, and nothing is saved. */
void qbjEngineStepStray(virQbjJob *job, qbjJobState state);

/* As qbjEngineStep() for events that nobody waits for: a failed save is logged, and the event comes again
 * after a while. */
void qbjEngineFeed(virDomainObj *vm, virQbjJob *job, qbjJobEvent event);

/* Job events of QEMU, and timers. Others are ignored. @vm is locked and its job is held. */
void qbjEngineHandleQmp(virDomainObj *vm, const char *event, virJSONValue *data);
void qbjEngineHandleTimer(virDomainObj *vm, const char *job, int code);

/* After a restart of the daemon: every recorded job goes on. @vm as above, monitor established. */
void qbjEngineResume(virDomainObj *vm);

/* The process has ended: every job is settled offline, before the status file is removed. @vm as above.
 * Returns true, false when the persistent definition or the record could not be saved: then the status file
 * must stay, and this is to be called again. */
bool qbjEngineVmGone(virDomainObj *vm);
