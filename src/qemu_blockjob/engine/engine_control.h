/* virDomainBlockJobAbort, virDomainGetBlockJobInfo, virDomainBlockJobSetSpeed. */
#pragma once

#include "engine_job.h"

/* Rules 01/J. @vm is locked and its MODIFY job held. Without ASYNC it returns when the job has ended and
 * definitions, nodes and deletions are done. Returns 0, -1 with an error reported. */
int qbjEngineAbort(virDomainObj *vm, const char *disk, unsigned int flags);

/* Rules 01/I. @vm is locked; no job is needed: a query waits for nobody. The lock is dropped while QEMU is
 * asked.
 * Returns 1 with @info set, 0 when the disk has no job, -1 with an error reported. */
int qbjEngineInfo(virDomainObj *vm, const char *disk, virDomainBlockJobInfoPtr info, unsigned int flags);

/* Rules 01/S. @speed in bytes/s. @vm is locked and its MODIFY job held. Returns 0, -1 with an error
 * reported. */
int qbjEngineSetSpeed(virDomainObj *vm, const char *disk, unsigned long long speed);
