/* What a job would leave if the host crashed now, on disk beside the persistent definition (vm_leftover.h
 * reads it). The status file has all of it, but may be gone then. */
#pragma once

#include "engine_job.h"

/* The file for the disk @target of @vm; NULL when it cannot have one. To be freed. */
char *qbjEngineNotePath(virDomainObj *vm, const char *target);

/* @job has started. Nothing waits for a disk, and a failure is only logged: nothing would be lost without the
 * note. @vm is locked and its job is held; the lock is dropped meanwhile, also by the next one. */
void qbjEngineNoteKeep(virDomainObj *vm, const virQbjJob *job);

/* What @job has made is not to be removed any more. @durable: not even when the host crashes now. Returns
 * 0, -1 with an error reported. */
int qbjEngineNoteForget(virDomainObj *vm, const virQbjJob *job, bool durable);
