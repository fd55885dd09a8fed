/* engine_switch_settle.h: back to old, for those who take a changeover back (engine_switch.h). @vm is locked
 * and its job is held. */
#pragma once

#include "engine_job.h"

/* The live source as it was, from the record of an earlier daemon; NULL when there is none. New object. */
virStorageSource *qbjEngineSwitchRecordedSource(virDomainObj *vm, const virQbjJob *job);

/* Outcome old, although memory may name new. Returns whether the persistent definition is to be saved. */
bool qbjEngineSwitchBackPersistent(virDomainObj *vm, virQbjJob *job);

/* The same for the live definition, afterwards. Returns 0, -1 with an error reported when nobody knows what
 * was before. */
int qbjEngineSwitchBackLive(virDomainObj *vm, virQbjJob *job);
