/* Images that are there and are to become overlays: what a domain that is shut off stands on is locked by
 * nobody. */
#pragma once

#include <sys/stat.h>

#include "domain_private.h"

/* Whether one of @images (of virStorageSource) before @n is the same as @n: the file or device that was
 * @found there (as many, all 0 where nothing is); without @found, the location that both state. @other:
 * which. */
bool qbjMomentReuseIsTwice(const GPtrArray *images, const struct stat *found, size_t n, size_t *other);

/* @overlays: of virStorageSource, local ones. Each must be a file or a block device of its own, that no chain
 * of this domain, of one of its snapshots or of another domain has. @vm is locked and its job held; the
 * lock is dropped, for storage may hang. Returns 0, -1 with an error reported:
 *   VIR_ERR_CONFIG_UNSUPPORTED  something that is no file; two disks would have one image
 *   VIR_ERR_INVALID_ARG         the image is somebody's */
int qbjMomentReuseCheck(virDomainObj *vm, const GPtrArray *overlays);
