/* engine_group.h: the jobs of one VM whose pivots are one decision (core/job_group.h has the law, protocol
 * 8).
 *
  * Each of them is a type A job of another disk; all of them become new or none. A job without a group is
  * the only
 * member of its own. */
#pragma once

#include "engine_job.h"

/* The recorded jobs of the group of @job, of virQbjJob, in order of their records; never empty. The caller
 * frees the array; what is in it is borrowed, and as valid as @job is. @vm is locked. */
GPtrArray *qbjEngineGroupMembers(virDomainObj *vm, virQbjJob *job);

/* True while none of the jobs that the group was made of has left it. @members: as above. */
bool qbjEngineGroupIsWhole(const GPtrArray *members);

/* Key of what is kept in memory for the whole group. Borrowed from @job. */
const char *qbjEngineGroupName(const virQbjJob *job);

/* Makes one group of the jobs on @disks (targets, NULL at the end; two at least): a pivot that is asked for
 * on one of
  * them is the pivot of all, which must be ready then. Each one must run or be ready, belong to no group,
  * and be an active commit or a copy that this driver has started. The record is saved. @vm is locked and
  * its job is held. Returns 0; -1 with an error reported, and nothing has changed: VIR_ERR_INVALID_ARG (no
  * job there, one named twice),
 * VIR_ERR_OPERATION_INVALID (it cannot be in a group), or the reason why the record cannot be saved. */
int qbjEngineGroupMake(virDomainObj *vm, const char *const *disks);
