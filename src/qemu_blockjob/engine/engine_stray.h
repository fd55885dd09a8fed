/* Strays: jobs in QEMU that no record of the VM names, because somebody else has begun them at the monitor,
 * or because the record of one of ours was lost. They are kept in memory only: whoever asks QEMU finds them
 * again.
 *
 * A foreign one is shown, counts for the guards, and can be given another speed or ended by a client; what it
 * does to the chain is its owner's affair. One with a name that the driver gives is the rest of a job of ours
 * of which nothing was ever decided, for the record is saved first: it is ended, and what only it used is
 * deleted.
 *
 * Everywhere @vm is locked and its job is held, unless it is said otherwise. */
#pragma once

#include "engine_job.h"

/* What query-jobs said: strays that it does not list are forgotten, new ones are noted. They count from now
 * on, but nobody knows their disks before qbjEngineStrayPlace(). Asks nothing. */
void qbjEngineStrayListed(virDomainObj *vm, virJSONValue *reply);

/* Finds the disk of each stray that has none yet, and forgets those that work on no disk of the domain; ends
 * those that are called as ours. Asks QEMU only when there are any; when it does not answer, again later. */
void qbjEngineStrayPlace(virDomainObj *vm);

/* The two together, after asking query-jobs. */
void qbjEngineStrayLook(virDomainObj *vm);

/* An event of QEMU about a job that has no record. */
void qbjEngineStrayHandle(virDomainObj *vm, const char *event, virJSONValue *data);

/* Has QEMU end the stray @name by force. Returns 0 when it was told so, -1 with an error reported. */
int qbjEngineStrayCancel(virDomainObj *vm, const char *name);
