/* What QEMU does not take, in words that a user can do something with. */
#pragma once

#include "domain_private.h"

/* The last error is what QEMU has answered when it was given disk @target of @vm with the chain @top: says it
 * anew, with the image, and with the disk of the running domain that has it, where that is known.
 *   VIR_ERR_RESOURCE_BUSY     somebody has locked an image of the chain
 *   VIR_ERR_OPERATION_FAILED  anything else that QEMU does not like of it
 * Other errors stay as they are. @vm is locked; the lock is dropped, for storage may hang. */
void qbjEngineInUseExplain(virDomainObj *vm, const char *target, const virStorageSource *top);
