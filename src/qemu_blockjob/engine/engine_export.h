/* Exports of a disk, which only a person can have made at QEMU's monitor (protocol H5). */
#pragma once

#include "engine_job.h"

/* Refuses the pivot of @job when an image of the disk's present chain is exported: a client that connects
 * while the guest's I/O is held hangs QEMU. QEMU is asked only when somebody
 * may have been at its monitor. @vm is locked and its job held. Returns 0; -1 with an error reported. */
int qbjEngineExportRefuse(virDomainObj *vm, const virQbjJob *job);
