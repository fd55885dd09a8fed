/* The parts of domain capabilities that follow from what the driver acts on and the binary has. Only
 * vm_caps_domain.c includes this. */
#pragma once

#include "vm_caps.h"

/* Everything below <os>, <devices>, <memoryBacking> and <features> of @domain, whose machine and
 * architecture are set: what the support table has and, where @caps may lack it, the binary has, too.
 * Returns 0, -1 with an error reported. */
int qbjVmCapsFillParts(virDomainCaps *domain, const qbjVmCaps *caps, const qbjVmCapsAccel *accel);
