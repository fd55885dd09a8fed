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
int qbjEnginePhaseRunFrom(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run,
                          size_t *next);

/* As qbjEnginePhaseRun() with QBJ_PHASE_RUN_ALL, but does not wait for the answers to the last write of
 * commands, which QEMU is busy with meanwhile; jobs and optional steps are waited for. *@sent is only set
 * when there is something to wait for. Returns 0; -1 with an error reported, nothing is under way then. */
typedef struct _qbjEnginePhaseSent qbjEnginePhaseSent;
int qbjEnginePhaseBegin(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjEnginePhaseSent **sent);

/* Waits for them; frees @sent. Returns as qbjEnginePhaseRun(). */
int qbjEnginePhaseEnd(virDomainObj *vm, qbjEnginePhaseSent *sent);

/* In the place of that: nobody looks at the answers. NULL is fine. */
void qbjEnginePhaseAbandon(qbjEnginePhaseSent *sent);

/* Undoes the prepare phase, last step first. Every undo may already have been done. */
int qbjEnginePhaseUndo(virDomainObj *vm, const virQbjJob *job, qbjPhaseRun run);
