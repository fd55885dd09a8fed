/* virDomainBlockCopy: checks, target, plan, start. */
#pragma once

#include "engine_job.h"
#include "spec_copy.h"

/* Checks Y7 to Y28 of behaviour/01 in their order, then starts the job. @req: from the client, its target
 * without node names, and qbjGuardCopyRequest() passed; it is completed here. @vm is locked, the caller holds
 * its MODIFY job; the lock is dropped while storage or QEMU are looked at.
 * Returns 0 when QEMU accepted the job, -1 with an error reported and nothing changed. */
int qbjEngineCopy(virDomainObj *vm, const char *disk, qbjCopyRequest *req);
