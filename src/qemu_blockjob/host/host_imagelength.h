/* The length that a save image had when it was completed, in its head: what has been cut off shows before a
 * guest is ended for it. */
#pragma once

#include "virqbjsaveimage.h"

/* Notes how long the file @fd, which is complete, is. Returns 0, -1 with errno set. */
int qbjHostImageNoteLength(int fd);

/* Whether the file @fd, @path, is still as long as @image, read from it, says; one that does not say is fine.
 * Returns 0; -1 with VIR_ERR_OPERATION_FAILED reported: a part is missing. */
int qbjHostImageCheckLength(const char *path, const virQbjSaveImage *image, int fd);
