/* Planner of the overlay that a disk of a running domain gets in a snapshot (behaviour/08 S3). Pure. */
#pragma once

#include "domain_conf.h"
#include "bitmap.h"
#include "spec_copy.h"

/* How the overlay of @disk is made: a spec with a prepare phase alone, and with the nodes before and after.
 * Of
 * @req: target, the overlay with its node names and without a chain; identity and made; source; of the flags
 * REUSE_EXT. It is opened on nothing, as QEMU wants it. @spec is set only on success; the caller frees it. */
int qbjSpecPlanOverlay(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjSpec **spec, qbjRefusal *refusal);

/* Appends to the transaction @actions what puts @overlay onto the active image of @disk. Its bitmaps that are
 * persistent, recording and consistent begin anew in the overlay (behaviour/20 B7 and following). @set:
 * NULL when no image has bitmaps. Returns 0, -1 with @refusal set. */
int qbjSpecAddOverlayActions(virJSONValue *actions, qbjBitmapSet *set, const virDomainDiskDef *disk,
                             const virStorageSource *overlay, qbjRefusal *refusal);
