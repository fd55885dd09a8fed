/* Entry point: another name for a domain. */
#pragma once

#include "driver.h"

int qbjApiRename(virDomainPtr domain, const char *name, unsigned int flags);
