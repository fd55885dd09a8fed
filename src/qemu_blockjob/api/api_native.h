/* Entry point: a definition as a command line. */
#pragma once

#include "driver.h"

char *qbjApiConnectDomainXMLToNative(virConnectPtr conn, const char *format, const char *xml, unsigned int flags);
