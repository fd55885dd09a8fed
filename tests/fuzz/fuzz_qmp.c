/* What a monitor may send. The seeds are transcripts; the last byte also chooses how the whole is cut into
 * reads.
 *
 * Laws: the same bytes give the same messages however they are cut; a text that is handed out is an object
 * and obeys the limit; the id that is peeked at is the one that the parser finds. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virlog.h"

#include "fuzz_main.h"
#include "qmp_message.h"
#include "qmp_stream.h"

#define LIMIT 4096

static int
qbjFuzzQuiet(virErrorPtr error, int priority)
{
    return VIR_LOG_DEBUG;
}

static void
qbjFuzzStart(void)
{
    static bool started;

    if (!started && virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorLogPriorityFunc(qbjFuzzQuiet);
    started = true;
}

static void
qbjFuzzCheckIds(const char *text, virJSONValue *message)
{
    unsigned int parsed = 0;
    unsigned int peeked = 0;
    bool isAnswer = qbjQmpMessageGetKind(message) == QBJ_QMP_MESSAGE_ANSWER;
    bool hasId = isAnswer && qbjQmpMessageGetId(message, &parsed);

    /* an escaped key is not seen by peeking; and to peeking "error" need not be an object */
    if (qbjQmpMessagePeekId(text, &peeked)) {
        g_assert_true(hasId || !isAnswer);
        g_assert_true(!hasId || peeked == parsed);
    } else {
        g_assert_true(!hasId || strchr(text, '\\'));
    }
}

static void
qbjFuzzCheckText(const char *text)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(text);

    g_assert_cmpuint(strlen(text), <=, LIMIT);
    g_assert_cmpint(text[0], ==, '{');
    if (message) {
        g_auto(qbjQmpCommand) command = { .execute = "a" };

        qbjFuzzCheckIds(text, message);
        if (qbjQmpMessageGetKind(message) == QBJ_QMP_MESSAGE_ANSWER)
            qbjQmpMessageTakeOutcome(message, &command);
    }
    virResetLastError();
}

/* What comes of @data in reads of @piece bytes: the texts, and the problem. */
static char *
qbjFuzzDigest(const uint8_t *data, size_t size, size_t piece, bool check)
{
    g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(LIMIT);
    GString *found = g_string_new(NULL);
    const char *text;
    const char *problem;
    int rc = 0;

    while (size > 0 && rc >= 0) {
        size_t n = MIN(piece, size);

        memcpy(qbjQmpStreamReserve(stream, n), data, n);
        qbjQmpStreamAdvance(stream, n);
        data += n;
        size -= n;
        while ((rc = qbjQmpStreamNext(stream, &text, &problem)) > 0) {
            g_string_append_printf(found, "%s|", text);
            if (check)
                qbjFuzzCheckText(text);
        }
        if (rc < 0)
            g_string_append_printf(found, "!%s", problem);
    }
    return g_string_free(found, false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = NULL;
    g_autofree char *pieces = NULL;

    qbjFuzzStart();
    if (size == 0)
        return 0;
    whole = qbjFuzzDigest(data, size, size, true);
    pieces = qbjFuzzDigest(data, size, 1 + data[size - 1], false);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}

/* Single bytes that mean something: most random ones end in the first string that they hit. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    static const char tokens[] = "{}[]\":,\\ \n\0\x1f\xff" "0-.etid";
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    int n;

    for (n = g_rand_int_range(rand, 1, 5); n > 0 && size > 0 && size < room; n--) {
        size_t at = g_rand_int_range(rand, 0, size);
        uint8_t token = tokens[g_rand_int_range(rand, 0, sizeof(tokens) - 1)];

        if (g_rand_boolean(rand)) {
            memmove(data + at + 1, data + at, size - at);
            size++;
        }
        data[at] = token;
    }
    return size;
}
