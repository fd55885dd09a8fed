/* engine_persistent.h: the persistent definition as a pivot will save it, and saving it. */
#pragma once

#include "engine_job.h"

/* @newDef, @text: the definition and its file once the outcome of all @jobs (of virQbjJob) is new, both to be
  * freed; unchanged when there is no persistent definition, or when it names something else than the live
  * disks do.
 * Returns 0, -1 with an error reported. */
int qbjEnginePersistentPlan(virDomainObj *vm, const GPtrArray *jobs, virDomainDef **newDef, char **text);

/* The file of the persistent definition as it is now, to be freed; NULL when there is none, or with an error
 * reported. */
char *qbjEnginePersistentText(virDomainObj *vm);

/* Saves the persistent definition, if there is one, as memory says it. @vm is locked and its job is held; the
 * lock is dropped while the disk is waited for, 10 s at most. Returns 0, -1 with an error reported:
 * VIR_ERR_OPERATION_TIMEOUT when the disk does not answer, or as qbjHostSavePrepare(). */
int qbjEnginePersistentSave(virDomainObj *vm);
