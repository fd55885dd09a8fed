/* Entry points: devices that come and go. */
#pragma once

#include "driver.h"
#include "vm_config.h"

/* What config->next is to become is saved beside the persistent definition, as qbjVmConfigPrepare(), unless a
 * block job forbids it. */
int qbjApiDevicePrepare(virDomainObj *vm, qbjVmConfig *config);

/* A qbjDriverChangeNext. */
int qbjApiDeviceChangeNext(virDomainObj *vm, virDomainDef *next, const void *what);

int qbjApiAttachDevice(virDomainPtr domain, const char *xml);
int qbjApiAttachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags);
int qbjApiDetachDevice(virDomainPtr domain, const char *xml);
int qbjApiDetachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags);
int qbjApiDetachDeviceAlias(virDomainPtr domain, const char *alias, unsigned int flags);
