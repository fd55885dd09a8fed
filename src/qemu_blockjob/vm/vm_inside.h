/* Internal snapshots with the memory of the guest: QEMU's jobs that write, read and remove them. */
#pragma once

#include "domain_private.h"

/* The jobs; also the commands that begin them. */
#define QBJ_VM_INSIDE_SAVE "snapshot-save"
#define QBJ_VM_INSIDE_LOAD "snapshot-load"
#define QBJ_VM_INSIDE_DELETE "snapshot-delete"

/* Has QEMU carry @command out for the snapshot @name in the images with the nodes @nodes, NULL terminated;
 * the memory is with node @state, which snapshot-delete does not need. Waits for its end without a limit in
 * time, for QEMU answers nothing while it writes or reads memory. @vm is locked and its job held; the lock is
 * dropped meanwhile. Returns 0; -1 with an error reported:
 *   VIR_ERR_OPERATION_FAILED    the job has failed, in QEMU's words
 *   VIR_ERR_OPERATION_ABORTED   the daemon ends; the job may go on */
int qbjVmInsideRun(virDomainObj *vm, const char *command, const char *name, const char *const *nodes,
                   const char *state);

/* Waits for the end of such a job that somebody else has begun, if there is one, however it ends. As
 * above. */
int qbjVmInsideAwait(virDomainObj *vm, const char *command);

/* Whether there is no such job, or none any more. False also when QEMU does not say. */
bool qbjVmInsideHasEnded(virDomainObj *vm, const char *command);
