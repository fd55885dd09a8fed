/* Folders, keys and sockets that one run of a VM needs. */
#pragma once

#include "domain_private.h"

/* Fills status->libDir, monitorPath, channelTargetDir for this run's id. @vm is locked. */
int qbjVmFilesNames(virDomainObj *vm);

/* Makes libDir and the master key in it, owned by QEMU's user. @key: of QBJ_HOST_KEY_LEN bytes, is filled
 * with it. Returns 0, -1 with an error reported. */
int qbjVmFilesMake(virDomainObj *vm, uint8_t *key);

/* Removes them; what is not there is fine. The pid file stays: as long as there is a status file, it tells
 * whether the process lives. */
void qbjVmFilesRemove(virDomainObj *vm);
void qbjVmFilesRemovePid(virDomainObj *vm);

char *qbjVmFilesPidPath(virDomainObj *vm);
