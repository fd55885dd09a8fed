/* Trays of drives with removable media, which the guest and QEMU's monitor open and close. */
#pragma once

#include "domain_private.h"

/* Has the domain a drive with a tray? */
bool qbjVmTrayAny(const virDomainDef *def);

/* @def is to boot: a new QEMU has all trays closed, whatever the definition was written down as. */
void qbjVmTrayCloseAll(virDomainDef *def);

/* QEMU's DEVICE_TRAY_MOVED, @data is the event's, or NULL: the live definition is changed and saved, clients
 * are told. @vm is locked and its job held. */
void qbjVmTrayMoved(virDomainObj *vm, virJSONValue *data);

/* What query-block answered, or NULL: takes over the state of all trays. As above, without saving; clients
 * are told with @tell. */
void qbjVmTrayRead(virDomainObj *vm, virJSONValue *reply, bool tell);
