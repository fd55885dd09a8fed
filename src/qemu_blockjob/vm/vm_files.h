/* Folders, keys, sockets and logs that one run of a VM needs. */
#pragma once

#include "domain_private.h"

/* Fills status->libDir, monitorPath, channelTargetDir for this run's id. @vm is locked. */
int qbjVmFilesNames(virDomainObj *vm);

/* Makes libDir and the master key in it, owned by QEMU's user. Returns 0, -1 with an error reported. */
int qbjVmFilesMake(virDomainObj *vm);

/* Removes them; what is not there is fine. The pid file stays: as long as there is a status file, it tells
 * whether the process lives. */
void qbjVmFilesRemove(virDomainObj *vm);
void qbjVmFilesRemovePid(virDomainObj *vm);

char *qbjVmFilesPidPath(virDomainObj *vm);

/* Opens the domain's log for appending and writes a time stamped line. Returns the fd, -1 with an error
 * reported. */
int qbjVmFilesLogOpen(virDomainObj *vm);
void qbjVmFilesLogLine(virDomainObj *vm, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* What QEMU wrote to the log after @offset, at most 1 KiB of its end; never NULL. */
char *qbjVmFilesLogTail(virDomainObj *vm, off_t offset);
