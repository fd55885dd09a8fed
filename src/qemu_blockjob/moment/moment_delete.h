/* Deletion of snapshots.
 *
 * The record of a deletion that has begun is the snapshot's own metadata: each disk whose images are being
 * merged is marked there, before anything is done, and the metadata go last. From the mark on the snapshot
 * cannot be reverted to any more, for the image of its moment changes; deleting it again goes on with what
 * is left (moments.rst). */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"
#include "virdomainmomentobjlist.h"

/* Deletes @snap alone. @flags: 0, or VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY, with which those that stand
 * for children do as well. Waits until the images are merged. @vm is locked and its job held; the lock is
 * dropped meanwhile. Returns 0; -1 with an error reported: then the snapshot is still listed, and what is
 * said of the images is true. */
int qbjMomentDelete(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags);

/* What of the domain's state forbids it, whatever the images are. Returns 0, -1 with an error reported. */
int qbjMomentDeleteCheck(virDomainObj *vm, virDomainMomentObj *snap);

/* A daemon has been restarted, @vm runs: merges of a deletion whose caller is gone are called off, unless
 * they are decided. The snapshot stays marked, to be deleted again. Comes back by a timer while there are
 * block jobs. @vm is locked and its job held. */
void qbjMomentDeleteResume(virDomainObj *vm);
