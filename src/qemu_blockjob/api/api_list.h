/* Entry points: finding and listing domains. */
#pragma once

#include "driver.h"

int qbjApiListDomains(virConnectPtr conn, int *ids, int maxids);
int qbjApiNumOfDomains(virConnectPtr conn);
int qbjApiListDefinedDomains(virConnectPtr conn, char **const names, int maxnames);
int qbjApiNumOfDefinedDomains(virConnectPtr conn);
int qbjApiListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags);
virDomainPtr qbjApiLookupByID(virConnectPtr conn, int id);
virDomainPtr qbjApiLookupByUUID(virConnectPtr conn, const unsigned char *uuid);
virDomainPtr qbjApiLookupByName(virConnectPtr conn, const char *name);
