/* Entry points: block jobs. */
#pragma once

#include "driver.h"

int qbjApiBlockCommit(virDomainPtr domain, const char *disk, const char *base, const char *top, unsigned long bandwidth,
                      unsigned int flags);
int qbjApiBlockPull(virDomainPtr domain, const char *disk, unsigned long bandwidth, unsigned int flags);
int qbjApiBlockRebase(virDomainPtr domain, const char *disk, const char *base, unsigned long bandwidth,
                      unsigned int flags);
int qbjApiBlockJobAbort(virDomainPtr domain, const char *disk, unsigned int flags);
int qbjApiGetBlockJobInfo(virDomainPtr domain, const char *disk, virDomainBlockJobInfoPtr info, unsigned int flags);
int qbjApiBlockJobSetSpeed(virDomainPtr domain, const char *disk, unsigned long bandwidth, unsigned int flags);
