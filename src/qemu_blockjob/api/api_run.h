/* Entry points: start, stop, suspend. */
#pragma once

#include "driver.h"
#include "domain_driver.h"

virDomainPtr qbjApiCreateXML(virConnectPtr conn, const char *xml, unsigned int flags);
int qbjApiCreate(virDomainPtr domain);
int qbjApiCreateWithFlags(virDomainPtr domain, unsigned int flags);
int qbjApiDestroy(virDomainPtr domain);
int qbjApiDestroyFlags(virDomainPtr domain, unsigned int flags);
int qbjApiSuspend(virDomainPtr domain);
int qbjApiResume(virDomainPtr domain);

/* Starts @vm, which is locked and whose job is held, with its managed save image if it has one. @flags:
 * virDomainCreateFlags. @conn: of the client that wants the domain to end with it, else NULL. Returns 0, -1
 * with an error reported. */
int qbjApiStart(virDomainObj *vm, unsigned int flags, virConnectPtr conn);

/* A definition that did not come to run goes again: a persistent domain has its own back, a new one leaves
 * the list. @vm is locked. */
void qbjApiCreateUndo(qbjDriver *driver, virDomainObj *vm);
