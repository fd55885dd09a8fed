/* Events of QEMU about clients of VNC and SPICE. @vm is locked and its job held, @data is the event's, or
 * NULL. */
#pragma once

#include "domain_private.h"

void qbjVmEventGraphicsConnected(virDomainObj *vm, virJSONValue *data);
void qbjVmEventGraphicsInitialized(virDomainObj *vm, virJSONValue *data);
void qbjVmEventGraphicsDisconnected(virDomainObj *vm, virJSONValue *data);
