/* Phase 1 of saving (host_save.h) for callers who cannot wait for a disk that hangs: a guest may be held.
 *
 * The thread (host_within.h) never renames anything, and removes its files when it was given up and the disk
 * goes on. */
#pragma once

#include "host_save.h"

/* One file that is to be replaced. */
typedef struct _qbjHostSaveWish qbjHostSaveWish;
struct _qbjHostSaveWish {
    const char *path;           /* borrowed */
    const char *text;           /* borrowed; NULL: nothing is to be saved */
    qbjHostSave *save;          /* what was prepared earlier, or NULL. It is used when it has this text and its file
                                 * is still there, else removed; a folder that hangs makes that wait, too */
};

/* Fills each @save, mode 0600, within @limitMs. Call it without locks. Afterwards each @save is the caller's:
 * after a failure it is NULL, or as before when nothing was begun. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_TIMEOUT   a disk does not answer, or too many earlier calls still wait for one
 *   VIR_ERR_SYSTEM_ERROR        as qbjHostSavePrepare() */
int qbjHostSaveWithin(qbjHostSaveWish *wishes, size_t n, unsigned int limitMs);
