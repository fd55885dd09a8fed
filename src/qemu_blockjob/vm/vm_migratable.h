/* The definition of a domain as another daemon, which may be older, takes it. */
#pragma once

#include "domain_private.h"

/* With what is secret, and without what is of this run only, or what any libvirt adds by itself: on a machine
 * pc the root of PCI and the default USB controller, when there are no others; the default sound. @next: of
 * the next start, else of the domain as it is. @updateCpu: with the model that host-model would be now.
 * @flags: of virDomainDefFormat(), what else is wanted. @vm is locked. To be freed; NULL with an error
 * reported. */
char *qbjVmMigratableFormat(virDomainObj *vm, bool next, bool updateCpu, unsigned int flags);
