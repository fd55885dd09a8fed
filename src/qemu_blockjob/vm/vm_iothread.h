/* I/O threads of a running VM. Each has a definition in vm->def->iothreadids. */
#pragma once

#include "domain_private.h"

/* Makes thread @id, or ends it; the definition follows. @vm is locked, active and its job held; the lock is
 * dropped meanwhile. Returns 0, -1 with an error reported. */
int qbjVmIOThreadAdd(virDomainObj *vm, unsigned int id);
int qbjVmIOThreadDelete(virDomainObj *vm, unsigned int id);

/* Sets one number of thread @id, by its name for QEMU ("poll-max-ns"). As above. */
int qbjVmIOThreadSet(virDomainObj *vm, unsigned int id, const char *name, unsigned long long value);

/* Asks QEMU for the threads' ids, if there are to be any, and notes them in the definitions. As above. */
int qbjVmIOThreadRead(virDomainObj *vm);
