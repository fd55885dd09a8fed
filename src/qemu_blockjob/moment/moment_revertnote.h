/* What a revert makes and what it leaves, in a file beside the metadata (reverting.json): a daemon that comes
 * in the middle of it goes on, or takes it back. The definition decides, as for the revert itself. */
#pragma once

#include "domain_private.h"
#include "virdomainmomentobjlist.h"

typedef struct _qbjMomentRevertNote qbjMomentRevertNote;

/* For a revert of @vm, which is locked, to the snapshot @name. Never NULL. */
qbjMomentRevertNote *qbjMomentRevertNoteNew(virDomainObj *vm, const char *name);
void qbjMomentRevertNoteFree(qbjMomentRevertNote *note);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjMomentRevertNote, qbjMomentRevertNoteFree);

/* The disk @target gets the fresh overlay @path, a file of @identity (or NULL), in the place of the image
 * @was, "" for a disk that the definition does not have. It is made over @base, of @capacity bytes. */
void qbjMomentRevertNoteAdd(qbjMomentRevertNote *note, const char *target, const char *was, const char *path,
                            const char *identity, const char *base, unsigned long long capacity);

/* The image @path has no use any more once that is done. */
void qbjMomentRevertNoteAbandon(qbjMomentRevertNote *note, const char *path);

/* Durably. To be called without locks, as the next two. Returns 0, -1 with an error reported. */
int qbjMomentRevertNoteSave(qbjMomentRevertNote *note);

/* The fresh overlays go, if they are still the files that were made. @own: no guest can have had them; else
 * one that holds more than it was made with stays, with a warning. */
void qbjMomentRevertNoteRemoveMade(qbjMomentRevertNote *note, bool own);

/* The note goes; NULL is fine. */
void qbjMomentRevertNoteDrop(qbjMomentRevertNote *note);

/* What the definition names is noted in the metadata: @snap's overlays are the fresh ones, it is the current
 * one, and what was abandoned is removed. @vm is locked and its job held; the lock is dropped meanwhile.
 * Returns 0; -1 with an error reported: the note is needed. */
int qbjMomentRevertNoteFinish(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertNote *note);

/* What an earlier revert of @vm, which is locked, has left; the lock is dropped meanwhile. *@note NULL:
 * nothing; what another domain of that name has left goes, and its images stay. Returns 0, -1 with an error
 * reported: it cannot be read. */
int qbjMomentRevertNoteRead(virDomainObj *vm, qbjMomentRevertNote **note);

/* The name of the snapshot. */
const char *qbjMomentRevertNoteName(const qbjMomentRevertNote *note);

/* Whether the next start of each disk of @vm, which is locked, is on the image from before, and the fresh
 * overlay is nobody's; otherwise, with @fresh, on the overlay. */
bool qbjMomentRevertNoteIs(virDomainObj *vm, const qbjMomentRevertNote *note, bool fresh);
