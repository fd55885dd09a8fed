/* What QEMU's block graph says of a job without a record. */
#pragma once

#include "engine_job.h"

/* Whether @name is one that the driver gives to its jobs (02/Q3). @disk (may be NULL): the target in it; the
 * caller frees. */
bool qbjEngineStrayIsOurs(const char *name, char **disk);

/* Completes the spec of @job from @graph, an answer to x-debug-query-block-graph: the disk that it works on;
 * of a commit, whether it is one of the active image; and, of a job that is called as ours, the deletion of
 * nodes of ours that no chain has, as the phase ABORT. @vm is locked. Returns false when it works on no disk
 * of the domain. */
bool qbjEngineStrayComplete(virDomainObj *vm, virQbjJob *job, virJSONValue *graph);
