/* <cpu mode='host-model'>: a named model when a VM starts; the persistent definition keeps the wish. */
#pragma once

#include "domain_private.h"
#include "vm_caps.h"

/* NULL: the definition has no CPU. */
bool qbjVmCpuIsHostModel(const virCPUDef *cpu);

/* Replaces host-model by the named model that is nearest to what QEMU can give the guest on this host, with
 * the features that differ; not with those that would keep it from being migrated. Nothing for other modes.
 * Returns 0, -1 with an error reported. */
int qbjVmCpuExpand(qbjVmCapsCache *cache, virDomainDef *def);

/* Writes into the definition of the started VM what its QEMU could not give the guest of an expanded model.
 * Returns 0, -1 with an error reported. */
int qbjVmCpuReadBack(virDomainObj *vm);
