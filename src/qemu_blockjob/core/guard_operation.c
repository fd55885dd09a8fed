#include <config.h>

#include "internal.h"
#include "guard_operation.h"

VIR_ENUM_IMPL(qbjOperation, QBJ_OPERATION_LAST,
              "save", "managed-save", "core-dump", "core-dump-memory-only", "migrate", "migrate-offline",
              "snapshot-internal", "snapshot-disk-only", "snapshot-memory", "snapshot-revert",
              "snapshot-delete-external", "snapshot-delete-internal", "detach-disk", "new-job");

typedef enum {
    QBJ_RULE_DISK = 1 << 0,     /* G1.2: no job on a disk that it changes */
    QBJ_RULE_DOMAIN = 1 << 1,   /* G1.1: no job at all */
    QBJ_RULE_DELETE = 1 << 2,   /* G1.15: no job at all, in other words */
} qbjOperationRule;

static const unsigned int qbjOperationRules[QBJ_OPERATION_LAST] = {
    [QBJ_OPERATION_SAVE] = QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_MANAGED_SAVE] = QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_CORE_DUMP] = QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_MIGRATE] = QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_SNAPSHOT_INTERNAL] = QBJ_RULE_DISK,
    [QBJ_OPERATION_SNAPSHOT_DISKS] = QBJ_RULE_DISK,
    [QBJ_OPERATION_SNAPSHOT_MEMORY] = QBJ_RULE_DISK | QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_SNAPSHOT_REVERT] = QBJ_RULE_DOMAIN,
    [QBJ_OPERATION_SNAPSHOT_DELETE_EXTERNAL] = QBJ_RULE_DELETE,
    [QBJ_OPERATION_DETACH] = QBJ_RULE_DISK,
    [QBJ_OPERATION_NEW_JOB] = QBJ_RULE_DISK,
};

static bool
qbjGuardIsActive(const qbjOperationJob *job)
{
    return job->state != QBJ_STATE_DONE && job->state != QBJ_STATE_FAILED;
}

static int
qbjGuardDisks(const qbjOperationJob *jobs, size_t njobs, const char *const *disks, qbjRefusal *refusal)
{
    size_t i;

    for (; disks && *disks; disks++) {
        for (i = 0; i < njobs; i++) {
            if (STREQ(jobs[i].disk, *disks) &&
                qbjJobVerbCheck(jobs[i].type, jobs[i].state, QBJ_VERB_NEW_JOB, jobs[i].name, *disks, refusal) < 0)
                return -1;
        }
    }
    return 0;
}

int
qbjGuardOperation(qbjOperation operation, const qbjOperationJob *jobs, size_t njobs, const char *const *disks,
                  qbjRefusal *refusal)
{
    unsigned int rules = qbjOperationRules[operation];
    bool active = false;
    size_t i;

    for (i = 0; i < njobs; i++)
        active |= qbjGuardIsActive(&jobs[i]);

    if ((rules & QBJ_RULE_DISK) && qbjGuardDisks(jobs, njobs, disks, refusal) < 0)
        return -1;
    if ((rules & QBJ_RULE_DOMAIN) && active) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("domain has active block job"));
        return -1;
    }
    if ((rules & QBJ_RULE_DELETE) && active) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("cannot delete external snapshots when there is another active block job"));
        return -1;
    }
    return 0;
}
