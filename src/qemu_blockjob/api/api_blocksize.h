/* Entry points: the size of a disk, a look into it, and what it may grow to unnoticed. */
#pragma once

#include "driver.h"

int qbjApiBlockResize(virDomainPtr domain, const char *path, unsigned long long size, unsigned int flags);
int qbjApiBlockPeek(virDomainPtr domain, const char *path, unsigned long long offset, size_t size, void *buffer,
                    unsigned int flags);
int qbjApiSetBlockThreshold(virDomainPtr domain, const char *dev, unsigned long long threshold, unsigned int flags);
