/* Entry points: what a domain may use of the host's CPUs, memory, block devices and memory nodes. */
#pragma once

#include "driver.h"

char *qbjApiGetSchedulerType(virDomainPtr domain, int *nparams);
int qbjApiGetSchedulerParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams);
int qbjApiGetSchedulerParametersFlags(virDomainPtr domain, virTypedParameterPtr params, int *nparams,
                                      unsigned int flags);
int qbjApiSetSchedulerParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams);
int qbjApiSetSchedulerParametersFlags(virDomainPtr domain, virTypedParameterPtr params, int nparams,
                                      unsigned int flags);
int qbjApiGetMemoryParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags);
int qbjApiSetMemoryParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);
int qbjApiGetBlkioParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags);
int qbjApiSetBlkioParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);
int qbjApiGetNumaParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags);
int qbjApiSetNumaParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);
int qbjApiGetCPUStats(virDomainPtr domain, virTypedParameterPtr params, unsigned int nparams, int start_cpu,
                      unsigned int ncpus, unsigned int flags);
