/* Snapshots of the disks of a running domain (moments.rst says in which order, and why). */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"

/* Plans @def, as the client wrote it (moment_plan.h), for @vm. Returns 0, -1 with an error reported. @vm is
 * locked and its job held. */
int qbjMomentCreatePlan(virDomainObj *vm, virDomainSnapshotDef *def, unsigned int flags);

/* Makes the snapshot @def, which is planned and has no definitions yet, of the running domain @vm, whose
 * block jobs do not forbid it. @vm is locked and its job held; the lock is dropped meanwhile. @def: taken
 * over when it has metadata. Returns 0; -1 with an error reported: nothing has changed, or will have as soon
 * as QEMU answers. */
int qbjMomentCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags);
