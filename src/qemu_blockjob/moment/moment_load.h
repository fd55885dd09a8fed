/* Snapshots that a daemon, this driver's or the stock driver's, has left. */
#pragma once

#include "domain_driver.h"

/* Fills vm->snapshots of all domains. A file that cannot be read, or that is another domain's, is logged and
 * left where it is: the domain can be used without. Of two that say that they are the one the domain is based
 * on, which a daemon that died leaves, the one is whose images it is on (the overlays, or those that hold an
 * internal one), or else the later one; the other says so no more when a third one becomes it. */
void qbjMomentLoad(qbjDriver *driver);
