/* Entry points: the domain's long-running job, of which this driver has the save only, and what a person
 * should know of the domain. */
#pragma once

#include "driver.h"

int qbjApiGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info);
int qbjApiGetJobStats(virDomainPtr domain, int *type, virTypedParameterPtr *params, int *nparams, unsigned int flags);
int qbjApiAbortJob(virDomainPtr domain);
int qbjApiGetMessages(virDomainPtr domain, char ***messages, unsigned int flags);
int qbjApiAbortJobFlags(virDomainPtr domain, unsigned int flags);
