/* Bytes of a QMP socket in, texts of complete JSON objects out. No I/O, no locks.
 *
 * Objects may be split anywhere, stand several in a row, and need no line ends between them. Each byte is
 * looked at once. What no monitor sends is refused here, before a JSON parser gets to see it that
 * recurses, and compares each key of an object with all before it: NUL and control bytes, anything but an
 * object at top level, more than QBJ_QMP_DEPTH_MAX levels, more bytes than the limit, objects so wide that
 * QBJ_QMP_COMPARES_MAX is exceeded. */
#pragma once

#include "internal.h"

/* Levels of nesting. The deepest real reply is a chain of images that holds one level per image; QEMU's
 * own parser stops at the same figure. */
#define QBJ_QMP_DEPTH_MAX 1024

/* Comparisons of keys that libvirt's parser may need for one message, at 5 ns each. 20 MB of block nodes
 * need 2 % of it; one object with 100,000 keys needs 80 times as much, and would hold up the event thread
 * for all VMs. */
#define QBJ_QMP_COMPARES_MAX (64 * 1024 * 1024)

typedef struct _qbjQmpStream qbjQmpStream;

/* @limit: largest object in bytes, normally QBJ_QMP_REPLY_MAX. */
qbjQmpStream *qbjQmpStreamNew(size_t limit);
void qbjQmpStreamFree(qbjQmpStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjQmpStream, qbjQmpStreamFree);

/* Room for at least @want bytes to read into; then tell how many came. Ends the life of the last text. */
char *qbjQmpStreamReserve(qbjQmpStream *stream, size_t want);
void qbjQmpStreamAdvance(qbjQmpStream *stream, size_t got);

/* The next complete object. Returns 1 and @text (borrowed until the next call for this stream, ends with a
 * NUL), 0 when more bytes are needed, -1 when this is not QMP: @problem is then a translated phrase
 * (static), and every later call says the same. */
int qbjQmpStreamNext(qbjQmpStream *stream, const char **text, const char **problem);

/* True when no object has been begun that is not complete. */
bool qbjQmpStreamIsBetween(const qbjQmpStream *stream);
