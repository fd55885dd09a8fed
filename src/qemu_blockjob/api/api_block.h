/* Entry points: figures of a domain's disks. */
#pragma once

#include "driver.h"

int qbjApiGetBlockInfo(virDomainPtr domain, const char *path, virDomainBlockInfoPtr info, unsigned int flags);
int qbjApiBlockStats(virDomainPtr domain, const char *path, virDomainBlockStatsPtr stats);
int qbjApiBlockStatsFlags(virDomainPtr domain, const char *path, virTypedParameterPtr params, int *nparams,
                          unsigned int flags);
int qbjApiGetDiskErrors(virDomainPtr domain, virDomainDiskErrorPtr errors, unsigned int nerrors, unsigned int flags);
