/* engine_switch.h: how a type A job changes over from old to new (protocol.md 4 A).
 *
 * Phase 0, guest not held: the new status file and the new persistent definition are written and synced
 * beside the present ones: as soon as the mirror is ready, and again when a client asks for the pivot, if
 * they have become older than memory by then. All that can fail or be slow happens here. In PENDING, guest
 * held: two renames; what changed in between is made again first.
 * Before the first rename everything can be called off, and is when the files' disk does not answer in time:
 * so they are looked at once more before it.
 *
 * After the renames memory names new; what it named before is kept until the job has concluded, for the one
 * case that QEMU ends on old all the same.
 *
 * The jobs of a group (engine_group.h) change over together: each text names new for all of them. */
#pragma once

#include "engine_job.h"

/* How long a pivot may take until its first rename, from job-complete on: the guest's I/O may be held all
 * that time (protocol 4 A.4). Under a guest's own I/O time-out. What comes before may take as long once
 * more. */
#define QBJ_ENGINE_PIVOT_MS 10000

/* Phase 0, for @limitMs at most. What an earlier call prepared is kept while it is right. @vm is locked
 * and its job is held; the lock is dropped while disks are waited for. Returns 0; -1 with an error reported,
 * and nothing has changed (VIR_ERR_OPERATION_TIMEOUT: a disk does not answer). */
int qbjEngineSwitchPrepare(virDomainObj *vm, virQbjJob *job, unsigned int limitMs);

/* True from the first rename on, until it has been taken back durably: then the pivot cannot be called
 * off. */
bool qbjEngineSwitchRenamed(virDomainObj *vm, const virQbjJob *job);

/* True once the definitions in memory name new (COMMITTED was reached in this process). */
bool qbjEngineSwitchDone(virDomainObj *vm, const virQbjJob *job);

/* True when that is so or the record of an earlier daemon says it. */
bool qbjEngineSwitchCommitted(virDomainObj *vm, const virQbjJob *job);

/* Makes the persistent definition in memory right for the outcome new or old of @job. Returns whether it has
  * changed: then it is to be saved before qbjEngineSwitchSettleLive() is called, for a daemon that dies
  * before it
 * is saved needs what that call forgets. */
bool qbjEngineSwitchSettlePersistent(virDomainObj *vm, virQbjJob *job, bool isNew);

/* The same for the live definition and the outcome in the record, and forgets what was kept. The caller
 * saves the status file. Returns 0, -1 with an error reported. */
int qbjEngineSwitchSettleLive(virDomainObj *vm, virQbjJob *job);

/* Drops what was prepared or kept, when a VM or its job goes away. */
void qbjEngineSwitchForget(virDomainObj *vm, virQbjJob *job);
