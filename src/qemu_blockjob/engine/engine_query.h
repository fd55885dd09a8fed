/* What QEMU says of a job. */
#pragma once

#include "engine_job.h"

typedef struct _qbjEngineAnswer qbjEngineAnswer;
struct _qbjEngineAnswer {
    bool listed;
    char *status;                       /* JobStatus of QEMU, when listed */
    char *error;                        /* its error text, or NULL */
};
void qbjEngineAnswerClear(qbjEngineAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjEngineAnswer, qbjEngineAnswerClear);

/* query-jobs, searched for @job, or for the job @name, which has no record. Returns 0; -1 with an error
 * reported when QEMU did not answer. */
int qbjEngineQueryNamed(virDomainObj *vm, const char *name, qbjEngineAnswer *answer);
int qbjEngineQueryJob(virDomainObj *vm, const virQbjJob *job, qbjEngineAnswer *answer);

/* Node that the guest's device of @job uses now, below a copy-on-read filter if it has one; sent together
 * with query-jobs, and after @first unless that is NULL, whose own answer is the caller's to look at. @root
 * is NULL when the device is gone. */
int qbjEngineQueryRoot(virDomainObj *vm, const virQbjJob *job, qbjQmpCommand *first, qbjEngineAnswer *answer,
                       char **root);

/* Type B whose job QEMU no longer lists: true when the graph is already the new one (protocol 5,
 * x-debug-query-block-graph).
 * Returns -1 with an error reported. */
int qbjEngineQueryCutDone(virDomainObj *vm, const virQbjJob *job, bool *done);

/* job-dismiss. Returns 0 when QEMU has no such job any more, whether it had one or not; -1 with an error
 * reported: it did not answer, or keeps the job. */
int qbjEngineQueryDismiss(virDomainObj *vm, virQbjJob *job);

/* The name of node @id of x-debug-query-block-graph, as QEMU draws it: @nodes with id and name, and edges
 * from parent to child by id. Borrowed; NULL for none. */
const char *qbjEngineQueryGraphName(virJSONValue *nodes, unsigned long long id);

/* {"id": job} for the job commands. */
virJSONValue *qbjEngineQueryId(const virQbjJob *job);
