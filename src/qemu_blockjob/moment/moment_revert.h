/* Revert to external snapshots (core/undo.h has the plan).
 *
 * No image of a snapshot changes: the domain gets fresh overlays over those of that moment. What the metadata
 * call the snapshot's overlay is the fresh one from then on: libvirt 9.0.0 has no second list of disks
 * (<revertDisks> of later ones). Overlays that nobody has a use for any more go last. */
#pragma once

#include "domain_private.h"
#include "virdomainmomentobjlist.h"

/* @flags: VIR_DOMAIN_SNAPSHOT_REVERT_*, known ones only. The guest that runs is ended when all that can be
 * looked at before is well; @vm is locked and its job held; the lock is dropped meanwhile. Returns 0; -1
 * with an error reported: the domain's definition and images are as before, and the guest still runs
 * unless QEMU had been ended already, or the error says otherwise. A transient domain whose QEMU has ended,
 * and for which no other one came to run, has left the list then. */
int qbjMomentRevert(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags);
