/* Serial devices of a VM that is about to start or runs. */
#pragma once

#include "domain_private.h"

/* Binds the listening sockets of unix serials in server mode. @fds: array of def->nserials descriptors, -1
 * where there is none, to be freed with qbjVmChardevsClose(). Returns 0, -1 with an error reported. */
int qbjVmChardevsListen(virDomainObj *vm, int **fds);
/* Makes the files of serials of type file, which must be there when labels are set; what is in them stays
 * unless the definition says append='off', which is QEMU's to carry out. Returns 0, -1 with an error
 * reported. */
int qbjVmChardevsMakeFiles(virDomainObj *vm);

void qbjVmChardevsClose(virDomainObj *vm, int **fds);

/* Puts the PTY paths that query-chardev tells into the definition. */
void qbjVmChardevsRead(virDomainObj *vm, virJSONValue *reply);
