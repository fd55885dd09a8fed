/* What may be there beside a domain: a managed save image, and another driver's checkpoint metadata. */
#pragma once

#include "driver.h"
#include "domain_driver.h"

/* True when a managed save image of @vm exists. @vm is locked. */
bool qbjApiSavedImageExists(virDomainObj *vm);

/* Returns -1 with an error that names it when such metadata exist, because this driver cannot serve them
 * yet. */
int qbjApiSavedRefuse(virDomainObj *vm);

int qbjApiHasManagedSaveImage(virDomainPtr domain, unsigned int flags);
int qbjApiListAllCheckpoints(virDomainPtr domain, virDomainCheckpointPtr **checkpoints, unsigned int flags);
