/* Reading what is known of the domains when the daemon starts. */
#pragma once

#include "domain_driver.h"

/* Puts all domains into the list that have a status file or a persistent definition. The files are read by
 * several threads at a time, which have ended when this returns; what they say comes into the list as if they
 * had been read one after the other, status files first, in the order of their names. A file that cannot be
 * read, or that conflicts with another one, is logged and left out. Returns 0, -1 with an error reported: a
 * folder cannot be read. */
int qbjVmLoadAll(qbjDriver *driver);
