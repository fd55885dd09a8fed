/* Entry points: a domain's memory, and what its balloon reports. */
#pragma once

#include "driver.h"

unsigned long long qbjApiGetMaxMemory(virDomainPtr domain);
int qbjApiSetMaxMemory(virDomainPtr domain, unsigned long memory);
int qbjApiSetMemory(virDomainPtr domain, unsigned long memory);
int qbjApiSetMemoryFlags(virDomainPtr domain, unsigned long memory, unsigned int flags);
int qbjApiSetMemoryStatsPeriod(virDomainPtr domain, int period, unsigned int flags);
int qbjApiMemoryStats(virDomainPtr domain, virDomainMemoryStatPtr stats, unsigned int nstats, unsigned int flags);
