/* Entry points: streams to a domain's consoles, channels and screens. */
#pragma once

#include "driver.h"

int qbjApiOpenConsole(virDomainPtr domain, const char *name, virStreamPtr stream, unsigned int flags);
int qbjApiOpenChannel(virDomainPtr domain, const char *name, virStreamPtr stream, unsigned int flags);
char *qbjApiScreenshot(virDomainPtr domain, virStreamPtr stream, unsigned int screen, unsigned int flags);
