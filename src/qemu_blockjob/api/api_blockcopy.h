/* virDomainBlockCopy. */
#pragma once

#include "domain_conf.h"
#include "driver.h"
#include "spec_copy.h"

int qbjApiBlockCopy(virDomainPtr domain, const char *disk, const char *destxml, virTypedParameterPtr params,
                    int nparams, unsigned int flags);

/* The numbers of @params in @req (01/Y1); those that are not there stay as they are. An unknown name, another
 * type or a second value: -1 with an error reported. */
int qbjApiBlockCopyParams(virTypedParameterPtr params, int nparams, qbjCopyRequest *req);

/* virDomainBlockRebase with COPY; @vm is looked up, and the client may write it; it is released here. */
int qbjApiBlockRebaseCopy(virDomainObj *vm, const char *disk, const char *path, unsigned long bandwidth,
                          unsigned int flags);
