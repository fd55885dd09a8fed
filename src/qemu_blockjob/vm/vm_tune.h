/* Changing the limits of a running VM in its control groups: all of a change, or nothing of it. @vm is
 * locked, active and its job held, and its group has the controller that is needed. The definition is not
 * touched unless it says so here. */
#pragma once

#include "domain_private.h"

/* The limits in force. Of a kind of thread that the VM has none of: those of the definition, or none. Pins
 * are left out. Returns 0, -1 with an error reported. */
int qbjVmTuneReadCpu(virDomainObj *vm, virDomainCputune *tune);

/* From what vm->def says to @wanted: shares, periods (0: the kernel's) and quotas (0 or below: none). Returns
 * 0, -1 with an error reported. */
int qbjVmTuneSetCpu(virDomainObj *vm, const virDomainCputune *wanted);

/* Sets what @params names, as VIR_DOMAIN_MEMORY_..., in the group and in vm->def. Returns 0, -1 with an error
 * reported. */
int qbjVmTuneSetMemory(virDomainObj *vm, virTypedParameterPtr params, int nparams);

/* The same for VIR_DOMAIN_BLKIO_... */
int qbjVmTuneSetBlkio(virDomainObj *vm, virTypedParameterPtr params, int nparams);

/* Binds all threads to the memory nodes @nodes instead of those that vm->def names. As above. */
int qbjVmTuneSetNodes(virDomainObj *vm, virBitmap *nodes);
