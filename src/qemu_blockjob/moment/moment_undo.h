/* What the planners of core/undo.h look at, of a domain as it is now. */
#pragma once

#include "domain_private.h"
#include "undo.h"

/* What a definition of another domain, or of its snapshots, states of a disk on this host. */
typedef struct _qbjMomentForeign qbjMomentForeign;
struct _qbjMomentForeign {
    char *domain;
    virStorageSource *top;
};

/* Of qbjMomentForeign, of all domains but @self; to be freed with g_ptr_array_unref(). Without locks. */
GPtrArray *qbjMomentForeignCollect(qbjDriver *driver, const virDomainObj *self);

typedef struct _qbjMomentUndo qbjMomentUndo;
struct _qbjMomentUndo {
    qbjUndo undo;
    char *current;
    const virQbjConf *conf;     /* the driver's */
};
void qbjMomentUndoFree(qbjMomentUndo *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjMomentUndo, qbjMomentUndoFree);

/* Copies of all chains that definitions of this domain and its snapshots, and of other domains, state.
 * @files: completed by what headers say, and with what is missing; another domain's chain that cannot be
 * read says what its definition states. @vm is locked and its job held; the lock is dropped, for storage
 * may hang. NULL with an error reported: the domain's own chain cannot be read. */
qbjMomentUndo *qbjMomentUndoNew(virDomainObj *vm, bool files);

/* The other domain that has the file @path, by whatever name, or NULL; "": one that the client may not see.
 * Borrowed. Without locks. */
const char *qbjMomentUndoForeign(const qbjMomentUndo *view, const char *path);

/* Whether a chain of the domain itself, or of a snapshot but @except (or NULL), has the file @path. Without
 * locks. */
bool qbjMomentUndoHas(qbjMomentUndo *view, const char *path, const char *except);

/* Looks which images that @snapshot's deletion (or a revert, @live: to the domain's chains as well) would
 * remove hold internal snapshots, and what headers say is below its own ones. Without locks. Returns 0, -1
 * with an error reported. */
int qbjMomentUndoLook(qbjMomentUndo *view, virDomainSnapshotDef *snapshot, bool live);
