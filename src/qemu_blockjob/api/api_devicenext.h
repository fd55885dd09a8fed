/* Devices of the persistent definition. */
#pragma once

#include "domain_private.h"

/* A qbjVmConfigChange: adds what @xml, a text, says to @next, a copy of the persistent definition: with an
 * address, and a controller of its own if need be. Returns 0, -1 with an error reported:
 * VIR_ERR_OPERATION_INVALID when its target is in use. */
int qbjApiDeviceNextAttach(virDomainObj *vm, virDomainDef *next, const void *xml);

/* A qbjVmConfigChange: takes the device that @xml, a text, describes off; as the live one, a disk is known
 * by its target. -1 with VIR_ERR_DEVICE_MISSING reported when there is none. */
int qbjApiDeviceNextDetach(virDomainObj *vm, virDomainDef *next, const void *xml);

/* The device of @def that @dev describes, as *@found, borrowed. Returns 0, -1 with VIR_ERR_DEVICE_MISSING
 * reported: there is none; @live chooses its words. VIR_ERR_OPERATION_UNSUPPORTED names a type of device
 * that cannot be plugged out. */
int qbjApiDeviceFind(virDomainDef *def, const virDomainDeviceDef *dev, bool live, virDomainDeviceDef *found);

/* @xml, one device of a domain like @def, checked; to be freed with virDomainDeviceDefFree(). @parseFlags:
 * virDomainDefParseFlags. NULL with an error reported. */
virDomainDeviceDef *qbjApiDeviceParse(virDomainObj *vm, const virDomainDef *def, const char *xml,
                                      unsigned int parseFlags);

/* Takes @found, a device of @next, off. Returns 0, -1 with VIR_ERR_OPERATION_UNSUPPORTED reported for a
 * type of device that cannot be plugged out. */
int qbjApiDeviceNextRemove(virDomainDef *next, virDomainDeviceDef *found);
