/* Snapshots that a daemon, this driver's or the stock driver's, has left. */
#pragma once

#include "domain_driver.h"

/* Fills vm->snapshots of all domains. A file that cannot be read, or that is another domain's, is logged and
 * left where it is: the domain can be used without. Of two that say that they are the one the domain is based
 * on, which a daemon that died leaves, the later one is. */
void qbjMomentLoad(qbjDriver *driver);
