/* Entry points: which host CPUs a domain's threads may run on. */
#pragma once

#include "driver.h"

int qbjApiPinVcpu(virDomainPtr domain, unsigned int vcpu, unsigned char *cpumap, int maplen);
int qbjApiPinVcpuFlags(virDomainPtr domain, unsigned int vcpu, unsigned char *cpumap, int maplen, unsigned int flags);
int qbjApiGetVcpuPinInfo(virDomainPtr domain, int ncpumaps, unsigned char *cpumaps, int maplen, unsigned int flags);
int qbjApiPinEmulator(virDomainPtr domain, unsigned char *cpumap, int maplen, unsigned int flags);
int qbjApiGetEmulatorPinInfo(virDomainPtr domain, unsigned char *cpumaps, int maplen, unsigned int flags);
