/* The files that say that a snapshot of a running domain was made: its metadata, the persistent definition,
 * and the metadata of the one that was the current one. They are written and synced beside the present files
 * while QEMU opens the overlays. When all of that is durable they are renamed, the definition first: the
 * record that would take metadata back does not survive a power cut, and a guest that is started without its
 * overlays would write into what they call the snapshot. */
#pragma once

#include "moment_overlay.h"
#include "host_save.h"

typedef struct _qbjMomentFiles qbjMomentFiles;

/* Begins to write them, as the record of @vm says; @def: the snapshot, which is stolen into @vm's list when
 * it is to have metadata. NULL with an error reported. @vm is locked and its job held. */
qbjMomentFiles *qbjMomentFilesBegin(virDomainObj *vm, virDomainSnapshotDef **def);

/* The same for a snapshot within the images, which no record of moment_settle.h is of: only metadata. @def
 * has its definitions, and is not put into the list. */
qbjMomentFiles *qbjMomentFilesBeginMetadata(virDomainObj *vm, virDomainSnapshotDef *def);

/* Waits until all are written. The lock is dropped. Returns 0, -1 with an error reported. */
int qbjMomentFilesWrite(virDomainObj *vm, qbjMomentFiles *files);

/* QEMU has the overlays: waits for their sync, then renames the definition, then the metadata; @vm's
 * persistent definition changes over first, and the snapshot in the list gets the one that is replaced.
 * From here on it names overlays that stand on the old images: whether or not QEMU switches, that chain has
 * all data. The lock is dropped. Returns 0, -1 with an error reported: some of it may be done. */
int qbjMomentFilesCommit(virDomainObj *vm, qbjMomentFiles *files, GPtrArray *overlays);

/* Renames the metadata alone. The lock is dropped. Returns 0, -1 with an error reported: it may be done. */
int qbjMomentFilesCommitMetadata(virDomainObj *vm, qbjMomentFiles *files);

/* The metadata of the one that was the current one, without that mark; borrowed. NULL: there was none. */
qbjHostSave *qbjMomentFilesFormer(qbjMomentFiles *files);

/* Removes what was not renamed. The last error is kept; the lock is dropped. NULL is fine. */
void qbjMomentFilesFree(virDomainObj *vm, qbjMomentFiles *files);
