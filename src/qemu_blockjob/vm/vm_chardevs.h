/* Character devices of a VM that is about to start or runs. */
#pragma once

#include "domain_private.h"

/* Gives channels on unix sockets that name no path one below @dir, by their name (11.2). */
void qbjVmChardevsSetPaths(virDomainDef *def, const char *dir);
/* Whether @path is such a path below any VM's folder in @root: it is of one run and no part of a
 * definition. */
bool qbjVmChardevsIsOwnPath(const char *path, const char *root);

/* Binds the listening sockets of unix servers. @fds: new table alias -> descriptor, to be closed with
 * qbjVmChardevsClose(). Returns 0, -1 with an error reported. */
int qbjVmChardevsListen(virDomainObj *vm, GHashTable **fds);
/* Makes the files of devices of type file, which must be there when labels are set; what is in them stays
 * unless the definition says append='off', which is QEMU's to carry out. Returns 0, -1 with an error
 * reported. */
int qbjVmChardevsMakeFiles(virDomainObj *vm);

void qbjVmChardevsClose(GHashTable **fds);

/* Puts what query-chardev tells into the definition: paths of PTYs, whether the guest has a channel open. */
void qbjVmChardevsRead(virDomainObj *vm, virJSONValue *reply);
