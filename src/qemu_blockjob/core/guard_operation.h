/* Which operations on a domain its block jobs forbid (behaviour/07 G1, G3): one table with a row for each
 * class of operations, those that no job forbids included, and one function. Pure. */
#pragma once

#include "domain_conf.h"
#include "virenum.h"
#include "job.h"

typedef enum {
    /* the guest's memory */
    QBJ_OPERATION_SAVE,                 /* virDomainSave, ...Flags, ...Params */
    QBJ_OPERATION_MANAGED_SAVE,
    QBJ_OPERATION_CORE_DUMP,            /* with or without LIVE, CRASH, RESET */
    QBJ_OPERATION_CORE_DUMP_MEMORY,     /* MEMORY_ONLY */
    QBJ_OPERATION_MIGRATE,              /* of a running domain, whichever disks it copies */
    QBJ_OPERATION_MIGRATE_OFFLINE,      /* OFFLINE: the definition alone */
    /* snapshots, checkpoints, backups */
    QBJ_OPERATION_SNAPSHOT_INTERNAL,    /* disks: all that take part */
    QBJ_OPERATION_SNAPSHOT_DISKS,       /* external, DISK_ONLY */
    QBJ_OPERATION_SNAPSHOT_MEMORY,      /* external, with the memory in a file; disks: perhaps none */
    QBJ_OPERATION_SNAPSHOT_REDEFINE,
    QBJ_OPERATION_SNAPSHOT_REVERT,
    QBJ_OPERATION_SNAPSHOT_DELETE_EXTERNAL,
    QBJ_OPERATION_SNAPSHOT_DELETE_INTERNAL,     /* or metadata only */
    QBJ_OPERATION_CHECKPOINT,           /* create, redefine, delete */
    QBJ_OPERATION_BACKUP,               /* begin */
    /* disks and other devices */
    QBJ_OPERATION_ATTACH,               /* a disk that is not there yet, another device; live or config */
    QBJ_OPERATION_DETACH,               /* a disk, from the running domain */
    QBJ_OPERATION_DETACH_OTHER,         /* another device */
    QBJ_OPERATION_UPDATE_DISK,          /* what leaves its image: startupPolicy */
    QBJ_OPERATION_MEDIA,                /* eject or change the medium of a removable disk */
    QBJ_OPERATION_RESIZE,
    QBJ_OPERATION_IOTUNE,
    QBJ_OPERATION_THRESHOLD,
    /* block jobs; disks: one */
    QBJ_OPERATION_NEW_JOB,              /* commit, pull, copy, rebase */
    QBJ_OPERATION_JOB_PIVOT,
    QBJ_OPERATION_JOB_CANCEL,
    QBJ_OPERATION_JOB_SPEED,
    /* the domain */
    QBJ_OPERATION_DEFINE,               /* or a device changed in the definition alone; disks: those that
                                         * qbjGuardDefinition() speaks of */
    QBJ_OPERATION_UNDEFINE,             /* with any flag */
    QBJ_OPERATION_START,
    QBJ_OPERATION_POWER,                /* destroy, shutdown, reboot, reset, suspend, resume, ... */
    QBJ_OPERATION_SETTINGS,             /* memory, CPUs, metadata, autostart, keys, abort of an operation */
    QBJ_OPERATION_AGENT,                /* whatever the guest's agent is asked */
    QBJ_OPERATION_QUERY,                /* XML, info, statistics, peeks, lists, job information */
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

/* Whether it matters which disks an operation changes. */
bool qbjGuardOperationHasDisks(qbjOperation operation);

/* Whether @operation may begin while the domain has @jobs, which may have ended. @disks: targets of the disks
 * that it changes, NULL terminated, or NULL for none. The busy disk is told before the busy domain (G1.3).
 * Flags are to be checked before, all else after. Returns 0, -1 with @refusal set. */
int qbjGuardOperation(qbjOperation operation, const qbjOperationJob *jobs, size_t njobs, const char *const *disks,
                      qbjRefusal *refusal);

/* Whether @operation need not wait for the end of another one of the domain, such as a save, to know that it
 * cannot begin (G1.4, G1.16). @under: the name of that one. Returns as above. */
int qbjGuardBeside(qbjOperation operation, const char *under, qbjRefusal *refusal);

/* Whether the persistent definition @present of the running @live may be replaced by @next while the domain
 * has @jobs: not when a busy disk is in @present with the image that it has in @live, and @next lacks it or
 * gives it another one. What the job does to the image could not be written down, and the next start might
 * take what was there before. @present: NULL when there is none, and anything may be defined. Returns as
 * above. */
int qbjGuardDefinition(const qbjOperationJob *jobs, size_t njobs, virDomainDef *live,
                       virDomainDef *present, virDomainDef *next, qbjRefusal *refusal);
