/* Deep backing chains. QEMU writes down for each new node what is below it, so that -blockdev after
 * -blockdev takes time by the square of the chain's length, and so does each query-named-block-nodes
 * (the guest stands still meanwhile). Node by node from the top down it takes linear time. */
#pragma once

#include "domain_private.h"

/* Whether the chain of @disk is so long that it matters. */
bool qbjVmChainIsDeep(const virDomainDiskDef *disk);

/* The same of any disk of @def. */
bool qbjVmChainAnyDeep(const virDomainDef *def);

/* Puts the deep chains of @vm together, whose format nodes QEMU has got without a backing node. To do so
 * again changes nothing. The guest must not run; @vm is locked, a job is held, and the lock is dropped
 * while QEMU works. Returns 0, -1 with an error reported: then the guest must not be let run. */
int qbjVmChainLink(virDomainObj *vm);
