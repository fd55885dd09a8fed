/* Which images the definitions and the snapshots of a domain name. */
#pragma once

#include "domain_private.h"
#include "snapshot_conf.h"
#include "virdomainmomentobjlist.h"

/* Whether a definition of @vm, which is locked, or a snapshot of it other than @except (or NULL) names the
 * image @path, anywhere in a backing chain. What only the header of an image says is not asked. */
bool qbjMomentNames(virDomainObj *vm, const virDomainMomentObj *except, const char *path);

/* Whether the data of @path are those of a definition of @vm or of a snapshot's moment: what a snapshot has
 * made above its own does not count. As above. */
bool qbjMomentNamesForData(virDomainObj *vm, const char *path);
