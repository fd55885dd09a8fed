/* When the note of a revert to external images (moment_revertnote.h) is carried out by others than the
 * call. */
#pragma once

#include "domain_private.h"

/* The metadata of @vm, which is locked, have been read, by a new daemon: goes on with what an earlier one has
 * left in the middle, or takes it back. Of a transient domain whose next guest may not have begun neither:
 * one of the others follows. */
void qbjMomentRevertSettleLoad(virDomainObj *vm);

/* @vm is shut off, else as below: what is left is settled by its definition. */
void qbjMomentRevertSettleReady(virDomainObj *vm);

/* @vm is to be reverted, which has a note of its own, or a snapshot of it is to be made, redefined or
 * deleted, which may change what the note is about; else as above. Returns 0; -1 with an error reported:
 * what an earlier one has left is still to be done. */
int qbjMomentRevertSettleBefore(virDomainObj *vm);

/* @vm runs, is locked and its job held; the lock is dropped: if its guest has begun the revert that has led
 * to it is done. */
void qbjMomentRevertSettleResume(virDomainObj *vm);

/* @vm is transient, has ended and leaves the list; else as above: if its guest had not begun the revert is
 * taken back. What cannot be done by then is not done any more: the note goes, and no image. */
void qbjMomentRevertSettleGone(virDomainObj *vm);
