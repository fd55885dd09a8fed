/* Durable replacement of small files in two phases (protocol.md 4).
 *
 * Phase 1 writes and syncs a temporary file beside the target: everything that can fail or be slow happens
 * here, and nothing is visible. Phase 2 renames and syncs the folder. Between them the caller may still
 * call it off. */
#pragma once

#include "internal.h"

typedef struct _qbjHostSave qbjHostSave;

/* Phase 1. @mode e.g. 0600, whatever the umask. @path: a symbolic link there will be replaced, not
 * followed; what cannot be replaced is refused: a folder, a file that is immutable or a mount of its own.
 * NULL with VIR_ERR_SYSTEM_ERROR reported; nothing is left behind then. */
qbjHostSave *qbjHostSavePrepare(const char *path, const char *text, mode_t mode);

/* Phase 2, once. Returns 0 when renamed and the folder synced; -1 with VIR_ERR_SYSTEM_ERROR reported:
 * @renamed tells whether the new text is in place (only its durability is unknown then); it is set in
 * either case. */
int qbjHostSaveCommit(qbjHostSave *save, bool *renamed);

/* The same without the sync of the folder: after a power cut either of the two may be there, which must be as
 * good. Returns 0, -1 with VIR_ERR_SYSTEM_ERROR reported: nothing is renamed. */
int qbjHostSaveRename(qbjHostSave *save);

/* Whether it was prepared for @path with exactly @text (NULL: no). Touches no disk. */
bool qbjHostSaveHas(const qbjHostSave *save, const char *path, const char *text);

/* Whether phase 2 would still find the temporary file, in the folder that the path names now, and may put it
 * in the place of the target: for one that was prepared some time ago. Touches it: a folder that hangs is to
 * hang now. */
bool qbjHostSaveIsThere(const qbjHostSave *save);

/* Removes the temporary file when it was not renamed. When it was, the file that it replaced goes away only
 * now, if nothing else holds it: a file system may take as long for that as for the sync, and within rename()
 * the guest would wait for it. NULL is fine. */
void qbjHostSaveFree(qbjHostSave *save);

/* The same for a caller that is waited for: in a thread of its own. */
void qbjHostSaveLetGo(qbjHostSave *save);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostSave, qbjHostSaveFree);

/* Both phases at once. */
int qbjHostSaveFile(const char *path, const char *text, mode_t mode);

/* Makes the folder @path, of mode 0755 and durably, if it is not there: for a file of its own to be saved in.
 * Returns 0, -1 with VIR_ERR_SYSTEM_ERROR reported. */
int qbjHostSaveMakeFolder(const char *path);

/* What happened in the folder @path is on its disk. Returns 0, -1 with VIR_ERR_SYSTEM_ERROR reported. */
int qbjHostSaveSyncFolder(const char *path);

/* Removes the temporary files that a process which died between the phases has left in @folder. Only for a
 * daemon that starts: another one that is saving there now would lose its file. Returns 0 (also when there
 * is no such folder), -1 with an error reported. */
int qbjHostSaveRemoveLeftovers(const char *folder);
