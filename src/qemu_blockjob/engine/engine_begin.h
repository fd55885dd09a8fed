/* The start of a block job, once it is planned. */
#pragma once

#include "engine_job.h"

/* Puts @job into the records of @vm and feeds BEGIN. @vm is locked and its MODIFY job held; the lock is
 * dropped while QEMU is asked. @job is stolen; what the caller has set up for it in the live definition, as
 * <mirror>, is taken back by the job's own end.
 * Returns 0 when QEMU accepted the job; -1 with an error reported, and nothing remains of it. */
int qbjEngineBegin(virDomainObj *vm, virQbjJob *job);
