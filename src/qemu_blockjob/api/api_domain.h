/* What every entry point does first and last. */
#pragma once

#include "driver.h"
#include "domain_driver.h"
#include "qbj_acl.h"

/* The one driver of this process; NULL before stateInitialize and after stateCleanup. */
extern qbjDriver *qbjApiDriver;

/* The flags of a call that changes or shows a running domain, its definition, or both. */
#define QBJ_API_AFFECT (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)

/* The domain of @domain, locked and referenced; NULL with VIR_ERR_NO_DOMAIN reported (01/A3). The monitor of
 * one that a new daemon has not come to yet is connected now. To be released with virDomainObjEndAPI(). */
virDomainObj *qbjApiDomain(virDomainPtr domain);

typedef int (*qbjApiMayCall)(virConnectPtr conn, virDomainDef *def);
typedef int (*qbjApiMayCallFlags)(virConnectPtr conn, virDomainDef *def, unsigned int flags);

/* The domain of @domain for a client that @may ask about it, locked and referenced; NULL with an error
 * reported. To be released with virDomainObjEndAPI(). */
virDomainObj *qbjApiLook(virDomainPtr domain, qbjApiMayCall may);
virDomainObj *qbjApiLookFlags(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags);

/* The same with the domain's MODIFY job held; to be released with qbjApiEnd(). */
virDomainObj *qbjApiBegin(virDomainPtr domain, qbjApiMayCall may);
virDomainObj *qbjApiBeginFlags(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags);
void qbjApiEnd(virDomainObj **vm);
