/* Graphics servers: listen addresses and ports before the start, passwords after it. */
#pragma once

#include "domain_private.h"

/* Gives each server of @vm an address, the sockets that its definition does not name, and free ports, which
 * are reserved until qbjVmGraphicsRelease(). Returns 0, -1 with an error reported: then some may be reserved
 * already. status->libDir is set. */
int qbjVmGraphicsPrepare(virDomainObj *vm);

/* Gives the ports back; none reserved is fine. The definition is that of the run. */
void qbjVmGraphicsRelease(virDomainDef *def);

/* Sets the passwords of the running, still stopped, VM by QMP. Returns 0, -1 with an error reported. */
int qbjVmGraphicsSetup(virDomainObj *vm);
