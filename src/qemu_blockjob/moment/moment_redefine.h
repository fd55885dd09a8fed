/* Metadata of a snapshot that a client knows: written anew, or in the place of those that are there. */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"

/* Takes @def, parsed with PARSE_REDEFINE, over. @flags: of virDomainSnapshotCreateXML(). No image is looked
 * at.
 * @vm is locked and its job held; the lock is dropped meanwhile. Returns the snapshot; NULL with an error
 * reported: nothing has changed. */
virDomainMomentObj *qbjMomentRedefine(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags);
