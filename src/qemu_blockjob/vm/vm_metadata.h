/* Title, description and metadata are text that a client may add to again and again, in ever new namespaces.
 * All of it goes into each answer that holds the domain's XML, and libvirt's protocol cannot carry more than
 * 4 MiB. */
#pragma once

#include "domain_conf.h"

/* More than QBJ_VM_METADATA_MAX bytes, as they stand in the XML, are refused. */
#define QBJ_VM_METADATA_MAX (1024 * 1024)

/* Are those of @def within the limit? -1 with VIR_ERR_CONFIG_UNSUPPORTED reported if not. */
int qbjVmMetadataCheck(const virDomainDef *def);

/* May virDomainSetMetadata() change @def so? The arguments are those of that call; ones that it refuses
 * itself are taken here. What makes less of it is always possible. -1 with VIR_ERR_OPERATION_INVALID
 * reported if not. */
int qbjVmMetadataCheckChange(const virDomainDef *def, int type, const char *text, const char *key,
                             const char *uri);
