/* The part of moment_apply.h that is for a domain whose QEMU still has the images. @vm is locked and its job
 * held; the lock is dropped while QEMU is asked. */
#pragma once

#include "moment_apply.h"

/* How long it may be at most until the next try. */
#define QBJ_MOMENT_APPLY_MAX_MS 60000

/* What QEMU cannot do now it may not do in this run: it removes nothing from images that have an overlay by
 * now. So a try less and less often, at most @maxMs from now; a domain that is shut off is seen to before its
 * next start. Calls try as well, while the timer goes. */
void qbjMomentApplyAgain(virDomainObj *vm, unsigned int maxMs);

/* The same after an error, which is reset: one line in the log, @what. */
void qbjMomentApplyLater(virDomainObj *vm, unsigned int maxMs, const char *what);

/* Nothing is left. */
void qbjMomentApplyNoMore(virDomainObj *vm);

/* The guest stands still, and each image keeps what it holds: all of them or none. Returns 0; -1 with an
 * error reported: to be followed by qbjMomentApplyBackLive(). */
int qbjMomentApplyKeepLive(virDomainObj *vm, const qbjMomentApply *apply);

/* The revert does not come to the end of QEMU: the guest goes on, and what its images keep goes with the
 * record. What cannot be done now is tried again. Returns 0, -1. */
int qbjMomentApplyBackLive(virDomainObj *vm, const qbjMomentApply *apply);

/* The images hold the moment, and a guest runs on them: what they keep goes. Returns 0, -1 with an error
 * reported. */
int qbjMomentApplyForgetLive(virDomainObj *vm, const qbjMomentApply *apply);
