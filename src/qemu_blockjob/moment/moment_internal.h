/* Internal snapshots: moments that qcow2 images keep within themselves. */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"
#include "virdomainmomentobjlist.h"
#include "moment_files.h"
#include "moment_undo.h"

/* Makes the snapshot @def, which is planned, in the image of each disk that it has as internal, of a
 * domain that is shut off: in all or in none. @vm is locked and its job held; the lock is dropped
 * meanwhile. @def: taken over when it has metadata. A daemon that dies may leave the data in some images,
 * without metadata. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_UNSUPPORTED   a disk is to be external; an image has a snapshot of that name already
 *   VIR_ERR_CONFIG_UNSUPPORTED      an image is not qcow2, encrypted, or not a file or block device */
int qbjMomentInternalCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags);

/* Removes the data of the snapshot @name from all images of @plan; one that has none of it is fine. As above,
 * also of a domain that runs. Returns 0; -1 with an error reported: @begun tells whether some have lost it,
 * or may lose it yet. */
int qbjMomentInternalDelete(virDomainObj *vm, const char *name, const qbjUndoDelete *plan, bool *begun);

/* After a restart, a snapshot of the running domain is marked: QEMU's job is waited for, and dismissed. The
 * lock is dropped. */
void qbjMomentInternalDeleted(virDomainObj *vm);

/* --- for those that do it with QEMU, and for reverts --- */

/* The images of all disks that @def has as internal, in its order; borrowed from @view. NULL with an error
 * reported: one has another image by now, cannot hold a snapshot, or is another domain's as well; or its
 * deletion was begun. */
GPtrArray *qbjMomentInternalImages(const qbjMomentUndo *view, virDomainSnapshotDef *def);

/* Their nodes, NULL terminated, to be freed. NULL with an error reported. */
char **qbjMomentInternalNodes(const GPtrArray *images);

/* Whether none of them has a snapshot @name, nor may it be the id of another one. Without locks. Returns 0,
 * -1 with an error reported. */
int qbjMomentInternalCheckFree(const GPtrArray *images, const char *name);

/* Removes it with qemu-img from those that have it. Without locks. Returns 0, -1 with an error reported. */
int qbjMomentInternalRemove(const GPtrArray *images, const char *name);

/* Keeps the metadata of @def, which is taken over, as those of the current snapshot. @files: as
 * qbjMomentFilesBeginMetadata() has begun them. Returns 0, -1 with an error reported. */
int qbjMomentInternalAdd(virDomainObj *vm, virDomainSnapshotDef **def, qbjMomentFiles *files);
