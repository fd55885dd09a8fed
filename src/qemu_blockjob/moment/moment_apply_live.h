/* The part of moment_apply.h that is for a domain whose QEMU still has the images. @vm is locked and its job
 * held; the lock is dropped while QEMU is asked. */
#pragma once

#include "moment_apply.h"

/* The guest stands still, and each image keeps what it holds: all of them or none. Returns 0; -1 with an
 * error reported: to be followed by qbjMomentApplyBackLive(). */
int qbjMomentApplyKeepLive(virDomainObj *vm, const qbjMomentApply *apply);

/* The revert does not come to the end of QEMU: the guest goes on, and what its images keep goes with the
 * record. What cannot be done now is tried again. Returns 0, -1. */
int qbjMomentApplyBackLive(virDomainObj *vm, const qbjMomentApply *apply);

/* The images hold the moment, and a guest runs on them: what they keep goes. Returns 0, -1 with an error
 * reported. */
int qbjMomentApplyForgetLive(virDomainObj *vm, const qbjMomentApply *apply);
