/* VMs that run, but are left alone: their status file cannot be read, or they are in the middle of something
 * that this driver does not have. */
#pragma once

#include "domain_driver.h"

/* To be called when all files have been read. A process that holds the lock of the pid file of a domain
 * which is not known to run is that domain's QEMU, and its status file was damaged or written by a
 * stranger. The domain is listed as running, by the definition in that file if that much can be read, else
 * by the persistent one, so that nobody starts it a second time. Nothing is asked of its QEMU and its file
 * is not written; it can only be destroyed, or end by itself. A domain with neither definition is left to
 * the log. */
void qbjVmUnreadAdd(qbjDriver *driver);

/* For VMs whose file was read: those that are in the middle of what only another driver can finish are left
 * alone in the same way. */
void qbjVmUnreadLeaveForeign(qbjDriver *driver);

/* Reads the file again if it has been changed since. Returns true when it is well: @vm then is what the file
 * says, and its monitor can be connected. @vm is locked, its job held. */
bool qbjVmUnreadAgain(virDomainObj *vm);

/* Has the file looked at again after a while. */
void qbjVmUnreadLater(virDomainObj *vm);
