/* What a revert to external images and one to internal snapshots have in common: definitions, metadata, the
 * end of QEMU and its start. @vm is locked and its job held; functions that do I/O drop the lock. */
#pragma once

#include "domain_private.h"
#include "host_image.h"
#include "host_img.h"
#include "host_save.h"
#include "moment_revertnote.h"
#include "moment_undo.h"
#include "virdomainmomentobjlist.h"
#include "vm_restore.h"

/* What a revert holds until it is done. */
typedef struct _qbjMomentRevertWork qbjMomentRevertWork;
struct _qbjMomentRevertWork {
    qbjMomentUndo *view;
    qbjUndoRevert *plan;        /* external; NULL: internal */
    GPtrArray *made;            /* paths of the fresh overlays, as plan->laid */
    int *fds;                   /* of those without a name yet, else -1 */
    qbjHostImgInfo *bases;      /* what the headers of the images say that they are made over */
    char **was;                 /* paths of the images that the disks are on until then, "": none */
    qbjMomentRevertNote *note;
    virQbjSaveImage *image;     /* of the guest's state; NULL: none */
    int fd;
    qbjHostImageReader *reader;
    qbjUndoTo to;
    bool memory;                /* the guest of that moment goes on; else it boots, if it is to run */
    virDomainDef *next;         /* the definition of that moment on the fresh overlays */
    virDomainDef *live;         /* the same, as the guest of the memory has it; NULL: it boots, or the domain is
                                 * transient, and that is @next */
    virDomainDef *before;       /* the definition that the next start would have had until then */
    qbjHostSave *save;          /* @next, prepared; NULL: the domain is transient */
    char *text;                 /* of it, NULL likewise */
    qbjHostSave *noted;         /* internal: the snapshot's metadata as those of the current one, prepared */
    qbjHostSave *unmarked;      /* those of the former current one; NULL: there is none */
};

/* All that can fail of the definition's save happens here. Returns 0, -1 with an error reported. */
int qbjMomentRevertDefine(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work);

/* Whether what is to run afterwards is likely to start: else QEMU is not ended. After that. Returns 0, -1
 * with an error reported. */
int qbjMomentRevertMay(virDomainObj *vm, const qbjMomentRevertWork *work);

/* Ends QEMU if it runs. Returns 0, -1 with an error reported. */
int qbjMomentRevertEnd(virDomainObj *vm);

/* The definition is renamed into place. Returns 0, -1 with an error reported: the old one is in force. */
int qbjMomentRevertDecide(virDomainObj *vm, qbjMomentRevertWork *work);

/* The guest of that moment did not come to run: back to the definition that was there. The error that led
 * here stays. Returns 0, -1: the new one may be in force. */
int qbjMomentRevertBack(virDomainObj *vm, qbjMomentRevertWork *work);

/* Starts what is to run; @restore: with this state, NULL: it boots. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_ABORTED       somebody has destroyed the transient domain meanwhile */
int qbjMomentRevertStart(virDomainObj *vm, qbjMomentRevertWork *work, const qbjVmRestore *restore, unsigned int flags);

/* Reverts to @snap, whose disks and memory are within the images. Returns 0, -1 with an error reported. */
int qbjMomentRevertInternal(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work);
