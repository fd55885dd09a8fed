/* virDomainBlockJobAbort, virDomainBlockJobSetSpeed. */
#pragma once

#include "engine_job.h"

/* So long a copy may take to become equal to the disk once more when it is ended. */
#define QBJ_ENGINE_SOFT_CANCEL_MS 30000

/* Rules 01/J. @vm is locked and its MODIFY job held. Without ASYNC it returns when the job has ended and
 * definitions, nodes and deletions are done. Returns 0, -1 with an error reported: VIR_ERR_OPERATION_TIMEOUT
 * when storage that hangs keeps a job that is given up, which then ends without the caller. */
int qbjEngineAbort(virDomainObj *vm, const char *disk, unsigned int flags);

/* Rules 01/S. @speed in bytes/s. @vm is locked and its MODIFY job held. Returns 0, -1 with an error
 * reported. */
int qbjEngineSetSpeed(virDomainObj *vm, const char *disk, unsigned long long speed);
