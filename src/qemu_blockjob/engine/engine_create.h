/* Jobs that make an image, and end by themselves (protocol 2, blockdev-create). */
#pragma once

#include "engine_job.h"

/* Waits for the end of the create job @name of QEMU and dismisses it. @vm is locked and its job held; the
 * lock is dropped while QEMU is asked and waited for. Returns 0, also when there is no such job any more; -1
 * with an error reported: VIR_ERR_OPERATION_FAILED when the job has failed, VIR_ERR_OPERATION_TIMEOUT when it
 * does not end. */
int qbjEngineCreateWait(virDomainObj *vm, const char *name);

/* The same for any job of QEMU that ends by itself. @error: why it has failed, to be freed, or NULL: it
 * has not. -1 with an error reported: it cannot be asked, or does not end. */
int qbjEngineCreateRun(virDomainObj *vm, const char *name, char **error);
