/* Entry points that only ask. None of them waits for a job or for QEMU. */
#pragma once

#include "driver.h"

char *qbjApiGetOSType(virDomainPtr domain);
int qbjApiGetInfo(virDomainPtr domain, virDomainInfoPtr info);
int qbjApiGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags);
int qbjApiGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info, unsigned int flags);
char *qbjApiGetXMLDesc(virDomainPtr domain, unsigned int flags);
int qbjApiIsActive(virDomainPtr domain);
int qbjApiIsPersistent(virDomainPtr domain);
int qbjApiIsUpdated(virDomainPtr domain);
int qbjApiGetSecurityLabel(virDomainPtr domain, virSecurityLabelPtr label);
int qbjApiGetSecurityLabelList(virDomainPtr domain, virSecurityLabelPtr *labels);
