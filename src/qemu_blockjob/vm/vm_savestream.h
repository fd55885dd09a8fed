/* QEMU's part of a save or a restore: the stream with the state of the guest. @vm is locked and its job
 * held, the lock is dropped while QEMU is asked; each returns 0, -1 with an error reported. */
#pragma once

#include "domain_private.h"
#include "host_image.h"

/* Whether QEMU could save this guest: VIR_ERR_OPERATION_UNSUPPORTED with its reason when not. */
int qbjVmSaveStreamCheck(virDomainObj *vm);

/* Has QEMU begin to write into @file, as fast as it can. */
int qbjVmSaveStreamBegin(virDomainObj *vm, qbjHostImage *file);

/* Waits until all is written. VIR_ERR_OPERATION_ABORTED when a client has called it off: to be cancelled
 * then, which on storage that hangs has no end to wait for. */
int qbjVmSaveStreamWait(virDomainObj *vm);

/* Calls off what may be under way, and waits for its end; not for ever, on storage that hangs. */
int qbjVmSaveStreamCancel(virDomainObj *vm);

/* Whether QEMU has written all of a stream, and has not gone on since. */
int qbjVmSaveStreamIsWritten(virDomainObj *vm, bool *written);

/* Has a QEMU that waits for it read the stream from @fd, a descriptor that it inherited, and waits. */
int qbjVmSaveStreamLoad(virDomainObj *vm, int fd);

/* Has the guest go on behind the end of a stream, for which QEMU may need a moment: it is asked again for
 * half a second. The lock is dropped. Returns 0, -1 with an error reported: the guest stands still. */
int qbjVmSaveStreamCont(virDomainObj *vm);
