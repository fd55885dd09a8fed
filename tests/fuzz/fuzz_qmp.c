/* Fuzz target: what a monitor may send. The input's first byte chooses how the rest is cut into reads.
 *
 * As a test (no arguments) it replays mutations of real conversations: fuzz_qmp --tap [SEED [COUNT]]; the seed is printed, and
 * the same seed gives the same inputs. With libFuzzer: clang -DQBJ_LIBFUZZER -fsanitize=fuzzer,address ... . A file that
 * once failed is replayed by fuzz_qmp FILE.
 *
 * Laws: the same bytes give the same messages however they are cut; a text that is handed out has balanced brackets and
 * obeys the limits; the id that is peeked at is the id that the parser finds. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virlog.h"
#include "qmp_message.h"
#include "qmp_stream.h"

#define LIMIT 4096

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
quiet(virErrorPtr error G_GNUC_UNUSED, int priority G_GNUC_UNUSED)
{
    return VIR_LOG_DEBUG;
}

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    g_assert_cmpint(virInitialize(), ==, 0);
    virSetErrorLogPriorityFunc(quiet);
    return 0;
}

static void
checkIds(const char *text, virJSONValue *message)
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

/* How deep the inputs got: a target that refuses everything at once tests nothing. */
static unsigned int textsSeen;
static unsigned int answersSeen;

static void
checkText(const char *text)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(text);

    textsSeen++;
    g_assert_cmpuint(strlen(text), <=, LIMIT);
    g_assert_cmpint(text[0], ==, '{');
    if (message) {
        g_auto(qbjQmpCommand) command = { .execute = "a" };

        checkIds(text, message);
        if (qbjQmpMessageGetKind(message) == QBJ_QMP_MESSAGE_ANSWER) {
            answersSeen++;
            qbjQmpMessageTakeOutcome(message, &command);
        }
    }
    virResetLastError();
}

/* What comes of @data in reads of @piece bytes: the texts, and the problem. */
static char *
digest(const uint8_t *data, size_t size, size_t piece, bool check)
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
                checkText(text);
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

    if (size < 2)
        return 0;
    whole = digest(data + 1, size - 1, size, true);
    pieces = digest(data + 1, size - 1, 1 + data[0], false);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}

#ifndef QBJ_LIBFUZZER

static const char *const conversations[] = {
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7}},\"capabilities\":[\"oob\"]}}\r\n"
    "{\"return\":{},\"id\":1}\r\n",
    "{\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"event\":\"JOB_STATUS_CHANGE\","
    "\"data\":{\"status\":\"ready\",\"id\":\"commit-vda-libvirt-2-format\"}}\r\n",
    "{\"id\":1002,\"error\":{\"class\":\"GenericError\",\"desc\":\"Cannot find device='x\\\"y\\\\' nor node-name=''\"}}\r\n",
    "{\"return\":[{\"device\":\"a\",\"len\":1,\"offset\":0.5e1,\"ready\":true,\"x\":null,\"n\":[[],{},[{}]]}],\"id\":17}",
};

static void
mutate(GRand *random, GByteArray *input)
{
    static const char tokens[] = "{}[]\":,\\ \n\0\x1f\xff" "0a";
    guint at = g_rand_int_range(random, 0, input->len);
    guint8 byte = g_rand_int_range(random, 0, 256);
    guint length;

    switch (g_rand_int_range(random, 0, 5)) {
    case 0:
        input->data[at] ^= 1 << (byte % 8);
        break;
    case 1:
        input->data[at] = tokens[byte % (sizeof(tokens) - 1)];
        break;
    case 2:
        length = MIN(input->len - at, (guint) byte % 20);
        if (input->len > length + 2)
            g_byte_array_remove_range(input, at, length);
        break;
    case 3:
        if (input->len < 20000) {
            g_autofree guint8 *copy = NULL;

            length = MIN(input->len - at, (guint) byte * 4);
            copy = g_malloc(length + 1);
            memcpy(copy, input->data + at, length);
            g_byte_array_append(input, copy, length);
        }
        break;
    default:
        g_byte_array_set_size(input, MAX(at, 2));
    }
}

static void
replayMutations(guint32 seed, unsigned int count)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    unsigned int i;

    for (i = 0; i < count; i++) {
        g_autoptr(GByteArray) input = g_byte_array_new();
        guint8 piece = g_rand_int_range(random, 0, 256);
        int n;

        for (n = g_rand_int_range(random, 1, 5); n > 0; n--) {
            const char *text = conversations[g_rand_int_range(random, 0, G_N_ELEMENTS(conversations))];

            g_byte_array_append(input, (const guint8 *) text, strlen(text));
        }
        for (n = g_rand_int_range(random, 0, 8); n > 0; n--)
            mutate(random, input);
        g_byte_array_prepend(input, &piece, 1);
        LLVMFuzzerTestOneInput(input->data, input->len);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *bytes = NULL;
    gsize length;
    guint32 seed;
    unsigned int count;

    LLVMFuzzerInitialize(&argc, &argv);
    if (argc == 2 && STRNEQ(argv[1], "--tap")) {
        g_assert_true(g_file_get_contents(argv[1], &bytes, &length, NULL));
        LLVMFuzzerTestOneInput((const uint8_t *) bytes, length);
        return 0;
    }
    seed = argc > 2 ? strtoul(argv[2], NULL, 10) : g_random_int();
    count = argc > 3 ? strtoul(argv[3], NULL, 10) : 20000;
    printf("1..1\n# seed %u, %u inputs\n", seed, count);
    fflush(stdout);
    replayMutations(seed, count);
    printf("# %u texts, %u answers\n", textsSeen, answersSeen);
    printf("%s 1 - mutated conversations\n", textsSeen >= count && answersSeen >= count / 4 ? "ok" : "not ok");
    return 0;
}
#endif
