/* Runs the steps of one phase of a spec. */
#pragma once

#include "engine_job.h"

typedef enum {
    QBJ_PHASE_RUN_ALL,                  /* QMP and host steps */
    QBJ_PHASE_RUN_HOST,                 /* QEMU is gone: host steps only */
} qbjPhaseRun;

/* Runs the steps of @phase in order; neighbouring QMP steps go out in one write when they may all fail, or
 * are of the prepare phase, of which all is undone. Stops at the first step, or write, that fails and is not
 * optional. @vm is locked and its job held; the lock is dropped while
 * QEMU is asked.
 * Returns 0; -1 with an error reported. */
int qbjEnginePhaseRun(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run);

/* The same from step number *@next on, which is the one behind the last that was tried afterwards: who calls
 * it again goes on behind what has failed. */
int qbjEnginePhaseRunFrom(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run, size_t *next);

/* Undoes the prepare phase, last step first. Every undo may already have been done. */
int qbjEnginePhaseUndo(virDomainObj *vm, const virQbjJob *job, qbjPhaseRun run);
