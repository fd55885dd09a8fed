/* Timers of a job: what is to be tried again, and the time that a pivot has. */
#pragma once

#include "engine_job.h"

/* How long to wait before something that could not be saved, or was not answered, is tried again. */
#define QBJ_ENGINE_RETRY_MS 1000

/* Feeds @event to @job after @delayMs. It is dropped when the job has left its present state by then
 * (@sameState), or is another one of the same name. @vm is locked. */
void qbjEngineTimerStart(virDomainObj *vm, virQbjJob *job, qbjJobEvent event, bool sameState, unsigned int delayMs);

/* The same for a job that QEMU has paused, in whatever state it is then; its codes are not events. */
void qbjEngineTimerStartPaused(virDomainObj *vm, virQbjJob *job, unsigned int delayMs);
bool qbjEngineTimerIsPaused(const virQbjJob *job, int code);

/* What the timer with this @code says to @job: the event; QBJ_EVENT_LAST when it was set for another state or
 * another job of the name. @anyState is set when it was not bound to a state. */
qbjJobEvent qbjEngineTimerRead(const virQbjJob *job, int code, bool *anyState);
