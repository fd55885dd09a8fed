/* What a block job would leave if the host crashed now: one small file for each job that makes or deletes
 * files, beside the persistent definition. It says what may be removed, never which chain is right: that
 * is what the persistent definition says. */
#pragma once

#include "internal.h"

/* More is neither written nor read. */
#define VIR_QBJ_NOTE_MAX_SIZE (1024 * 1024)
#define VIR_QBJ_NOTE_MAX_FILES 200      /* images of a disk */

typedef struct _virQbjNoteFile virQbjNoteFile;
struct _virQbjNoteFile {
    char *path;
    char *identity;             /* host_target.h; never NULL */
};

typedef struct _virQbjNote virQbjNote;
struct _virQbjNote {
    char *source;               /* what the persistent definition names as the disk's image, if @files are to go:
                                 * without that nothing may be removed */
    GPtrArray *files;           /* of virQbjNoteFile */
};

virQbjNote *virQbjNoteNew(const char *source);
void virQbjNoteFree(virQbjNote *note);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjNote, virQbjNoteFree);

void virQbjNoteAdd(virQbjNote *note, const char *path, const char *identity);

/* The text; NULL with an error reported, VIR_ERR_OPERATION_UNSUPPORTED for one that is too large. */
char *virQbjNoteFormat(const virQbjNote *note);

/* NULL with VIR_ERR_INTERNAL_ERROR reported for anything that virQbjNoteFormat() does not make: a part of
 * a text, unknown members, names that are not absolute. */
virQbjNote *virQbjNoteParse(const char *text);
