/* Images of a domain that is shut off go back to an internal snapshot of theirs: all of them or none
 * (undo.rst).
 *
 * A file beside the metadata is the record. Before the first image changes, each gets an internal snapshot of
 * what it holds (the kept one); the record is there from before that until the kept ones are gone. It says
 * whether all images have gone back: then that stays, else the kept ones are put back. */
#pragma once

#include "domain_private.h"
#include "virdomainmomentobjlist.h"

typedef struct _qbjMomentApply qbjMomentApply;
struct _qbjMomentApply {
    char *name;                 /* of the snapshot */
    char *keep;                 /* the kept one's, within the images */
    bool decided;               /* all images hold the moment */
    bool noted;                 /* so do definition and metadata: only the kept ones are left */
    char *before;               /* the persistent definition as it was, and as it is to be: texts of the file */
    char *after;
    GPtrArray *images;          /* of virStorageSource, owns them */
};
void qbjMomentApplyFree(qbjMomentApply *apply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjMomentApply, qbjMomentApplyFree);

/* Of copies of @images. */
qbjMomentApply *qbjMomentApplyNew(const char *name, const GPtrArray *images);

/* --- the record, without locks (moment_apply_record.c) --- */

/* Returns 0, -1 with an error reported. */
int qbjMomentApplyWrite(const qbjMomentApply *apply, const char *path);

/* *@apply NULL: there is none. Returns 0, -1 with an error reported: it cannot be read. */
int qbjMomentApplyRead(const char *path, qbjMomentApply **apply);

/* --- the images; @vm is locked, shut off, and its job held, the lock is dropped --- */

/* All images hold the moment afterwards, durably. Returns 0; -1 with an error reported: all hold what they
 * held, or the record is still there and says that it is to be so. */
int qbjMomentApplyAll(virDomainObj *vm, qbjMomentApply *apply);

/* After that: what the images held comes back, and the record goes. The error that led here stays. Returns 0,
 * -1: the record stays, and the domain cannot be started until it can be done. */
int qbjMomentApplyBack(virDomainObj *vm, qbjMomentApply *apply);

/* After that: it stays so. The kept ones and the record go, as far as that can be done now, or the record
 * says that only these are left; @vm may run. */
void qbjMomentApplyDone(virDomainObj *vm, qbjMomentApply *apply);

/* --- others than the call --- */

/* Goes by the record, if there is one of this domain. As above. Returns 0, also when what is kept stays;
 * -1 with an error reported: the images are at different moments, or the record cannot be read. */
int qbjMomentApplyReady(virDomainObj *vm);

/* The same of one that runs: what is kept in its images goes. Errors are logged. */
void qbjMomentApplyResume(virDomainObj *vm);
