/* What becomes of a snapshot that is being made, from its record in the status file: forward, the disks are
 * on their overlays, or back, nothing has happened (moments.rst). Used by the daemon that makes it, by a
 * later one, and when QEMU has ended. In all of them @vm is locked and its job held. */
#pragma once

#include "domain_private.h"
#include "host_save.h"

/* The record, or NULL. Borrowed. */
virQbjStatusSnapshot *qbjMomentSettleRecord(virDomainObj *vm);

/* Whether the running domain may have another snapshot. Returns 0, -1 with VIR_ERR_OPERATION_INVALID: its
 * status file could not be read, or an earlier snapshot (of either kind) or a save is not settled. */
int qbjMomentSettleCheck(virDomainObj *vm);

/* @image as a <disk> @target, in the form of a status file: for the record. NULL with an error reported. */
char *qbjMomentSettleDiskText(virDomainObj *vm, virStorageSource *image, const char *target);

/* The persistent definition as it is to be: each disk of the record that has the live one's image gets the
 * overlay, with that image as its <backingStore>. *@newDef NULL: nothing is to change. Returns 0, -1 with an
 * error reported. */
int qbjMomentSettlePersistent(virDomainObj *vm, virDomainDef **newDef);

/* The snapshot is made, or with @back it is not: a guest that was stopped for it goes on, as the record says,
 * and what QEMU still writes is called off. Returns 0, -1 with an error reported: to be called again. */
int qbjMomentSettleGuest(virDomainObj *vm, bool back);

/* A guest that stands still goes on if it is to, unless QEMU or a client has another reason: another daemon
 * does not know why it stands still, but a record does. What QEMU has said of its stop is looked at before:
 * later it would be news. Returns 0, -1 with an error reported. */
int qbjMomentSettleGoOn(virDomainObj *vm, bool running);

/* QEMU's disks are on the overlays: so does the live definition say, the snapshot is the current one, the
 * record goes. Cannot fail: what cannot be saved is saved later. @former: the metadata of the one that was
 * the current one, when they are prepared, or NULL. */
void qbjMomentSettleForward(virDomainObj *vm, qbjHostSave *former);

/* QEMU's disks are as before: so are the persistent definition and the metadata, and the overlays go. The
 * last error is kept. Returns false when that has to be tried again; then the record stays. */
bool qbjMomentSettleBack(virDomainObj *vm);

/* QEMU answers, and no call is at it: asks QEMU which of the two it is. Returns 0, -1 with an error
 * reported: to be called again. */
int qbjMomentSettleResume(virDomainObj *vm);

/* QEMU has ended. Returns false when it has to be tried again. */
bool qbjMomentSettleGone(virDomainObj *vm);
