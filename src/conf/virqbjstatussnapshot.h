/* The record of a snapshot of a running domain that is being made (moments.rst), as data. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"
#include "spec.h"

/* One disk that gets an overlay. */
typedef struct _virQbjStatusOverlay virQbjStatusOverlay;
struct _virQbjStatusOverlay {
    qbjSpec *spec;              /* disk, rootOld, rootNew; its prepare phase makes the overlay, and undoes it */
    char *disk;                 /* the overlay as a <disk>, of the form of a status file */
};
void virQbjStatusOverlayFree(virQbjStatusOverlay *overlay);

typedef struct _virQbjStatusSnapshot virQbjStatusSnapshot;
struct _virQbjStatusSnapshot {
    char *name;                 /* of its metadata; NULL: none are kept */
    bool switching;             /* the definitions are durable, and QEMU may have been told to switch */
    GPtrArray *overlays;        /* of virQbjStatusOverlay, owns them */
    bool underWay;              /* this daemon is at it; not saved */
};
virQbjStatusSnapshot *virQbjStatusSnapshotNew(const char *name);
void virQbjStatusSnapshotFree(virQbjStatusSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatusSnapshot, virQbjStatusSnapshotFree);

/* Steals @spec and @disk. */
void virQbjStatusSnapshotAdd(virQbjStatusSnapshot *snapshot, qbjSpec *spec, char *disk);

/* Our own element; @snapshot NULL writes nothing. Returns 0, -1 with an error reported. */
int virQbjStatusSnapshotFormat(virBuffer *buf, const virQbjStatusSnapshot *snapshot);

/* The record in the <domstatus> @root; *@snapshot NULL when there is none. Returns 0, -1 when there is one
 * that cannot be read, which is logged: nobody knows what the guest writes into then. */
int virQbjStatusSnapshotParse(xmlNodePtr root, virQbjStatusSnapshot **snapshot);
