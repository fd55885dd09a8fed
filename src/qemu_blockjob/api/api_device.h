/* Entry points: devices that come and go. */
#pragma once

#include "driver.h"

int qbjApiAttachDevice(virDomainPtr domain, const char *xml);
int qbjApiAttachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags);
int qbjApiDetachDevice(virDomainPtr domain, const char *xml);
int qbjApiDetachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags);
int qbjApiDetachDeviceAlias(virDomainPtr domain, const char *alias, unsigned int flags);
