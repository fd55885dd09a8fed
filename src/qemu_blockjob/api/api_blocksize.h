/* Entry points: the size of a disk, and a look into it. */
#pragma once

#include "driver.h"

int qbjApiBlockResize(virDomainPtr domain, const char *path, unsigned long long size, unsigned int flags);
int qbjApiBlockPeek(virDomainPtr domain, const char *path, unsigned long long offset, size_t size, void *buffer,
                    unsigned int flags);
