/* Entry points: title, description and metadata of a definition. */
#pragma once

#include "driver.h"

char *qbjApiGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags);
int qbjApiSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key, const char *uri,
                      unsigned int flags);
