/* Entry points: event callbacks, monitor passthrough. */
#pragma once

#include "driver.h"

int qbjApiEventRegister(virConnectPtr conn, virConnectDomainEventCallback callback, void *opaque,
                        virFreeCallback freecb);
int qbjApiEventDeregister(virConnectPtr conn, virConnectDomainEventCallback callback);
int qbjApiEventRegisterAny(virConnectPtr conn, virDomainPtr domain, int eventID,
                           virConnectDomainEventGenericCallback callback, void *opaque, virFreeCallback freecb);
int qbjApiEventDeregisterAny(virConnectPtr conn, int callbackID);
int qbjApiMonitorEventRegister(virConnectPtr conn, virDomainPtr domain, const char *event,
                               virConnectDomainQemuMonitorEventCallback callback, void *opaque, virFreeCallback freecb,
                               unsigned int flags);
int qbjApiMonitorEventDeregister(virConnectPtr conn, int callbackID);
int qbjApiMonitorCommand(virDomainPtr domain, const char *cmd, char **result, unsigned int flags);
