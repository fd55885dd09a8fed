/* VMs whose status file cannot be read. */
#pragma once

#include "domain_driver.h"

/* To be called when all files have been read. A process that holds the lock of the pid file of a domain
 * which is not known to run is that domain's QEMU, and its status file was damaged or written by a
 * stranger. The domain is listed as running, by the definition in that file if that much can be read, else
 * by the persistent one, so that nobody starts it a second time. Nothing is asked of its QEMU and its file
 * is not written; it can only be destroyed, or end by itself. A domain with neither definition is left to
 * the log. */
void qbjVmUnreadAdd(qbjDriver *driver);
