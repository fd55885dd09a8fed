/* Entry points: limits of a disk's I/O. */
#pragma once

#include "driver.h"

int qbjApiGetBlockIoTune(virDomainPtr domain, const char *path, virTypedParameterPtr params, int *nparams,
                         unsigned int flags);
int qbjApiSetBlockIoTune(virDomainPtr domain, const char *path, virTypedParameterPtr params, int nparams,
                         unsigned int flags);
