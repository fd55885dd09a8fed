/* engine_persistent.h: the persistent definition as a pivot will save it.
 *
 * Its text is known as soon as the mirror is ready. It is written and synced then, before a client asks for
 * the pivot, which so waits for one write of the disk less; if the definition has changed by then, it is
 * written again (protocol 4 A.2: a prepared file older than memory is never renamed). */
#pragma once

#include "engine_job.h"
#include "host_save.h"

/* @newDef, @text: the definition and its file once the outcome of @job is new, both to be freed; unchanged
 * when there is no persistent definition, or when it names something else than the live disk does.
 * Returns 0, -1 with an error reported. */
int qbjEnginePersistentPlan(virDomainObj *vm, const virQbjJob *job, virDomainDef **newDef, char **text);

/* Writes the file ahead, if there is one to write and its disk is not slow; a failure is for the pivot to
 * meet. @vm is locked and its job is held; the lock is dropped while the disk is waited for: @job may be gone
 * on return. */
void qbjEnginePersistentAhead(virDomainObj *vm, const virQbjJob *job);

/* Hands out what was written ahead for @job; NULL when nothing was. */
qbjHostSave *qbjEnginePersistentTake(virDomainObj *vm, const virQbjJob *job);

/* Removes what was written ahead for @job. */
void qbjEnginePersistentForget(virDomainObj *vm, const virQbjJob *job);
