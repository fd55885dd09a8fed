/* Starting a VM with the state that a save image or an internal snapshot has. */
#pragma once

#include "domain_private.h"

typedef struct _qbjVmRestore qbjVmRestore;
struct _qbjVmRestore {
    const char *path;
    int fd;                     /* where QEMU reads the stream; the caller's */
    const char *inside;         /* instead: the internal snapshot of that name, */
    const char *const *disks;   /* in these disks, by their targets, NULL terminated, */
    const char *state;          /* and the memory in this one */
    const char *cookie;         /* of the image, or NULL */
    bool revert;                /* the disks have been put back to that moment, too */
    bool managed;               /* it goes away as soon as QEMU has it all */
    bool running;               /* what the guest is to be */
    int suspended;              /* detail of the SUSPENDED event of one that is not to run */
};

/* The part of a start that only a restore has; each returns 0, -1 with an error reported. @vm is locked,
 * its job held.
 *
 * Before the status file is saved for the first time: the record, and the CPU that the guest has seen. */
int qbjVmRestorePrepare(virDomainObj *vm, const qbjVmRestore *restore);

/* Whether QEMU waits for a stream, and has not opened the images yet. */
bool qbjVmRestoreIsStream(const qbjVmRestore *restore);

/* Has QEMU, which waits, load it. From then on the guest is in QEMU, and so the status file says. */
int qbjVmRestoreLoad(virDomainObj *vm, const qbjVmRestore *restore);

/* The rest, which the record tells; also for a daemon that finds it: a managed image goes away, before the
 * guest changes a disk that belongs to it; then it goes on. An error before it has gone away: the start is to
 * be given up, and may be repeated. A guest that cannot be made to go on keeps its record, by which that is
 * tried again. */
int qbjVmRestoreFinish(virDomainObj *vm);
