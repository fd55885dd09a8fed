/* Everything that comes from QEMU or its process, one event at a time. */
#pragma once

#include "domain_private.h"

/* The driver's handleEvent. @vm is locked and its job held. */
void qbjVmHandleEvent(virDomainObj *vm, qbjDomainEvent *event);
