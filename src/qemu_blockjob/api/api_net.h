/* Entry points: figures and addresses of a domain's network interfaces, as the host knows them. */
#pragma once

#include "driver.h"

int qbjApiInterfaceStats(virDomainPtr domain, const char *device, virDomainInterfaceStatsPtr stats);

/* virDomainInterfaceAddresses() from the leases of libvirt's networks or from the host's ARP table. */
int qbjApiNetHostAddresses(virDomainPtr domain, virDomainInterfacePtr **ifaces, unsigned int source);

/* virDomainGetHostname() from the leases. */
char *qbjApiNetLeaseHostname(virDomainPtr domain);
