/* Flushes what the host holds of a file that somebody else writes. */
#pragma once

#include "host_within.h"

/* What the host's page cache holds of the image @path is on its disk within @limitMs: an fdatasync, which
 * changes nothing of the file. Call it without locks. Only a regular file or a block device is synced; a FIFO
 * is not waited for. What cannot be opened or synced by us at all (another host's rights, a file system
 * without fsync) counts as done: it is a help for whoever flushes it later, who will say what is wrong.
 * Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_TIMEOUT   the disk does not answer, or too many earlier calls still wait for one
 *   VIR_ERR_SYSTEM_ERROR        it cannot be written: EIO, ENOSPC, EDQUOT */
int qbjHostSyncWithin(const char *path, unsigned int limitMs);

/* The two halves of it; what was begun must be ended, which frees it. NULL with an error reported. */
qbjHostWithinTask *qbjHostSyncBegin(const char *path);
/* The same for a file that is new: its name is on the disk, too. */
qbjHostWithinTask *qbjHostSyncNewBegin(const char *path);
int qbjHostSyncEnd(qbjHostWithinTask *task, unsigned int limitMs);
