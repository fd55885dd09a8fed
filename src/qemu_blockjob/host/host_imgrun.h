/* Runs qemu-img, for host_img*.c; see host_img.h. Each returns 0, -1 with an error reported. */
#pragma once

#include "host_img.h"

/* What is done to headers only takes no longer. */
#define QBJ_HOST_IMG_SHORT_MS 60000

/* @args: the command and what follows it, NULL terminated. @path: of the image that it is about. @limitMs: 0
 * for no limit. @goOn: may be NULL. *@out: what it writes, to be freed; may be NULL. */
int qbjHostImgRunAll(const char *const *args, const char *path, unsigned int limitMs, qbjHostImgGoOn goOn,
                     void *opaque, char **out);

/* The same within QBJ_HOST_IMG_SHORT_MS. */
int qbjHostImgRunShort(const char *const *args, const char *path);

/* Whether qemu-img may be given @image: a local one, of a known format, not encrypted. */
int qbjHostImgCheck(virStorageSource *image);

/* The name of its format; static. */
const char *qbjHostImgFormat(virStorageSource *image);
