/* Entry points: definitions. */
#pragma once

#include "driver.h"
#include "domain_driver.h"

virDomainPtr qbjApiDefineXML(virConnectPtr conn, const char *xml);
virDomainPtr qbjApiDefineXMLFlags(virConnectPtr conn, const char *xml, unsigned int flags);
int qbjApiUndefine(virDomainPtr domain);
int qbjApiUndefineFlags(virDomainPtr domain, unsigned int flags);

/* Parses and checks a definition that a client gave: nothing in it may be ignored. NULL with an error
 * reported. */
virDomainDef *qbjApiParse(qbjDriver *driver, const char *xml, unsigned int parseFlags);
