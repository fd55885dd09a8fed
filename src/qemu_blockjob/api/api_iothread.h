/* Entry points: I/O threads. */
#pragma once

#include "driver.h"

int qbjApiGetIOThreadInfo(virDomainPtr domain, virDomainIOThreadInfoPtr **info, unsigned int flags);
int qbjApiAddIOThread(virDomainPtr domain, unsigned int id, unsigned int flags);
int qbjApiDelIOThread(virDomainPtr domain, unsigned int id, unsigned int flags);
int qbjApiPinIOThread(virDomainPtr domain, unsigned int id, unsigned char *cpumap, int maplen, unsigned int flags);
int qbjApiSetIOThreadParams(virDomainPtr domain, unsigned int id, virTypedParameterPtr params, int nparams,
                            unsigned int flags);
