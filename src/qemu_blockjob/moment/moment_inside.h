/* Internal snapshots of a guest that runs, with its memory: QEMU writes them into the images (undo.rst).
 *
 * The record in the status file is there from before the first command until the metadata are durable, or all
 * is taken back. In all of these @vm is locked and its job held; the lock is dropped meanwhile. */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"

/* Makes the snapshot @def, which is planned and has the memory within the images, of the running domain @vm;
 * the guest stands still while QEMU writes. @def: taken over when it has metadata. Returns 0; -1 with an
 * error reported: nothing has changed, or will have as soon as QEMU answers.
 *   VIR_ERR_CONFIG_UNSUPPORTED      an image cannot hold one; there is no image
 *   VIR_ERR_OPERATION_UNSUPPORTED   an image has one of that name; firmware in flash memory; a device that
 *                                   cannot be saved
 *   VIR_ERR_OPERATION_ABORTED       a client has called it off */
int qbjMomentInsideCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags);

/* QEMU answers, and no call is at it: the metadata tell whether the snapshot was made. Returns 0, -1 with an
 * error reported: to be called again. */
int qbjMomentInsideResume(virDomainObj *vm);

/* QEMU has ended: what it has left in the images goes, unless the snapshot was made. */
void qbjMomentInsideGone(virDomainObj *vm);
