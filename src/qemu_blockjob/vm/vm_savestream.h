/* QEMU's part of a save or a restore: the stream with the state of the guest. @vm is locked and its job
 * held, the lock is dropped while QEMU is asked; each returns 0, -1 with an error reported. */
#pragma once

#include "domain_private.h"
#include "host_image.h"

/* Whether QEMU could save this guest: VIR_ERR_OPERATION_UNSUPPORTED with its reason when not,
 * VIR_ERR_OPERATION_INVALID when it has done so since the guest was paused. */
int qbjVmSaveStreamCheck(virDomainObj *vm);

/* Stops the guest if it runs, which stands still because of @reason then; clients are told. */
int qbjVmSaveStreamStop(virDomainObj *vm, virDomainPausedReason reason);

/* The same for one that QEMU has stopped itself, at the end of a stream. Another reason that it has told of
 * stays. */
int qbjVmSaveStreamStopped(virDomainObj *vm, virDomainPausedReason reason);

/* Has the guest go on; clients of one that stood still are told. */
int qbjVmSaveStreamGoOn(virDomainObj *vm, virDomainRunningReason reason);

/* A guest that does not go on behind the end of a stream has images that QEMU does not use, until this. What
 * fails is left to the guest's going on. */
void qbjVmSaveStreamActivate(virDomainObj *vm);

/* Has QEMU begin to write into @file, as fast as it can. */
int qbjVmSaveStreamBegin(virDomainObj *vm, qbjHostImage *file);

/* Waits until all is written. VIR_ERR_OPERATION_ABORTED when a client has called it off: to be cancelled
 * then, which on storage that hangs has no end to wait for. */
int qbjVmSaveStreamWait(virDomainObj *vm);

/* Calls off what may be under way, and waits for its end; not for ever, on storage that hangs. What QEMU was
 * given for it, and has not used, it closes. */
int qbjVmSaveStreamCancel(virDomainObj *vm);

/* Whether QEMU has written all of a stream, and has not gone on since. */
int qbjVmSaveStreamIsWritten(virDomainObj *vm, bool *written);

/* Has a QEMU that waits for it read the stream from @fd, a descriptor that it inherited, and waits. */
int qbjVmSaveStreamLoad(virDomainObj *vm, int fd);

/* Has the guest go on behind the end of a stream, for which QEMU may need a moment: it is asked again for
 * half a second. The lock is dropped. Returns 0, -1 with an error reported: the guest stands still. */
int qbjVmSaveStreamCont(virDomainObj *vm);
