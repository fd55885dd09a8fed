/* Planners of the deletion of and the revert to external snapshots: which images are merged, by what, which
 * files go, what the other snapshots say afterwards; or why not. Pure.
 *
 * The one rule behind all of it (behaviour/08 S10.6): nothing is changed or removed to which anything else
 * refers: another snapshot, another chain of the domain, an internal snapshot within, another domain. */
#pragma once

#include "internal.h"
#include "snapshot_conf.h"
#include "refusal.h"

/* A backing chain that somebody has. All are complete: what a definition does not state was read from the
 * headers. */
typedef enum {
    QBJ_UNDO_LIVE,              /* the domain as it is: running, or as it would be started */
    QBJ_UNDO_PERSISTENT,        /* its next start, while it runs */
    QBJ_UNDO_MOMENT,            /* <domain> of a snapshot */
    QBJ_UNDO_MOMENT_INACTIVE,   /* <inactiveDomain> of a snapshot */
} qbjUndoOwner;

typedef struct _qbjUndoChain qbjUndoChain;
struct _qbjUndoChain {
    qbjUndoOwner owner;
    const char *moment;         /* name of the snapshot, else NULL; borrowed */
    char *disk;                 /* target */
    virStorageSource *top;      /* owned */
    bool readonly;              /* the disk is, or has no image that could change */
};
qbjUndoChain *qbjUndoChainNew(qbjUndoOwner owner, const char *moment, const char *disk, virStorageSource *top);
void qbjUndoChainFree(qbjUndoChain *chain);

/* All that a planner looks at; filled by moment/. Sets and tables are of paths; what is said of the file and
 * not of its name, by inside and foreign, is there for its inode as well. */
typedef struct _qbjUndo qbjUndo;
struct _qbjUndo {
    bool running;
    bool persistent;
    const char *current;        /* name of the current snapshot, or NULL; borrowed */
    GPtrArray *moments;         /* of virDomainSnapshotDef, borrowed, in order of names */
    GPtrArray *chains;          /* of qbjUndoChain */
    GHashTable *inodes;         /* path -> which file, or device, it is, for paths that lead to one: a text that
                                 * is no path */
    GHashTable *missing;        /* files that are not there */
    GHashTable *inside;         /* image -> GPtrArray of the names of internal snapshots that it holds */
    GHashTable *foreign;        /* path -> name of another domain that has the image in a chain; "": one that is not
                                 * to be named */
    GHashTable *headers;        /* path -> virStorageSource: the chain as headers alone say, of the images of
                                 * the moment, what stands on them, and the overlays of the snapshot that
                                 * goes, if readable */
};

typedef enum {
    QBJ_UNDO_ACTIVE,            /* active commit of overlay into base, with pivot */
    QBJ_UNDO_INTERMEDIATE,      /* commit of overlay into base below above */
    QBJ_UNDO_OFFLINE,           /* the same by qemu-img, nobody has the images open */
    QBJ_UNDO_REMOVE,            /* base is removed, with overlay when there is one: nobody else needs them */
    QBJ_UNDO_MERGED,            /* an earlier deletion has merged it: overlay is removed */
    QBJ_UNDO_KEEP,              /* base belongs to another snapshot, or the next start, as well: no file is touched */
    QBJ_UNDO_INTERNAL,          /* the snapshot is within base */
    QBJ_UNDO_LAST
} qbjUndoHow;
VIR_ENUM_DECL(qbjUndoHow);      /* active intermediate offline remove merged keep internal */

/* One disk of a deletion; owned, with references to its images. */
typedef struct _qbjUndoDisk qbjUndoDisk;
struct _qbjUndoDisk {
    char *disk;
    qbjUndoHow how;
    virStorageSource *base;     /* the image of the moment */
    virStorageSource *overlay;  /* what was laid over it; NULL: nothing is there */
    virStorageSource *above;    /* the image over that (MERGED: over base), NULL: overlay is the active one, or
                                 * OFFLINE's top */
    GPtrArray *over;            /* others that stand on base, on branches that the domain is not on: they get its
                                 * data and stand on below, before anything else changes */
    virStorageSource *below;    /* below base; NULL when over is empty */
    GPtrArray *beside;          /* others that stand on overlay: they stand on base when it is merged */
    bool begun;                 /* an earlier deletion may have done some of it */
};

typedef struct _qbjUndoDelete qbjUndoDelete;
struct _qbjUndoDelete {
    GPtrArray *disks;           /* of qbjUndoDisk; none: metadata only */
    GPtrArray *removed;         /* names of the snapshots that go, leaves first */
    GPtrArray *unlink;          /* paths, overlays before what is below them; the memory file last */
    GPtrArray *changed;         /* names of the snapshots whose definitions name overlay, or over on base: not from
                                 * then on */
    GPtrArray *children;        /* names of the snapshots that get another parent */
    char *parent;               /* that one, NULL: none */
    bool currentGoes;           /* the current snapshot goes */
    char *current;              /* then the next one, or NULL */
    GHashTable *inodes;         /* as it was planned with */
};
void qbjUndoDeleteFree(qbjUndoDelete *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjUndoDelete, qbjUndoDeleteFree);

/* Whether the data of the overlay go, or have gone, into base. */
bool qbjUndoIsMerge(const qbjUndoDisk *item);

/* @flags: VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY, which goes with either word for children, or 0. Returns
 * 0, -1 with @refusal set. Refusals that the stock driver has keep its code and text (08/S8). */
int qbjUndoPlanDelete(const qbjUndo *undo, virDomainSnapshotDef *snapshot, unsigned int flags, qbjUndoDelete **plan,
                      qbjRefusal *refusal);

/* The names of all that @flags, VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN or CHILDREN_ONLY or neither, stand for
 * with the snapshot @name: each one after all that descend from it. */
GPtrArray *qbjUndoNames(const qbjUndo *undo, const char *name, unsigned int flags);

/* The deletion of each of them in this order, data and all: the plan of each is for what the former ones
 * leave. @plans: of qbjUndoDelete. Returns 0; -1 with @refusal set: one of them cannot be deleted. @undo is
 * used up, and still borrows from @plans. */
int qbjUndoPlanDeleteAll(qbjUndo *undo, const char *name, unsigned int flags, GPtrArray **plans, qbjRefusal *refusal);

/* The image that the disk @disk has now, if it is the one that the internal snapshot @snapshot is in, and
 * may be changed; borrowed. NULL with @refusal set:
 *   VIR_ERR_OPERATION_UNSUPPORTED   the disk has another image by now (08/S8.14), or another domain uses it
 *   VIR_ERR_CONFIG_UNSUPPORTED      it is not qcow2, encrypted, or not on this host */
virStorageSource *qbjUndoInternalImage(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, const char *disk,
                                       qbjRefusal *refusal);

/* Nobody reverts to a snapshot whose deletion was begun. Returns 0, -1 with @refusal set,
 * VIR_ERR_OPERATION_INVALID. */
int qbjUndoCheckMark(const virDomainSnapshotDef *snapshot, qbjRefusal *refusal);

/* One disk of a revert. */
typedef struct _qbjUndoLaid qbjUndoLaid;
struct _qbjUndoLaid {
    const char *disk;
    virStorageSource *base;     /* the image of the moment, borrowed: gets a fresh overlay */
    char *stem;                 /* how the overlay's path begins; a suffix follows */
};

typedef enum {
    QBJ_UNDO_TO_SHUTOFF,
    QBJ_UNDO_TO_RUNNING,
    QBJ_UNDO_TO_PAUSED,
} qbjUndoTo;

/* Something of @undo's domain is to run after a revert to @snapshot, if it is transient. Returns 0, -1 with
 * @refusal set. */
int qbjUndoCheckTransient(const qbjUndo *undo, const virDomainSnapshotDef *snapshot, unsigned int flags,
                          qbjRefusal *refusal);

/* What the guest is to be after a revert to @snapshot, @flags: VIR_DOMAIN_SNAPSHOT_REVERT_*. */
qbjUndoTo qbjUndoRevertTo(const virDomainSnapshotDef *snapshot, unsigned int flags);

typedef struct _qbjUndoRevert qbjUndoRevert;
struct _qbjUndoRevert {
    GPtrArray *laid;            /* of qbjUndoLaid */
    GPtrArray *unlink;          /* abandoned overlays, tops first: for the very end */
    const char *memory;         /* the guest's state is loaded from this file, or NULL; borrowed */
    qbjUndoTo to;
};
void qbjUndoRevertFree(qbjUndoRevert *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjUndoRevert, qbjUndoRevertFree);

/* @flags: VIR_DOMAIN_SNAPSHOT_REVERT_*, known ones only. As above (08/S9). */
int qbjUndoPlanRevert(const qbjUndo *undo, virDomainSnapshotDef *snapshot, unsigned int flags, qbjUndoRevert **plan,
                      qbjRefusal *refusal);

/* @def named @overlay, whose data is in @base now: it names @base in its place. @inodes: the
 * plan's. Returns whether it has. */
bool qbjUndoForgetImage(virDomainDef *def, virStorageSource *overlay, virStorageSource *base, GHashTable *inodes);

/* @def named images that do not stand on what they stood on any more: those of over, and, when @item's images
 * are @merged, its overlay as well. Returns whether it has. */
bool qbjUndoForgetDisk(virDomainDef *def, const qbjUndoDisk *item, bool merged, GHashTable *inodes);
