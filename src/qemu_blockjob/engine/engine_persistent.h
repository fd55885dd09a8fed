/* engine_persistent.h: the persistent definition as a pivot will save it. */
#pragma once

#include "engine_job.h"

/* @newDef, @text: the definition and its file once the outcome of @job is new, both to be freed; unchanged
 * when there is no persistent definition, or when it names something else than the live disk does.
 * Returns 0, -1 with an error reported. */
int qbjEnginePersistentPlan(virDomainObj *vm, const virQbjJob *job, virDomainDef **newDef, char **text);
