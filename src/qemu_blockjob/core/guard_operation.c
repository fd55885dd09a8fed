#include <config.h>

#include "internal.h"
#include "guard_operation.h"

VIR_ENUM_IMPL(qbjOperation, QBJ_OPERATION_LAST,
              "save", "managed-save", "core-dump", "core-dump-memory-only", "migrate", "migrate-offline",
              "snapshot-internal", "snapshot-disk-only", "snapshot-memory", "snapshot-redefine", "snapshot-revert",
              "snapshot-delete-external", "snapshot-delete-internal", "checkpoint", "backup",
              "attach", "detach-disk", "detach-other", "update-disk", "media", "resize", "iotune", "threshold",
              "new-job", "job-pivot", "job-cancel", "job-speed",
              "define", "undefine", "start", "power", "settings", "agent", "query");

typedef enum {
    QBJ_RULE_DISK = 1 << 0,     /* G1.2: no job on a disk that it changes */
    QBJ_RULE_NAMED = 1 << 1,    /* the same, where the stock driver has no rule (G1.5, G1.6, G1.7): the
                                 * message names the job */
    QBJ_RULE_DOMAIN = 1 << 2,   /* G1.1: no job at all */
    QBJ_RULE_DELETE = 1 << 3,   /* G1.15: no job at all, in other words */
    QBJ_RULE_BACKUP = 1 << 4,   /* G1.4: no backup; known at once, nobody waits for a lock */
    QBJ_RULE_VERB = 1 << 5,     /* G1.9: what a job may be asked depends on it (job_verb.c) */
    QBJ_RULE_ALONE = 1 << 6,    /* not while the domain is being saved, dumped, ... (qbjGuardBeside) */
} qbjOperationRule;

typedef struct _qbjOperationRow qbjOperationRow;
struct _qbjOperationRow {
    unsigned int rules;         /* 0: never forbidden */
    qbjJobVerb verb;            /* with QBJ_RULE_VERB */
};

static const qbjOperationRow qbjOperationRows[] = {
    [QBJ_OPERATION_SAVE] = { QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_MANAGED_SAVE] = { QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_CORE_DUMP] = { QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_CORE_DUMP_MEMORY] = { QBJ_RULE_BACKUP | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_MIGRATE] = { QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_MIGRATE_OFFLINE] = { QBJ_RULE_BACKUP | QBJ_RULE_ALONE, 0 },

    [QBJ_OPERATION_SNAPSHOT_INTERNAL] = { QBJ_RULE_DISK | QBJ_RULE_BACKUP | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_SNAPSHOT_DISKS] = { QBJ_RULE_DISK | QBJ_RULE_BACKUP | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_SNAPSHOT_MEMORY] = { QBJ_RULE_DISK | QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_SNAPSHOT_REDEFINE] = { QBJ_RULE_BACKUP, 0 },
    [QBJ_OPERATION_SNAPSHOT_REVERT] = { QBJ_RULE_DOMAIN | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_SNAPSHOT_DELETE_EXTERNAL] = { QBJ_RULE_DELETE | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_SNAPSHOT_DELETE_INTERNAL] = { QBJ_RULE_BACKUP, 0 },
    [QBJ_OPERATION_CHECKPOINT] = { 0, 0 },
    [QBJ_OPERATION_BACKUP] = { QBJ_RULE_NAMED | QBJ_RULE_BACKUP | QBJ_RULE_ALONE, 0 },

    [QBJ_OPERATION_ATTACH] = { 0, 0 },
    [QBJ_OPERATION_DETACH] = { QBJ_RULE_DISK, 0 },
    [QBJ_OPERATION_DETACH_OTHER] = { 0, 0 },
    [QBJ_OPERATION_UPDATE_DISK] = { 0, 0 },
    [QBJ_OPERATION_MEDIA] = { QBJ_RULE_NAMED, 0 },
    [QBJ_OPERATION_RESIZE] = { QBJ_RULE_NAMED, 0 },
    [QBJ_OPERATION_IOTUNE] = { 0, 0 },
    [QBJ_OPERATION_THRESHOLD] = { 0, 0 },

    [QBJ_OPERATION_NEW_JOB] = { QBJ_RULE_DISK | QBJ_RULE_ALONE, 0 },
    [QBJ_OPERATION_JOB_PIVOT] = { QBJ_RULE_VERB, QBJ_VERB_PIVOT },
    [QBJ_OPERATION_JOB_CANCEL] = { QBJ_RULE_VERB, QBJ_VERB_CANCEL },
    [QBJ_OPERATION_JOB_SPEED] = { QBJ_RULE_VERB, QBJ_VERB_SET_SPEED },

    [QBJ_OPERATION_DEFINE] = { QBJ_RULE_NAMED, 0 },
    [QBJ_OPERATION_UNDEFINE] = { 0, 0 },
    [QBJ_OPERATION_START] = { 0, 0 },
    [QBJ_OPERATION_POWER] = { 0, 0 },
    [QBJ_OPERATION_SETTINGS] = { 0, 0 },
    [QBJ_OPERATION_AGENT] = { 0, 0 },
    [QBJ_OPERATION_QUERY] = { 0, 0 },
};
G_STATIC_ASSERT(G_N_ELEMENTS(qbjOperationRows) == QBJ_OPERATION_LAST);

bool
qbjGuardOperationHasDisks(qbjOperation operation)
{
    return qbjOperationRows[operation].rules & (QBJ_RULE_DISK | QBJ_RULE_NAMED | QBJ_RULE_VERB);
}

static bool
qbjGuardIsActive(const qbjOperationJob *job)
{
    return job->state != QBJ_STATE_DONE && job->state != QBJ_STATE_FAILED;
}

/* The job on @disk that has not ended, or NULL. */
static const qbjOperationJob *
qbjGuardFind(const qbjOperationJob *jobs, size_t njobs, const char *disk)
{
    size_t i;

    for (i = 0; i < njobs; i++) {
        if (STREQ(jobs[i].disk, disk) && qbjGuardIsActive(&jobs[i]))
            return &jobs[i];
    }
    return NULL;
}

/* The same code as the words that do not name the job. */
static int
qbjGuardNamed(const qbjOperationJob *job, qbjRefusal *refusal)
{
    virErrorNumber code = qbjJobTypeKind(job->type) == QBJ_KIND_A ? VIR_ERR_BLOCK_COPY_ACTIVE
                                                                  : VIR_ERR_OPERATION_UNSUPPORTED;

    qbjRefusalSet(refusal, code, _("disk '%s' has active block job '%s'"), job->disk, job->name);
    return -1;
}

/* @disk is in the way of an operation with @row, or not. */
static int
qbjGuardDisk(const qbjOperationRow *row, const qbjOperationJob *job, const char *disk, qbjRefusal *refusal)
{
    if (row->rules & QBJ_RULE_VERB) {
        if (job)
            return qbjJobVerbCheck(job->type, job->state, row->verb, job->name, disk, refusal);
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("disk %s does not have an active block job"), disk);
        return -1;
    }
    if (!job)
        return 0;
    if (row->rules & QBJ_RULE_NAMED)
        return qbjGuardNamed(job, refusal);
    if (row->rules & QBJ_RULE_DISK)
        return qbjJobVerbCheck(job->type, job->state, QBJ_VERB_NEW_JOB, job->name, disk, refusal);
    return 0;
}

/* @job, which has not ended, is in the way of an operation with @rules, whatever its disk. */
static int
qbjGuardAny(unsigned int rules, const qbjOperationJob *job, qbjRefusal *refusal)
{
    if (rules & QBJ_RULE_DOMAIN)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("domain has active block job"));
    else if (rules & QBJ_RULE_DELETE)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("cannot delete external snapshots when there is another active block job"));
    else if ((rules & QBJ_RULE_BACKUP) && job->type == QBJ_TYPE_BACKUP)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("domain has active block job '%s'"), job->name);
    else
        return 0;
    return -1;
}

int
qbjGuardOperation(qbjOperation operation, const qbjOperationJob *jobs, size_t njobs, const char *const *disks,
                  qbjRefusal *refusal)
{
    const qbjOperationRow *row = &qbjOperationRows[operation];
    size_t i;

    for (; disks && *disks; disks++) {
        if (qbjGuardDisk(row, qbjGuardFind(jobs, njobs, *disks), *disks, refusal) < 0)
            return -1;
    }
    for (i = 0; i < njobs; i++) {
        if (qbjGuardIsActive(&jobs[i]) && qbjGuardAny(row->rules, &jobs[i], refusal) < 0)
            return -1;
    }
    return 0;
}

int
qbjGuardBeside(qbjOperation operation, const char *under, qbjRefusal *refusal)
{
    if (!(qbjOperationRows[operation].rules & QBJ_RULE_ALONE))
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("domain is busy with another operation: %s"), under);
    return -1;
}

/* Whether the disk @target is there, and has the image @src. */
static bool
qbjGuardHasImage(virDomainDef *def, const char *target, virStorageSource *src)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, target);

    return disk && virStorageSourceIsSameLocation(disk->src, src);
}

int
qbjGuardDefinition(const qbjOperationJob *jobs, size_t njobs, virDomainDef *live, virDomainDef *present,
                   virDomainDef *next, qbjRefusal *refusal)
{
    size_t i;

    for (i = 0; present && i < njobs; i++) {
        const char *disks[] = { jobs[i].disk, NULL };
        virDomainDiskDef *disk = virDomainDiskByTarget(live, jobs[i].disk);

        if (disk && qbjGuardHasImage(present, disk->dst, disk->src) && !qbjGuardHasImage(next, disk->dst, disk->src) &&
            qbjGuardOperation(QBJ_OPERATION_DEFINE, jobs, njobs, disks, refusal) < 0)
            return -1;
    }
    return 0;
}
