/* A TPM is a process of its own, swtpm, which QEMU talks to through a socket. */
#pragma once

#include "domain_private.h"

/* Starts swtpm for @vm's TPM, with a new state the first time, and puts the path of its socket into the
 * definition. Nothing without a TPM. Returns 0, -1 with an error reported; VIR_ERR_OPERATION_UNSUPPORTED when
 * swtpm is not installed. */
int qbjVmTpmStart(virDomainObj *vm);

/* The process of swtpm; 0: there is none. */
pid_t qbjVmTpmProcess(virDomainObj *vm);

/* Ends swtpm, if QEMU's end has not done so, and removes its socket; the state too when nothing else of the
 * domain remains. */
void qbjVmTpmStop(virDomainObj *vm);

/* Removes the state of @def's TPM, if there is any. Returns 0, -1 with an error reported. */
int qbjVmTpmForget(const virQbjConf *conf, const virDomainDef *def);
