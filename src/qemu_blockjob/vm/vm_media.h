/* The medium of a running guest's drive: taken out, put in, exchanged. */
#pragma once

#include "domain_private.h"

/* The medium of @wanted, parsed for the same drive, takes the place of the one in @disk; without a source
 * the drive is empty afterwards. @force: also when the guest has locked the tray. The live definition has
 * it then, @wanted has lost it; the status file is saved. @vm is locked, active and its job held; the lock
 * is dropped meanwhile. Returns 0, -1 with an error reported: then the medium that was in is in again. */
int qbjVmMediaChange(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, bool force);

/* Nobody goes on with the change that is recorded: QEMU says which medium is in, that one is the
 * definition's; a drive that is open is closed, with the old one. Asks again later when QEMU does not
 * answer. As above. */
void qbjVmMediaResume(virDomainObj *vm);

/* The VM has ended: the rights on a recorded medium are given back. */
void qbjVmMediaRestoreLabels(virDomainObj *vm);
