/* What can be known of a start before it. @vm is locked and its job held; each returns 0, -1 with an error
 * reported. */
#pragma once

#include "domain_private.h"

/* Safety relevant settings of the host that we do not carry out stop a start, by name; so does what @def, of
 * the domain @vm, needs and the host does not have. */
int qbjVmStartCheckHost(virDomainObj *vm, virDomainDef *def);

/* *@secrets: a new table (host_secret.h) of what @def's images need, encrypted with the master key @key. */
int qbjVmStartCheckSecrets(virDomainDef *def, uint8_t *key, GHashTable **secrets);

/* Whether @def, a copy that changes here, is likely to start in the place of @vm, as far as that shows while
 * @vm still runs: for a caller that is to end it first. The definition, what it needs of the host, images,
 * firmware, secrets, and room for the status file. The lock is dropped. */
int qbjVmStartCheckAll(virDomainObj *vm, virDomainDef *def);
