/* The overlays of a snapshot of a running domain: from what the client names to nodes in QEMU. */
#pragma once

#include "domain_private.h"
#include "engine_phase.h"
#include "host_sync.h"
#include "host_target.h"
#include "snapshot_conf.h"
#include "spec_copy.h"

/* One disk that gets an overlay. */
typedef struct _qbjMomentOverlay qbjMomentOverlay;
struct _qbjMomentOverlay {
    char *target;               /* of the disk */
    virStorageSource *image;    /* the overlay */
    bool reuse;                 /* it is there already */
    qbjCopyRequest req;
    qbjHostTarget found;
    char *identity;             /* of a file that we made */
    int fd;                     /* which has no place yet; -1 */
    qbjHostWithinTask *sync;    /* of what the host holds of the image; NULL: none is under way */
    qbjEnginePhaseSent *sent;   /* the commands that make its nodes; NULL: none are under way */
};

/* Those of @def, which is planned. Of qbjMomentOverlay; to be freed with g_ptr_array_unref(). */
GPtrArray *qbjMomentOverlaysNew(const virDomainSnapshotDef *def, unsigned int flags);

/* Paths of those that are local, borrowed; to be freed with g_ptr_array_unref(). */
GPtrArray *qbjMomentOverlaysPaths(const GPtrArray *overlays);

/* All checks that need the host or QEMU (S2.6, S2.7, S2.9). @vm is locked and its job held; the lock is
 * dropped meanwhile. Returns 0, -1 with an error reported: nothing has changed. */
int qbjMomentOverlaysCheck(virDomainObj *vm, GPtrArray *overlays);

/* Whether what was @found at the place of @image, the overlay of the disk @target, may become it, or be
 * used as it is (@reuse). Returns 0, -1 with an error reported: S2.6, S2.7. */
int qbjMomentOverlayCheckFile(const char *target, const virStorageSource *image, const qbjHostTarget *found,
                              bool reuse);

/* Makes the files, as yet without a name where the file system can do that, and fills the record @snapshot.
 * Returns 0; -1 with an error reported, and no file is left. */
int qbjMomentOverlaysPlan(virDomainObj *vm, GPtrArray *overlays, virQbjStatusSnapshot *snapshot);

/* The record is saved: gives the files their places, makes the images, begins to sync what the host holds of
 * them, and sends QEMU what makes their nodes. Returns 0; -1 with an error reported: what was made is for the
 * record to undo, which QEMU hears after all of this. */
int qbjMomentOverlaysBegin(virDomainObj *vm, GPtrArray *overlays);

/* Waits until QEMU has the nodes of all of them. Returns as above. */
int qbjMomentOverlaysOpened(virDomainObj *vm, GPtrArray *overlays);

/* Waits for the sync. Call it without locks. Returns 0, -1 with an error reported. */
int qbjMomentOverlaysSync(GPtrArray *overlays);

/* The transaction that puts them onto the active images. NULL with an error reported. The lock is dropped. */
virJSONValue *qbjMomentOverlaysActions(virDomainObj *vm, GPtrArray *overlays);
