/* What block jobs, and other operations of the domain, forbid: for entry points. @vm is locked; all return 0,
 * -1 with the refusal reported. */
#pragma once

#include "guard_operation.h"
#include "domain_private.h"

/* As qbjGuardOperation(), with the jobs of @vm. */
int qbjApiGuard(virDomainObj *vm, qbjOperation operation, const char *const *disks);

/* The same, and qbjGuardBeside() an operation that is under way: to be called before the job of @vm is waited
 * for, where the answer is known. Once it is held, qbjApiGuard() has to be asked again. */
int qbjApiGuardEarly(virDomainObj *vm, qbjOperation operation, const char *const *disks);

/* As qbjGuardDefinition(): whether @next may replace the persistent definition @present (NULL: there is none)
 * of @vm. An inactive one may always be replaced. */
int qbjApiGuardDefinition(virDomainObj *vm, virDomainDef *present, virDomainDef *next);
