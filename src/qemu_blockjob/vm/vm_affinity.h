/* Which host CPUs the threads of a VM may run on: <vcpu cpuset>, <cputune>. The control group of each is
 * seen to, too. */
#pragma once

#include "domain_private.h"

/* What the definition says, for all threads of a VM that has just been started. @vm is locked, its threads
 * are known. Returns 0, -1 with an error reported. */
int qbjVmAffinitySetAll(virDomainObj *vm);

/* The same for one vcpu, for all threads that are neither vcpu nor iothread, or for one I/O thread. */
int qbjVmAffinitySetVcpu(virDomainObj *vm, unsigned int vcpu);
int qbjVmAffinitySetEmulator(virDomainObj *vm);
int qbjVmAffinitySetIOThread(virDomainObj *vm, const virDomainIOThreadIDDef *iothread);
