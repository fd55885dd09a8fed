/* What qemu-img does for a deletion (core/undo.h): the merges of a domain that is shut off, and what stands
 * on the images on branches that the domain is not on. Each returns 0, -1 with an error reported. */
#pragma once

#include "domain_private.h"
#include "undo.h"

/* Whether a deletion may go on. Returns 0; -1 with an error reported: the daemon ends, or what
 * qbjDomainOperationCheck() says, if there is an operation. @vm is locked and its job held. */
int qbjMomentDeleteMayGoOn(virDomainObj *vm);

/* The same for a virDomainObj whose job is held and whose lock is not: qbjHostImgGoOn. Handles what has
 * happened meanwhile, when it runs. */
int qbjMomentDeleteGoOn(void *opaque);

/* Whether the headers are as @plan has them, for all that the others do. Without locks. */
int qbjMomentDeleteOffCheck(const qbjUndoDelete *plan);

/* What stands on base beside the overlay gets its data, and stands on what is below. Nobody reads anything
 * else than before, at any moment. @begun is set before the first one. Without locks, @vm's job is held. */
int qbjMomentDeleteOffMove(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun);

/* Merges, and the definition that no longer names the overlays. @begun is set before the first image
 * changes. @vm is locked and its job held; the lock is dropped meanwhile. */
int qbjMomentDeleteOffMerge(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun);

/* When the data of overlay are in base: what has stood on the one beside the image above stands on the other.
 * Without locks. */
int qbjMomentDeleteOffHeaders(const qbjUndoDelete *plan);
