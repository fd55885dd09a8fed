/* What small devices need of the host and of the running QEMU. */
#pragma once

#include "domain_private.h"

/* Opens the host's end of <vsock> and finds a free CID where the definition wants any. @fd: -1 when there is
 * no such device; the caller closes it. Returns 0, -1 with an error reported. */
int qbjVmVsockOpen(virDomainDef *def, int *fd);
