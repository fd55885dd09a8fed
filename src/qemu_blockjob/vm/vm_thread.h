/* The host's threads of a running VM, as they were noted. @vm is locked. */
#pragma once

#include "domain_private.h"

/* 0: none, or unknown. */
pid_t qbjVmThreadOfVcpu(virDomainObj *vm, unsigned int vcpu);

/* Whether @thread of the process is neither a vcpu nor an I/O thread. */
bool qbjVmThreadIsEmulator(virDomainObj *vm, pid_t thread);
