/* Folders whose parent belongs to QEMU's user. Whatever that user puts in the place of one of them, a link
 * above all, nothing outside is changed: everything goes through descriptors, and links are not followed. */
#pragma once

#include "internal.h"

/* Opens the folder @path. Links in it are followed only where nobody but root and ourselves could have put
 * them: in folders that are ours or root's, and writable to their owner alone. Returns the fd, -1 with errno
 * set. */
int qbjHostFolderOpen(const char *path);

/* Makes the folder @path anew (what is there is removed first), with @mode. It belongs to us for now.
 * Returns its fd, -1 with an error reported. */
int qbjHostFolderMake(const char *path, mode_t mode);

/* Writes a new file @name in @folder. Returns its fd, -1 with errno set. */
int qbjHostFolderWrite(int folder, const char *name, const void *bytes, size_t nbytes);

/* Gives what @fd is open on to @user and @group; (uid_t) -1 and (gid_t) -1 leave it. @path: for the error.
 * Returns 0, -1 with an error reported. */
int qbjHostFolderGive(int fd, uid_t user, gid_t group, const char *path);

/* Removes @path and everything in it; a link, or a file, is removed as such. What is not there is fine.
 * Returns 0, -1 with errno set; then some of it may be gone. */
int qbjHostFolderRemove(const char *path);
