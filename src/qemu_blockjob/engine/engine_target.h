/* The target of a copy, as far as only QEMU can look at it. */
#pragma once

#include "engine_job.h"

/* The nodes of @job's target are there, and its start comes next. Of a copy to a server: the target is as
 * large as the disk, which QEMU would find only when the job runs (01/Y26). Beside a pull QEMU cannot be
 * asked (protocol H3), and finds it then. @vm is locked and its job held; the lock is dropped while QEMU is
 * asked. Returns 0, -1 with an error reported: VIR_ERR_INVALID_ARG for another size. */
int qbjEngineTargetCheck(virDomainObj *vm, const virQbjJob *job);
