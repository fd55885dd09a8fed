/* Entry points: autostart. Its mark is a link in the autostart folder that has the definition's name. */
#pragma once

#include "driver.h"
#include "domain_driver.h"

int qbjApiGetAutostart(virDomainPtr domain, int *autostart);
int qbjApiSetAutostart(virDomainPtr domain, int autostart);

/* Moves the mark of @vm to a domain named @name, or does nothing when it has none. @vm is locked. Returns 0,
 * -1 with an error reported. */
int qbjApiAutostartRename(virDomainObj *vm, const char *name);

/* Starts every marked domain, in a thread of its own, when the driver has begun for the first time since the
 * host was booted. What fails is logged. */
void qbjApiAutostartBegin(qbjDriver *driver);

/* No further start; waits for the one that is under way. Does nothing when none was begun. */
void qbjApiAutostartEnd(void);
