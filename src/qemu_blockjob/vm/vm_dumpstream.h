/* QEMU's part of a dump of the memory alone: dump-guest-memory. @vm is locked and its job held, the lock is
 * dropped while QEMU is asked; each returns 0, -1 with an error reported. */
#pragma once

#include "domain_private.h"
#include "host_image.h"

/* Whether QEMU can write @format, VIR_DOMAIN_CORE_DUMP_FORMAT_..., of this guest:
 * VIR_ERR_OPERATION_UNSUPPORTED when not. */
int qbjVmDumpStreamCheck(virDomainObj *vm, unsigned int format);

/* Has QEMU begin to write into @file; the guest stands still from now on to its end. */
int qbjVmDumpStreamBegin(virDomainObj *vm, qbjHostImage *file, unsigned int format);

/* Waits until all is written. Nothing calls that off: QEMU has no command for it. */
int qbjVmDumpStreamWait(virDomainObj *vm);

/* QEMU closes what it was given for a dump that has not begun. */
int qbjVmDumpStreamDrop(virDomainObj *vm);

/* DUMP_COMPLETED: why it has failed, if it has. @vm is locked and its job held. */
void qbjVmDumpStreamCompleted(virDomainObj *vm, virJSONValue *data);
