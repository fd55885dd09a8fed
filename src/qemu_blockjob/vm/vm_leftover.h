/* What a crash of the host has left of a domain's block jobs. */
#pragma once

#include "domain_private.h"

/* To be called when @vm starts and its chains are known (qbjVmDisksPrepare). The status file would have
 * said which jobs there were; with the host it has gone, but a job that makes or deletes files has left a
 * note beside the persistent definition (engine_note.h). A file is removed when all of this holds:
 *  - the note is as only this driver writes it, and names the file with the identity that it has now;
 *  - the persistent definition names the image for the disk that the note asks for: the old one for the copy
 *    that a job was making, the new one for what a commit was to delete;
 *  - no definition of any domain has the file in a chain, stated or by a header, and no process has it open
 *    with a lock;
 *  - nobody has written to it since the host was started, as who puts a backup of his own there does.
 * Otherwise it stays. When that cannot be found out the note stays as well. Nothing of this can fail the
 * start. @vm is locked, a job is held; the lock is dropped meanwhile when there is a note. */
void qbjVmLeftoverClean(virDomainObj *vm);

/* @vm is undefined: what its notes name belongs to whoever finds it. Does not wait for a disk for long.
 * @vm is locked, a job is held; the lock is dropped meanwhile. */
void qbjVmLeftoverForget(virDomainObj *vm, const virDomainDef *def);
