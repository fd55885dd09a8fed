/* Callbacks of virStateDriver; see driver-state.h of libvirt for their contracts. */
#pragma once

#include "driver.h"

virDrvStateInitResult qbjApiStateInitialize(bool privileged, const char *root, bool monolithic,
                                            virStateInhibitCallback inhibit, void *opaque);
int qbjApiStateReload(void);
int qbjApiStateStop(void);
int qbjApiStateShutdownPrepare(void);
int qbjApiStateShutdownWait(void);
int qbjApiStateCleanup(void);

/* @conn is closed: what was bound to it ends. It may be closed after the driver has gone, for the last
 * reference may be one of an event that is on its way. */
void qbjApiStateForget(virConnectPtr conn);
