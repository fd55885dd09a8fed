/* Entry points: virtual CPUs. */
#pragma once

#include "driver.h"

int qbjApiGetMaxVcpus(virDomainPtr domain);
int qbjApiGetVcpusFlags(virDomainPtr domain, unsigned int flags);
int qbjApiGetVcpus(virDomainPtr domain, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps, int maplen);
int qbjApiSetVcpus(virDomainPtr domain, unsigned int nvcpus);
int qbjApiSetVcpusFlags(virDomainPtr domain, unsigned int nvcpus, unsigned int flags);
int qbjApiSetVcpu(virDomainPtr domain, const char *map, int state, unsigned int flags);
