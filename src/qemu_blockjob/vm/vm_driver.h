/* Making and ending the driver. */
#pragma once

#include "domain_driver.h"

/* Reads the configuration, loads all definitions, takes up the VMs that run. @moments: borrowed, as long as
 * the driver lives; @changeNext: see there. Returns NULL with an error reported. */
qbjDriver *qbjVmDriverNew(bool privileged, const char *root, const qbjDriverMoments *moments,
                          qbjDriverChangeNext changeNext, virStateInhibitCallback inhibit, void *opaque);

/* Reads persistent definitions again (SIGHUP). */
void qbjVmDriverReload(qbjDriver *driver);

/* No new work for the workers; then waits for them. VMs run on. */
void qbjVmDriverShutdownPrepare(qbjDriver *driver);
void qbjVmDriverShutdownWait(qbjDriver *driver);

/* Frees everything; accepts a driver that is only partly made. */
void qbjVmDriverFree(qbjDriver *driver);
