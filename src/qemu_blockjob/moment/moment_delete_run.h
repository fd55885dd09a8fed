/* The merges of a deletion (core/undo.h), by the engine or by qemu-img. */
#pragma once

#include "domain_private.h"
#include "undo.h"

/* Carries out what @plan does to images, and waits for it. Nothing but these and the domain's definitions
 * changes, and each of them is as before or as it is to be. @vm is locked and its job held; the lock is
 * dropped meanwhile. One that runs has an operation, whose abort is heard. Returns 0 when all are done; -1
 * with an error reported: @begun tells whether an image of the moment may have changed. */
int qbjMomentDeleteRun(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun);
