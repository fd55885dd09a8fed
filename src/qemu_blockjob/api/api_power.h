/* Entry points: the buttons and keys of a running VM. */
#pragma once

#include "driver.h"

int qbjApiShutdown(virDomainPtr domain);
int qbjApiShutdownFlags(virDomainPtr domain, unsigned int flags);
int qbjApiReboot(virDomainPtr domain, unsigned int flags);
int qbjApiReset(virDomainPtr domain, unsigned int flags);
int qbjApiInjectNMI(virDomainPtr domain, unsigned int flags);
int qbjApiSendKey(virDomainPtr domain, unsigned int codeset, unsigned int holdtime, unsigned int *keycodes,
                  int nkeycodes, unsigned int flags);
int qbjApiPMSuspendForDuration(virDomainPtr domain, unsigned int target, unsigned long long duration,
                               unsigned int flags);
int qbjApiPMWakeup(virDomainPtr domain, unsigned int flags);
