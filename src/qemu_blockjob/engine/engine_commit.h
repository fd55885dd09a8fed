/* virDomainBlockCommit on a running or shut-off domain: checks, plan, start. */
#pragma once

#include "engine_job.h"

/* Checks C2 to C17 of behaviour/01 in their order, then starts the job. @disk, @base, @top as the client gave
 * them; @bandwidth in the unit that @flags says. @vm is locked, the caller holds its MODIFY job.
 * Returns 0 when QEMU accepted the job, -1 with an error reported and nothing changed. */
int qbjEngineCommit(virDomainObj *vm, const char *disk, const char *base, const char *top, unsigned long bandwidth,
                    unsigned int flags);
