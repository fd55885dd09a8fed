/* Which operations on a domain its block jobs forbid (behaviour/07 G1.1, G1.2, G1.15): one table, one
 * function. An operation that is not in the table is not forbidden by any job; queries never are. Pure. */
#pragma once

#include "internal.h"
#include "virenum.h"
#include "job.h"

typedef enum {
    QBJ_OPERATION_SAVE,                 /* virDomainSave, ...Flags, ...Params */
    QBJ_OPERATION_MANAGED_SAVE,
    QBJ_OPERATION_CORE_DUMP,            /* with or without LIVE, CRASH, RESET */
    QBJ_OPERATION_CORE_DUMP_MEMORY,     /* MEMORY_ONLY */
    QBJ_OPERATION_MIGRATE,              /* of a running domain, whichever disks it copies */
    QBJ_OPERATION_MIGRATE_OFFLINE,      /* OFFLINE: the definition alone */
    QBJ_OPERATION_SNAPSHOT_INTERNAL,    /* disks: all that take part */
    QBJ_OPERATION_SNAPSHOT_DISKS,       /* external, DISK_ONLY */
    QBJ_OPERATION_SNAPSHOT_MEMORY,      /* external, with the memory in a file; disks: perhaps none */
    QBJ_OPERATION_SNAPSHOT_REVERT,
    QBJ_OPERATION_SNAPSHOT_DELETE_EXTERNAL,
    QBJ_OPERATION_SNAPSHOT_DELETE_INTERNAL,     /* or metadata only */
    QBJ_OPERATION_DETACH,               /* a disk, from the running domain */
    QBJ_OPERATION_NEW_JOB,              /* commit, pull, copy, rebase */
    QBJ_OPERATION_LAST
} qbjOperation;
VIR_ENUM_DECL(qbjOperation);

/* What the function needs to know of a job; borrowed. */
typedef struct _qbjOperationJob qbjOperationJob;
struct _qbjOperationJob {
    qbjJobType type;
    qbjJobState state;
    const char *name;
    const char *disk;           /* target */
};

/* Whether @operation may begin while the domain has @jobs, which may have ended. @disks: targets of the disks
 * that it changes, NULL terminated, or NULL for none. The busy disk is told before the busy domain (G1.3).
 * Flags are to be checked before, all else after. Returns 0, -1 with @refusal set. */
int qbjGuardOperation(qbjOperation operation, const qbjOperationJob *jobs, size_t njobs, const char *const *disks,
                      qbjRefusal *refusal);
