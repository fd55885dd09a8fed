/* Entry point: statistics of many domains at once. */
#pragma once

#include "driver.h"

int qbjApiGetAllDomainStats(virConnectPtr conn, virDomainPtr *domains, unsigned int ndomains, unsigned int stats,
                            virDomainStatsRecordPtr **records, unsigned int flags);
