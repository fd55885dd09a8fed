/* Whether an image file can hold dirty bitmaps, read from its header, so that QEMU need not be asked
 * (protocol H3). */
#pragma once

#include "domain_conf.h"

/* True unless every image of @chain is known to have none: raw local images, and qcow2 files without the
 * bitmaps extension.
 * An image that cannot be read counts as one that may have some. */
bool qbjVmBitmapsPossible(virStorageSource *chain);
