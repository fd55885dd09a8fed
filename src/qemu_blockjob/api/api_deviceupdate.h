/* Entry point: what of a device can be changed while it is plugged in. */
#pragma once

#include "driver.h"
#include "vm_config.h"
#include "vm_def.h"

int qbjApiUpdateDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags);

/* Makes @disk of the running @vm what @wanted says: another medium, or none, and startupPolicy. @vm is
 * locked and its job held. Returns 0, -1 with an error reported: VIR_ERR_CONFIG_UNSUPPORTED for another
 * source of a drive that takes none, VIR_ERR_OPERATION_UNSUPPORTED naming what else differs. */
int qbjApiUpdateMedium(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, bool force);

/* A qbjVmConfigChange: what @xml, a text, says of a disk of @next. */
int qbjApiUpdateNext(virDomainObj *vm, virDomainDef *next, const void *xml);

/* The disk of @def that @wanted means, by target and bus; NULL: none. Borrowed. */
virDomainDiskDef *qbjApiUpdateFind(virDomainDef *def, const virDomainDiskDef *wanted);
