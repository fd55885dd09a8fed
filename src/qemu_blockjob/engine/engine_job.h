/* The jobs of one VM, and those who wait for their end. */
#pragma once

#include "domain_private.h"

/* Record by QEMU's job id, or by the disk's target; NULL when there is none. Borrowed. @vm is locked. */
virQbjJob *qbjEngineJobFind(virDomainObj *vm, const char *name);
virQbjJob *qbjEngineJobFindByDisk(virDomainObj *vm, const char *target);

/* A job without a record (engine_stray.h), by the same. */
virQbjJob *qbjEngineStrayFind(virDomainObj *vm, const char *name);

/* Either of them: for those who only look, or ask QEMU. What the table of states is fed with has a record. */
virQbjJob *qbjEngineJobFindAny(virDomainObj *vm, const char *name);
virQbjJob *qbjEngineJobFindAnyByDisk(virDomainObj *vm, const char *target);

/* True while @vm has the record of a pull, or somebody else pulls: query-named-block-nodes must not be sent,
 * for it kills a QEMU 7.2 in which a stream has ended, and one can end by an I/O error before anybody hears
 * of it (protocol H3). @vm is locked. */
bool qbjEngineJobPulls(virDomainObj *vm);

/* True while the stream of one of these, other than @except (may be NULL), may have ended and not be
 * dismissed: not when it waits in PENDING for us, which no error of the storage can end. */
bool qbjEngineJobPullsOn(virDomainObj *vm, const virQbjJob *except);

qbjJobKind qbjEngineJobKind(const virQbjJob *job);

/* True while a job of this VM may hold the guest's I/O: no command of a person may go to QEMU then
 * (protocol H5, H6). */
bool qbjEngineHoldsGuest(virDomainObj *vm);

/* A caller that wants to know how a job ends; lives on the caller's stack. */
typedef struct _qbjEngineWait qbjEngineWait;
struct _qbjEngineWait {
    virDomainObj *vm;
    const char *job;                    /* borrowed from the caller, not from the record, which goes away */
    bool done;                          /* the record is gone */
    virConnectDomainEventBlockJobStatus status;     /* valid when done */
    bool timedOut;                      /* done, because the pivot was called off */
    char *message;                      /* QEMU's reason, or NULL */
    virErrorPtr error;                  /* first error that an action met on behalf of this job, or NULL */
};

/* Registers @wait, which is initialised; undone by qbjEngineWaitEnd(), which also frees what is in it. @vm
 * is locked. */
void qbjEngineWaitBegin(virDomainObj *vm, const char *job, qbjEngineWait *wait);
void qbjEngineWaitEnd(qbjEngineWait *wait);

/* Tells whoever waits: the present thread's last error is the first reason / the job has ended. */
void qbjEngineWaitKeepError(virDomainObj *vm, const virQbjJob *job);
void qbjEngineWaitTell(virDomainObj *vm, const virQbjJob *job, virConnectDomainEventBlockJobStatus status);
