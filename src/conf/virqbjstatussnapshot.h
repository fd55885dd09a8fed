/* The record of a snapshot of a running domain that is being made (moments.rst), as data. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virenum.h"
#include "virxml.h"
#include "spec.h"

/* One disk that gets an overlay. */
typedef struct _virQbjStatusOverlay virQbjStatusOverlay;
struct _virQbjStatusOverlay {
    qbjSpec *spec;              /* disk, rootOld, rootNew; its prepare phase makes the overlay, and undoes it */
    char *disk;                 /* the overlay as a <disk>, of the form of a status file */
};
void virQbjStatusOverlayFree(virQbjStatusOverlay *overlay);

/* The file with the guest's memory: a save image. */
typedef struct _virQbjStatusMemory virQbjStatusMemory;
struct _virQbjStatusMemory {
    char *path;
    char *part;                 /* the name that it has until it is complete */
    char *kept;                 /* another name of the file that was at @path before, as long as that may have to come
                                 * back; nothing has it when there was none */
    unsigned long long device;  /* which file it is, by either name; 0: none yet */
    unsigned long long inode;
    unsigned long long started; /* ms since 1970 */
};
void virQbjStatusMemoryFree(virQbjStatusMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatusMemory, virQbjStatusMemoryFree);

/* Whether a guest that stands still is to go on; the words are those of the status file. */
typedef enum {
    VIR_QBJ_RESUME_NO,          /* it stood still before, or was not stopped */
    VIR_QBJ_RESUME_BACK,        /* when the snapshot is taken back */
    VIR_QBJ_RESUME_ALWAYS,
    VIR_QBJ_RESUME_LAST
} virQbjResume;
VIR_ENUM_DECL(virQbjResume);

typedef struct _virQbjStatusSnapshot virQbjStatusSnapshot;
struct _virQbjStatusSnapshot {
    char *name;                 /* of its metadata; NULL: none are kept */
    bool switching;             /* the definitions are durable, and QEMU may have been told to switch */
    virQbjResume resume;
    virQbjStatusMemory *memory; /* NULL: that of the disks alone */
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
