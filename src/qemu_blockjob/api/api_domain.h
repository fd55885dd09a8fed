/* What every entry point does first and last. */
#pragma once

#include "driver.h"
#include "domain_driver.h"
#include "qbj_acl.h"

/* The one driver of this process; NULL before stateInitialize and after stateCleanup. */
extern qbjDriver *qbjApiDriver;

/* The domain of @domain, locked and referenced; NULL with VIR_ERR_NO_DOMAIN reported (01/A3).
 * To be released with virDomainObjEndAPI(). */
virDomainObj *qbjApiDomain(virDomainPtr domain);
