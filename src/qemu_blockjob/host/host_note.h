/* A small file whose loss does no harm but leaves something lying about: written in its place, and not
 * waited for by an fsync. */
#pragma once

#include "internal.h"

/* Within @limitMs, mode 0600; call it without locks. Returns 0, -1 with an error reported. After
 * VIR_ERR_OPERATION_TIMEOUT there is no such file once the disk goes on. */
int qbjHostNoteWrite(const char *path, const char *text, unsigned int limitMs);

/* Removes it within @limitMs; call it without locks. @durable: it does not come back when the host crashes
 * now. One that is not there is fine. Returns 0, -1 with an error reported. */
int qbjHostNoteRemove(const char *path, bool durable, unsigned int limitMs);

/* The text; NULL, without an error, when there is none, or none that only we can have written: a file of
 * another owner, that others may write, longer than @max, anything but a file. The log says so. */
char *qbjHostNoteRead(const char *path, size_t max);
