/* Saving the status file of a running VM and the persistent definition: the two files of a disk's truth
 * (protocol.md 4). */
#pragma once

#include "domain_private.h"

/* Writes the status file. @vm is locked, active. Returns 0, -1 with an error reported: then the old file
 * is in place. */
int qbjDomainSaveStatus(virDomainObj *vm);

/* As above for callers that have nothing to stop: a failure is logged, and it is tried again after a while,
 * until the file has been saved. */
void qbjDomainSaveStatusOrWarn(virDomainObj *vm);

/* For what an older file leads to as well: nobody waits for it. It is saved with the next change, at the
 * latest when nobody holds the VM's job any more and nothing is queued, or when the daemon ends. */
void qbjDomainSaveStatusSoon(virDomainObj *vm);

/* The time for another try has come. As qbjDomainSaveStatusSoon(). */
void qbjDomainSaveStatusAgain(virDomainObj *vm);

/* Saves what that has put off. @vm is locked and nobody changes it meanwhile. */
void qbjDomainSaveStatusWanted(virDomainObj *vm);

/* Text and path of the status file as it would be written now. */
char *qbjDomainStatusText(virDomainObj *vm);
char *qbjDomainStatusPath(virDomainObj *vm);

/* Text and path of the persistent definition @def. */
char *qbjDomainConfigText(virDomainObj *vm, virDomainDef *def);
char *qbjDomainConfigPath(virDomainObj *vm);

/* Writes @def as the persistent definition. */
int qbjDomainSaveConfig(virDomainObj *vm, virDomainDef *def);

/* The same, for callers that go by what the file says: @renamed tells whether it is @def, also when -1 is
 * returned because that may not last (see qbjHostSaveCommit()). */
int qbjDomainPutConfig(virDomainObj *vm, virDomainDef *def, bool *renamed);

/* The status file as it is to be when this run has ended and nothing is left of it (virQbjStatus.ended): all
 * of it but the rename. NULL with an error reported. */
qbjHostSave *qbjDomainPrepareEnded(virDomainObj *vm);

/* Removes the status file; a missing one is fine. */
void qbjDomainRemoveStatus(virDomainObj *vm);
