/* virDomainBlockCopy. */
#pragma once

#include "domain_conf.h"
#include "driver.h"

int qbjApiBlockCopy(virDomainPtr domain, const char *disk, const char *destxml, virTypedParameterPtr params,
                    int nparams, unsigned int flags);

/* virDomainBlockRebase with COPY; @vm is looked up, and the client may write it; it is released here. */
int qbjApiBlockRebaseCopy(virDomainObj *vm, const char *disk, const char *path, unsigned long bandwidth,
                          unsigned int flags);
