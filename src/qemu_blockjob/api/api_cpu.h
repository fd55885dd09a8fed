/* Entry points: CPU models, for guests that shall run on more than one host. */
#pragma once

#include "driver.h"

int qbjApiCompareCPU(virConnectPtr conn, const char *cpu, unsigned int flags);
int qbjApiCompareHypervisorCPU(virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                               const char *type, const char *cpu, unsigned int flags);
char *qbjApiBaselineCPU(virConnectPtr conn, const char **cpus, unsigned int ncpus, unsigned int flags);
char *qbjApiBaselineHypervisorCPU(virConnectPtr conn, const char *emulator, const char *arch, const char *machine,
                                  const char *type, const char **cpus, unsigned int ncpus, unsigned int flags);
int qbjApiGetCPUModelNames(virConnectPtr conn, const char *arch, char ***models, unsigned int flags);
