/* Images of a domain go back to an internal snapshot of theirs: all of them or none (undo.rst).
 *
 * A file beside the metadata is the record. Each image gets an internal snapshot of what it holds (the kept
 * one), while QEMU still has it if the domain runs: that needs room, and the guest goes on if there is none.
 * Then QEMU is ended, and the images go back. The record is there from before the kept ones until they are
 * gone. It says whether all images have gone back: then that stays; else, whether any may have: then the kept
 * ones are put back. */
#pragma once

#include "domain_private.h"
#include "host_save.h"
#include "virdomainmomentobjlist.h"

typedef struct _qbjMomentApply qbjMomentApply;
struct _qbjMomentApply {
    char *name;                 /* of the snapshot */
    char *keep;                 /* the kept one's, within the images */
    bool running;               /* the guest ran: it goes on if nothing comes of the revert */
    bool kept;                  /* QEMU has ended, and each image keeps what it held */
    bool decided;               /* all images hold the moment */
    bool noted;                 /* so do definition and metadata: only the kept ones are left */
    char *before;               /* the persistent definition as it was, and as it is to be: texts of the file; of
                                 * a transient domain only the UUID */
    char *after;
    GPtrArray *images;          /* of virStorageSource, owns them */
    qbjHostSave *saves[2];      /* the record as it will be when @kept, and when @decided: prepared */
};
void qbjMomentApplyFree(qbjMomentApply *apply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjMomentApply, qbjMomentApplyFree);

/* Of copies of @images. */
qbjMomentApply *qbjMomentApplyNew(const char *name, const GPtrArray *images);

/* --- the record, without locks (moment_apply_record.c) --- */

/* The record's file of @vm, to be freed; NULL: the domain's name can have none. */
char *qbjMomentApplyPath(virDomainObj *vm);

/* Returns 0, -1 with an error reported. */
int qbjMomentApplyWrite(const qbjMomentApply *apply, const char *path);

/* All of it but the rename. NULL with an error reported. */
qbjHostSave *qbjMomentApplyWriteLater(const qbjMomentApply *apply, const char *path);

/* *@apply NULL: there is none. Returns 0, -1 with an error reported: it cannot be read. */
int qbjMomentApplyRead(const char *path, qbjMomentApply **apply);

/* The file goes. Returns 0, -1 with an error reported. */
int qbjMomentApplyDrop(const char *path);

/* --- the images; @vm is locked and its job held, the lock is dropped --- */

/* Each image keeps what it holds; a guest that runs stands still from then on. All that needs room happens
 * here. Returns 0; -1 with an error reported: nothing has changed, and the guest goes on. */
int qbjMomentApplyKeep(virDomainObj *vm, qbjMomentApply *apply);

/* After that, and the end of QEMU: all images hold the moment, durably. Returns 0; -1 with an error reported:
 * all hold what they held, or the record is still there and says that it is to be so. */
int qbjMomentApplyAll(virDomainObj *vm, qbjMomentApply *apply);

/* After either: what the images held comes back, and the record goes. The error that led here stays. Returns
 * 0, -1: the record stays, and the domain cannot be started until it can be done. */
int qbjMomentApplyBack(virDomainObj *vm, qbjMomentApply *apply);

/* After that: it stays so. The kept ones and the record go, as far as that can be done now, or the record
 * says that only these are left; @vm may run. */
void qbjMomentApplyDone(virDomainObj *vm, qbjMomentApply *apply);

/* The same, but definition or metadata may still have to follow: what cannot be done now is tried again, as
 * below. */
void qbjMomentApplyFollow(virDomainObj *vm, qbjMomentApply *apply);

/* --- others than the call --- */

/* Goes by the record, if there is one of this domain. As above. Returns 0, also when what is kept stays;
 * -1 with an error reported: the images are at different moments, or the record cannot be read. */
int qbjMomentApplyReady(virDomainObj *vm);

/* The same of one that runs: what is kept in its images goes. Errors are logged. */
void qbjMomentApplyResume(virDomainObj *vm);

/* After either, for another revert: whether definition or metadata are still to follow the record, or with
 * @noted, whether there is one at all, which may be another domain's: a second one would take its place, and
 * nobody would know what the first one has kept within images. Returns 0; -1 with VIR_ERR_OPERATION_INVALID
 * reported: it is so. */
int qbjMomentApplyCheckLeft(virDomainObj *vm, bool noted);
