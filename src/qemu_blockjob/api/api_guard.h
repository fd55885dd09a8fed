/* What block jobs forbid, for entry points of other operations. */
#pragma once

#include "guard_operation.h"
#include "domain_private.h"

/* As qbjGuardOperation(), with the jobs of @vm, which is locked; -1 with the refusal reported. */
int qbjApiGuard(virDomainObj *vm, qbjOperation operation, const char *const *disks);
