/* Entry points: start, stop, suspend. */
#pragma once

#include "driver.h"

virDomainPtr qbjApiCreateXML(virConnectPtr conn, const char *xml, unsigned int flags);
int qbjApiCreate(virDomainPtr domain);
int qbjApiCreateWithFlags(virDomainPtr domain, unsigned int flags);
int qbjApiDestroy(virDomainPtr domain);
int qbjApiDestroyFlags(virDomainPtr domain, unsigned int flags);
int qbjApiShutdown(virDomainPtr domain);
int qbjApiShutdownFlags(virDomainPtr domain, unsigned int flags);
int qbjApiSuspend(virDomainPtr domain);
int qbjApiResume(virDomainPtr domain);
