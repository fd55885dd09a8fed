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

/* 01/A9, A11: "vda[3]", a path or a recorded name, in the chain of @disk below @startFrom (NULL: all of it);
 * @name NULL: its lowest image. @parent gets the image above. Borrowed; NULL with VIR_ERR_INVALID_ARG
 * reported. */
virStorageSource *qbjEngineRequestImage(const virDomainDiskDef *disk, virStorageSource *startFrom, const char *name,
                                        virStorageSource **parent);

/* Jobs that stand beside each other in one VM, on other disks: a pull and anything else not where an image
 * may have dirty bitmaps, for QEMU cannot be asked for them while there is a pull (protocol H3). @pull: the
 * new one is a pull; @bitmaps: it brings in an image that may have some. Returns 0, -1 with
 * VIR_ERR_OPERATION_UNSUPPORTED reported. */
int qbjEngineRequestBeside(virDomainObj *vm, bool pull, bool bitmaps);

/* 01/A13: the refusal that a job on the disk gives to a further one; @busy stays as it is when there is
 * none. */
void qbjEngineRequestBusy(virDomainObj *vm, const virDomainDiskDef *disk, qbjRefusal *busy);
