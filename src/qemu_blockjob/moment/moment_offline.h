/* Snapshots of the disks of a domain that is shut off (moments.rst). */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"

/* Makes the snapshot @def, which is planned, of @vm, which is shut off, locked, and its job held; the lock is
 * dropped meanwhile. @def: taken over when it has metadata. Returns 0; -1 with an error reported: nothing has
 * changed. */
int qbjMomentOffline(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags);

/* The metadata of @vm, which is locked, have been read: makes one of what an earlier daemon has left in the
 * middle. The definition decides: if it names the overlays, the snapshot was made; else it is taken back. */
void qbjMomentOfflineRecover(virDomainObj *vm);
