/* virDomainGetBlockJobInfo. */
#pragma once

#include "engine_job.h"

/* Rules 01/I. @vm is locked; no job is needed: a query waits for nobody. The lock is dropped while QEMU is
 * asked. Callers that come one after the other within QBJ_ENGINE_INFO_SHARED_MS share one answer, until
 * something happens to the job: each question takes QEMU's main loop, and so the guest's I/O, some time.
 * Returns 1 with @info set, 0 when the disk has no job, -1 with an error reported. */
#define QBJ_ENGINE_INFO_SHARED_MS 20
int qbjEngineInfo(virDomainObj *vm, const char *disk, virDomainBlockJobInfoPtr info, unsigned int flags);

/* Somebody may have done to QEMU's jobs what we do not hear of: the next caller asks again. @vm is locked. */
void qbjEngineInfoForget(virDomainObj *vm);
