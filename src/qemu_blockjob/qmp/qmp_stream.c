#include <config.h>

#include "internal.h"
#include "qmp_stream.h"

#define FIRST_SIZE 4096
/* A buffer that one large reply has grown is given back when it is empty again. */
#define KEEP_SIZE (1024 * 1024)

struct _qbjQmpStream {
    char *bytes;
    size_t size;                /* allocated; one byte more than is ever filled, for the NUL behind a text */
    size_t start;               /* first byte of the current object, or of the blanks before it */
    size_t scanned;             /* everything before this has been looked at */
    size_t end;                 /* bytes filled */
    size_t limit;

    unsigned int depth;         /* open brackets; 0: between objects */
    unsigned int keys[QBJ_QMP_DEPTH_MAX + 1];   /* of the open object on each level */
    size_t compares;            /* that the parser will need for this message */
    bool inString;
    bool escaped;               /* in a string, behind a backslash */

    size_t textEnd;             /* where the last text was cut off by a NUL, 0: nowhere */
    char cutByte;               /* what stood there */
    const char *problem;
};

qbjQmpStream *
qbjQmpStreamNew(size_t limit)
{
    qbjQmpStream *stream = g_new0(qbjQmpStream, 1);

    stream->limit = limit;
    return stream;
}

void
qbjQmpStreamFree(qbjQmpStream *stream)
{
    if (!stream)
        return;
    g_free(stream->bytes);
    g_free(stream);
}

/* Puts back the byte that the NUL behind the last text has covered. */
static void
qbjQmpStreamRejoin(qbjQmpStream *stream)
{
    if (stream->textEnd == 0)
        return;
    stream->bytes[stream->textEnd] = stream->cutByte;
    stream->textEnd = 0;
}

static void
qbjQmpStreamReset(qbjQmpStream *stream)
{
    stream->start = stream->scanned = stream->end = 0;
    if (stream->size > KEEP_SIZE) {
        g_clear_pointer(&stream->bytes, g_free);
        stream->size = 0;
    }
}

/* Moves the unfinished rest to the front, but only when what has been consumed is larger: so each byte is
 * moved a bounded number of times. */
static void
qbjQmpStreamCompact(qbjQmpStream *stream)
{
    size_t rest = stream->end - stream->start;

    if (stream->start <= rest)
        return;
    memmove(stream->bytes, stream->bytes + stream->start, rest);
    stream->scanned -= stream->start;
    stream->end = rest;
    stream->start = 0;
}

char *
qbjQmpStreamReserve(qbjQmpStream *stream, size_t want)
{
    size_t need;

    qbjQmpStreamRejoin(stream);
    if (stream->start == stream->end)
        qbjQmpStreamReset(stream);
    else
        qbjQmpStreamCompact(stream);

    need = stream->end + want + 1;
    if (need > stream->size) {
        stream->size = MAX(MAX(need, stream->size * 2), FIRST_SIZE);
        stream->bytes = g_realloc(stream->bytes, stream->size);
    }
    return stream->bytes + stream->end;
}

void
qbjQmpStreamAdvance(qbjQmpStream *stream, size_t got)
{
    stream->end += got;
}

/* One byte inside a string. */
static const char *
qbjQmpStreamStepString(qbjQmpStream *stream, unsigned char byte)
{
    if (byte < 0x20)
        return N_("a control character in a string");
    if (stream->escaped)
        stream->escaped = false;
    else if (byte == '\\')
        stream->escaped = true;
    else if (byte == '"')
        stream->inString = false;
    return NULL;
}

/* One byte inside an object, outside of strings. */
static const char *
qbjQmpStreamStepObject(qbjQmpStream *stream, unsigned char byte)
{
    switch (byte) {
    case '"':
        stream->inString = true;
        break;
    case '{':
    case '[':
        if (++stream->depth > QBJ_QMP_DEPTH_MAX)
            return N_("too many levels of nesting");
        stream->keys[stream->depth] = 0;
        break;
    case ':':
        stream->compares += stream->keys[stream->depth]++;
        if (stream->compares > QBJ_QMP_COMPARES_MAX)
            return N_("an object with too many members");
        break;
    case '}':
    case ']':
        stream->depth--;
        break;
    case ' ': case '\t': case '\r': case '\n':
        break;
    default:
        if (byte <= 0x20 || byte >= 0x7f)
            return N_("bytes that are not JSON");
    }
    return NULL;
}

/* One byte between objects: blanks are consumed at once. */
static const char *
qbjQmpStreamStepBetween(qbjQmpStream *stream, unsigned char byte)
{
    switch (byte) {
    case '{':
        stream->depth = 1;
        stream->keys[1] = 0;
        stream->compares = 0;
        return NULL;
    case ' ': case '\t': case '\r': case '\n':
        stream->start = stream->scanned + 1;
        return NULL;
    default:
        return N_("something that is not a JSON object");
    }
}

static const char *
qbjQmpStreamStep(qbjQmpStream *stream, unsigned char byte)
{
    if (stream->inString)
        return qbjQmpStreamStepString(stream, byte);
    if (stream->depth > 0)
        return qbjQmpStreamStepObject(stream, byte);
    return qbjQmpStreamStepBetween(stream, byte);
}

/* Hands out the object that ends at the scan position. */
static const char *
qbjQmpStreamCut(qbjQmpStream *stream)
{
    const char *text = stream->bytes + stream->start;

    stream->textEnd = stream->scanned;
    stream->cutByte = stream->bytes[stream->scanned];
    stream->bytes[stream->scanned] = '\0';
    stream->start = stream->scanned;
    return text;
}

/* The bytes of a string that mean nothing, which are most: as the steps would, but quickly. */
static void
qbjQmpStreamSkipPlain(qbjQmpStream *stream)
{
    const char *here = stream->bytes + stream->scanned;
    const char *end = stream->bytes + stream->end;

    if (!stream->inString || stream->escaped)
        return;
    while (here < end && (unsigned char) *here >= 0x20 && *here != '"' && *here != '\\')
        here++;
    stream->scanned = here - stream->bytes;
}

int
qbjQmpStreamNext(qbjQmpStream *stream, const char **text, const char **problem)
{
    qbjQmpStreamRejoin(stream);

    while (!stream->problem && stream->scanned < stream->end) {
        bool inside = stream->depth > 0;

        qbjQmpStreamSkipPlain(stream);
        if (stream->scanned < stream->end) {
            stream->problem = qbjQmpStreamStep(stream, stream->bytes[stream->scanned]);
            stream->scanned++;
        }

        if (!stream->problem && stream->scanned - stream->start > stream->limit)
            stream->problem = N_("a message that is larger than allowed");
        if (!stream->problem && inside && stream->depth == 0) {
            *text = qbjQmpStreamCut(stream);
            return 1;
        }
    }

    if (stream->problem) {
        *problem = _(stream->problem);
        return -1;
    }
    return 0;
}

bool
qbjQmpStreamIsBetween(const qbjQmpStream *stream)
{
    return stream->depth == 0 && stream->start == stream->end;
}
