/* What the other snapshots say of the images that a deletion changes. */
#pragma once

#include "internal.h"
#include "domain_private.h"
#include "undo.h"

/* Their definitions, and the metadata on the disk, name what is there: the images that do not stand on the
 * image of the moment any more; with @merged those as well whose overlay has come out. A chain that a
 * definition states is believed, so the former must be true before that image changes, and all before a file
 * goes that they have named. Returns 0, -1 with an error reported: not all of them do. With the lock. */
int qbjMomentDeleteDefs(virDomainObj *vm, const qbjUndoDelete *plan, bool merged);
