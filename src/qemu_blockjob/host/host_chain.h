/* What the headers of images say about the images below them. */
#pragma once

#include "storage_source_conf.h"

/* The image that the header of @src names, as far as the daemon may read it; a new object. NULL, without an
 * error: it names none, or cannot be read. Neither its kind nor its name is checked. No lock may be held. */
virStorageSource *qbjHostChainBelow(const virStorageSource *src);

/* The same into @below, of @src that has a path. Returns 0; -1 with an error reported: it cannot be read. */
int qbjHostChainReadBelow(const virStorageSource *src, virStorageSource **below);

/* Completes the chain of @top, of the disk @disk: what it does not state is read from the header of its last
 * image, and so on, down to the end. Nothing but files and block devices is opened. @user, @group: QEMU's,
 * for images that only that user may see. No lock may be held, for storage may hang. Returns 1; 0 when all
 * was stated and nothing was read; -1 with an error reported: VIR_ERR_CONFIG_UNSUPPORTED for what is no image
 * or has a name that cannot be said, or the reader's own. */
int qbjHostChainProbe(virStorageSource *top, const char *disk, uid_t user, gid_t group);
