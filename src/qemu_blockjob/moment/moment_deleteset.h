/* Deletion of a snapshot with all that descend from it, or of these alone, data and all.
 *
 * The whole set is planned before anything changes. Then each snapshot is deleted for itself, as
 * moment_delete.h has it, leaves first: whatever ends it leaves a tree and images that are whole, and the
 * same call deletes the rest. */
#pragma once

#include "domain_private.h"
#include "virdomainmomentobjlist.h"

/* @flags: VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN or CHILDREN_ONLY. Returns 0; -1 with an error reported: one of
 * the snapshots cannot be deleted, and nothing has changed; or what ended it, and some are still listed. @vm
 * is locked and its job held; the lock is dropped meanwhile. */
int qbjMomentDeleteSet(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags);

/* Whether any of the snapshots that @flags, VIR_DOMAIN_SNAPSHOT_DELETE_*, stand for is external. */
bool qbjMomentDeleteSetIsExternal(virDomainMomentObj *snap, unsigned int flags);
