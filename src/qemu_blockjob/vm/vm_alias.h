/* Giving aliases. Only vm_alias*.c includes this. */
#pragma once

#include "domain_conf.h"

/* vm_alias_set.c: steals @alias; a user's own one ("ua-...") stays. */
void qbjVmAliasSet(virDomainDeviceInfo *info, char *alias);
void qbjVmAliasSetNumbered(virDomainDeviceInfo *info, const char *prefix, size_t number);

/* vm_alias.c */
void qbjVmAliasSetController(const virDomainDef *def, virDomainControllerDef *controller);

/* vm_alias_disk.c: alias, QOM name and name of the copy-on-read node. -1 with an error reported. */
int qbjVmAliasSetDisk(const virDomainDef *def, virDomainDiskDef *disk);
