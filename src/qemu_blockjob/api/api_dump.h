/* Entry points: core dumps. */
#pragma once

#include "driver.h"

int qbjApiCoreDump(virDomainPtr domain, const char *to, unsigned int flags);
int qbjApiCoreDumpWithFormat(virDomainPtr domain, const char *to, unsigned int format, unsigned int flags);
