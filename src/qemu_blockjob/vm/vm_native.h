/* The command line of a definition as text, without a VM. */
#pragma once

#include "domain_driver.h"

/* What a start of @xml would run, quoted for a shell; sockets as paths, ports and ids that only a start
 * chooses made up. Images are not looked at: a chain that the XML does not state ends with its last stated
 * image. The caller frees. NULL with an error reported. */
char *qbjVmNativeFormat(qbjDriver *driver, const char *xml);
