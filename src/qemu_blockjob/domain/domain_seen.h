/* Whether an error may name another domain. */
#pragma once

#include "domain_driver.h"

/* Whether the client of this call may see the domain @name, as the access manager says: one that it does not
 * find in a list is not named in an error either. Without locks: the manager may ask another process. The
 * last error is kept. */
bool qbjDomainIsSeen(qbjDriver *driver, const char *name);
