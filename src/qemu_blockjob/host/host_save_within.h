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
    bool folder;                /* its folder is made, if need be */
    qbjHostSave *save;          /* what was prepared earlier, or NULL. It is used when it has this text and its file
                                 * is still there, else removed; a folder that hangs makes that wait, too */
};

/* Fills each @save, mode 0600, within @limitMs. Call it without locks. Afterwards each @save is the caller's:
 * after a failure it is NULL, or as before when nothing was begun. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_TIMEOUT   a disk does not answer, or too many earlier calls still wait for one
 *   VIR_ERR_SYSTEM_ERROR        as qbjHostSavePrepare() */
int qbjHostSaveWithin(qbjHostSaveWish *wishes, size_t n, unsigned int limitMs);

/* The two halves of it, for callers who have something else to do meanwhile. Begin never fails; what it has
 * begun must be ended, which frees it, with the same @wishes. What it takes over is back when End returns,
 * and its texts are its own. A @limitMs of 0 gives it up. */
typedef struct _qbjHostSaveTasks qbjHostSaveTasks;
qbjHostSaveTasks *qbjHostSaveWithinBegin(qbjHostSaveWish *wishes, size_t n);
int qbjHostSaveWithinEnd(qbjHostSaveTasks *tasks, qbjHostSaveWish *wishes, unsigned int limitMs);
