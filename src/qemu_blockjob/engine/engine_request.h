/* Checks that several block job calls share. */
#pragma once

#include "engine_job.h"

/* 01/A7. Borrowed disk; NULL with VIR_ERR_INVALID_ARG reported. */
virDomainDiskDef *qbjEngineRequestDisk(virDomainObj *vm, const char *disk);

/* 01/A15: bytes/s from MiB/s, or as given with @bytes. Returns 0, -1 with VIR_ERR_OVERFLOW reported. */
int qbjEngineRequestSpeed(unsigned long bandwidth, bool bytes, unsigned long long *speed);

/* 01/A6. Returns 0, -1 with VIR_ERR_OPERATION_INVALID reported. */
int qbjEngineRequestRunning(virDomainObj *vm);

/* 01/J1, S1: the record of @disk's job; NULL with VIR_ERR_INVALID_ARG reported. Borrowed. */
virQbjJob *qbjEngineRequestJob(virDomainObj *vm, const virDomainDiskDef *disk);
