/* VNC: ports before the start, password after it. */
#pragma once

#include "domain_private.h"

/* Reserves the VNC port of @vm and puts it into its definition. Returns 0, -1 with an error reported. */
int qbjVmGraphicsPrepare(virDomainObj *vm);

/* Sets the password of the running, still stopped, VM by QMP. Returns 0, -1 with an error reported. */
int qbjVmGraphicsSetup(virDomainObj *vm);
