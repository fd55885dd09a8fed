/* The pure parts of the QMP client: cutting bytes into messages, telling messages apart, error answers. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virlog.h"
#include "qmp_message.h"
#include "qmp_request.h"
#include "qmp_stream.h"

/* The texts of all objects in @bytes, each ended by '|', then '!' and the problem if there is one. */
static char *
cutAll(qbjQmpStream *stream, const char *bytes, size_t length, size_t piece)
{
    GString *found = g_string_new(NULL);
    const char *text;
    const char *problem;
    int rc = 0;

    while (length > 0 && rc >= 0) {
        size_t n = MIN(piece, length);

        memcpy(qbjQmpStreamReserve(stream, n), bytes, n);
        qbjQmpStreamAdvance(stream, n);
        bytes += n;
        length -= n;
        while ((rc = qbjQmpStreamNext(stream, &text, &problem)) > 0)
            g_string_append_printf(found, "%s|", text);
        if (rc < 0)
            g_string_append_printf(found, "!%s", problem);
    }
    return g_string_free(found, false);
}

static void
testStreamCuts(void)
{
    static const struct { const char *bytes; const char *expected; } cases[] = {
        { "{}", "{}|" },
        { "{}{}\r\n {\"a\":1}\n", "{}|{}|{\"a\":1}|" },
        { "\t\r\n {\n \"a\" : [ { } ] }", "{\n \"a\" : [ { } ] }|" },
        { "{\"}\":\"{[\\\"}\"}", "{\"}\":\"{[\\\"}\"}|" },
        { "{\"a\":\"\\\\\"}{\"b\":\"\\\\\\\"}\"}", "{\"a\":\"\\\\\"}|{\"b\":\"\\\\\\\"}\"}|" },
        { "{\"a\":\"\xc3\xa4\x7f\"}", "{\"a\":\"\xc3\xa4\x7f\"}|" },
        { "{\"a\"", "" },
        { "{}x", "{}|!something that is not a JSON object" },
        { "{}]{}", "{}|!something that is not a JSON object" },
        { "{\"a\x01\"}", "!a control character in a string" },
        { "{\x01}", "!bytes that are not JSON" },
    };
    size_t i;
    size_t piece;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (piece = 1; piece <= strlen(cases[i].bytes); piece++) {
            g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(1000);
            g_autofree char *found = cutAll(stream, cases[i].bytes, strlen(cases[i].bytes), piece);

            g_assert_cmpstr(found, ==, cases[i].expected);
        }
    }
}

static void
testStreamStaysBad(void)
{
    g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(1000);
    g_autofree char *bad = cutAll(stream, "x", 1, 1);
    g_autofree char *later = cutAll(stream, "{}", 2, 2);

    g_assert_cmpstr(bad, ==, "!something that is not a JSON object");
    g_assert_cmpstr(later, ==, bad);
}

/* "{}", a NUL in its place, and everything else about lengths. */
static void
testStreamLimits(void)
{
    size_t n;

    for (n = 90; n <= 110; n++) {
        g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(100);
        g_autofree char *letters = g_strnfill(n - 8, 'x');
        g_autofree char *text = g_strdup_printf("  {\"a\":\"%s\"}", letters);
        g_autofree char *found = cutAll(stream, text, strlen(text), 7);

        /* blanks between objects do not count */
        g_assert_cmpint(found[0], ==, n <= 100 ? '{' : '!');
    }
    for (n = 1023; n <= 1026; n++) {
        g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(10000);
        g_autofree char *open = g_strnfill(n - 1, '[');
        g_autofree char *close = g_strnfill(n - 1, ']');
        g_autofree char *text = g_strdup_printf("{\"a\":%s%s}", open, close);
        g_autofree char *found = cutAll(stream, text, strlen(text), 500);

        g_assert_cmpint(found[0], ==, n <= QBJ_QMP_DEPTH_MAX ? '{' : '!');
    }
}

static void
testStreamNul(void)
{
    g_autoptr(qbjQmpStream) inside = qbjQmpStreamNew(100);
    g_autoptr(qbjQmpStream) between = qbjQmpStreamNew(100);
    g_autofree char *first = cutAll(inside, "{\"a\":\0}", 7, 7);
    g_autofree char *second = cutAll(between, "{}\0{}", 5, 5);

    g_assert_cmpstr(first, ==, "!bytes that are not JSON");
    g_assert_cmpstr(second, ==, "{}|!something that is not a JSON object");
}

/* Twice the bytes take twice the time, not four times, also when each read brings little. The factor
 * allows for a busy machine. */
static void
testStreamLinear(void)
{
    gint64 took[2];
    size_t round;

    for (round = 0; round < 2; round++) {
        size_t length = (round + 1) * 2 * 1024 * 1024;
        g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(2 * length);
        g_autofree char *letters = g_strnfill(length, '1');
        g_autofree char *text = g_strdup_printf("{\"a\":[%s]}", letters);
        gint64 begin = g_get_monotonic_time();
        g_autofree char *found = cutAll(stream, text, strlen(text), 100);

        took[round] = g_get_monotonic_time() - begin;
        g_assert_cmpuint(strlen(found), ==, strlen(text) + 1);
    }
    /* scanning again from the start would make 80,000 passes over 4 MB: minutes */
    g_test_message("%lld us, %lld us", (long long) took[0], (long long) took[1]);
    g_assert_cmpint(took[1], <, 20 * took[0] + 1000000);
}

static void
testMessageKinds(void)
{
    static const struct { const char *text; qbjQmpMessageKind kind; int id; } cases[] = {
        { "{\"QMP\":{}}", QBJ_QMP_MESSAGE_GREETING, -1 },
        { "{\"event\":\"A\"}", QBJ_QMP_MESSAGE_EVENT, -1 },
        { "{\"return\":{},\"id\":5}", QBJ_QMP_MESSAGE_ANSWER, 5 },
        { "{\"id\" : 5 ,\"return\":null}", QBJ_QMP_MESSAGE_ANSWER, 5 },
        { "{\"error\":{\"id\":6},\"id\":5}", QBJ_QMP_MESSAGE_ANSWER, 5 },
        { "{\"return\":{\"id\":6}}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":[\"id\",{\"id\":6}],\"x\":\"id\",\"id\":7}", QBJ_QMP_MESSAGE_ANSWER, 7 },
        { "{\"return\":1,\"id\":\"5\"}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":1,\"id\":-5}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":1,\"id\":5.0}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":1,\"id\":5e0}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":1,\"id\":4294967296}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":1,\"id\":null}", QBJ_QMP_MESSAGE_ANSWER, -1 },
        { "{\"return\":\"\\\"id\\\":9\",\"id\":5}", QBJ_QMP_MESSAGE_ANSWER, 5 },
        { "{\"id\":5}", QBJ_QMP_MESSAGE_OTHER, -1 },
        { "{\"event\":{\"return\":1},\"id\":5}", QBJ_QMP_MESSAGE_OTHER, -1 },
        { "{}", QBJ_QMP_MESSAGE_OTHER, -1 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(virJSONValue) message = virJSONValueFromString(cases[i].text);
        unsigned int parsed = 0;
        unsigned int peeked = 0;

        g_test_message("%s", cases[i].text);
        g_assert_nonnull(message);
        g_assert_cmpint(qbjQmpMessageGetKind(message), ==, cases[i].kind);
        g_assert_cmpint(qbjQmpMessagePeekId(cases[i].text, &peeked), ==, cases[i].id >= 0);
        if (cases[i].kind == QBJ_QMP_MESSAGE_ANSWER)
            g_assert_cmpint(qbjQmpMessageGetId(message, &parsed), ==, cases[i].id >= 0);
        if (cases[i].id >= 0) {
            g_assert_cmpint(parsed, ==, cases[i].id);
            g_assert_cmpint(peeked, ==, cases[i].id);
        }
    }
}

static void
testMessageOutcome(void)
{
    g_autoptr(virJSONValue) good = virJSONValueFromString("{\"return\":[1],\"id\":5}");
    g_autoptr(virJSONValue) bare = virJSONValueFromString("{\"error\":{},\"id\":5}");
    g_auto(qbjQmpCommand) command = { .execute = "a" };
    g_auto(qbjQmpCommand) failed = { .execute = "a" };

    qbjQmpMessageTakeOutcome(good, &command);
    g_assert_false(command.failed);
    g_assert_cmpuint(virJSONValueArraySize(command.reply), ==, 1);
    g_assert_false(virJSONValueObjectHasKey(good, "return"));

    /* an error without a class is still an answer */
    qbjQmpMessageTakeOutcome(bare, &failed);
    g_assert_true(failed.failed);
    g_assert_cmpstr(failed.errorClass, ==, "GenericError");
    g_assert_null(failed.reply);
}

static void
assertReported(const char *execute, const char *arguments, const char *class, int code, const char *message)
{
    g_autoptr(virJSONValue) object = arguments ? virJSONValueFromString(arguments) : NULL;
    g_autofree char *ownClass = g_strdup(class);
    g_autofree char *ownText = g_strdup("the text");
    qbjQmpCommand command = {
        .execute = execute, .arguments = object, .failed = true, .errorClass = ownClass, .errorText = ownText,
    };

    virResetLastError();
    qbjQmpReportError(&command);
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_cmpint(virGetLastErrorDomain(), ==, VIR_FROM_QEMU);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, message);
}

/* 00-conventions, "Errors returned by QEMU" */
static void
testErrors(void)
{
    assertReported("query-x", NULL, "GenericError", VIR_ERR_INTERNAL_ERROR,
                   "internal error: unable to execute QEMU command 'query-x': the text");
    assertReported("query-x", "{\"id\":\"j\"}", "DeviceNotActive", VIR_ERR_INTERNAL_ERROR,
                   "internal error: unable to execute QEMU command 'query-x': the text");
    assertReported("job-dismiss", "{\"id\":\"j\"}", "GenericError", VIR_ERR_INTERNAL_ERROR,
                   "internal error: unable to execute QEMU command 'job-dismiss': the text");
    assertReported("job-dismiss", "{\"id\":\"j\"}", "DeviceNotActive", VIR_ERR_OPERATION_INVALID,
                   "Requested operation is not valid: No active block job 'j'");
    assertReported("block-job-set-speed", "{\"device\":\"j\",\"speed\":1}", "DeviceNotActive",
                   VIR_ERR_OPERATION_INVALID, "Requested operation is not valid: No active block job 'j'");
    assertReported("block-job-cancel", "{\"force\":true}", "DeviceNotActive", VIR_ERR_INTERNAL_ERROR,
                   "internal error: unable to execute QEMU command 'block-job-cancel': the text");
    assertReported("quit", NULL, NULL, VIR_ERR_OPERATION_FAILED,
                   "operation failed: the connection to QEMU's monitor ended before it answered 'quit'");
}

static void
testRequestIds(void)
{
    qbjQmpRequestList list;
    GQueue unheard = G_QUEUE_INIT;
    qbjQmpRequest *taken;

    qbjQmpRequestListInit(&list, 1000);
    g_assert_cmpuint(qbjQmpRequestListAdd(&list, g_new0(qbjQmpRequest, 1)), ==, 1000);
    g_assert_cmpuint(qbjQmpRequestListAdd(&list, g_new0(qbjQmpRequest, 1)), ==, 1001);
    g_assert_null(qbjQmpRequestListTake(&list, 999));
    g_assert_nonnull(qbjQmpRequestListFind(&list, 1001));
    taken = qbjQmpRequestListTake(&list, 1000);
    qbjQmpRequestFree(taken);
    g_assert_null(qbjQmpRequestListTake(&list, 1000));
    /* 1001 is still unanswered: no id comes twice */
    g_assert_cmpuint(qbjQmpRequestListAdd(&list, g_new0(qbjQmpRequest, 1)), ==, 1002);
    g_assert_true(qbjQmpRequestListHasRoom(&list, QBJ_QMP_REQUESTS_MAX - 2));
    g_assert_false(qbjQmpRequestListHasRoom(&list, QBJ_QMP_REQUESTS_MAX - 1));
    g_assert_false(qbjQmpRequestListHasRoom(&list, SIZE_MAX));

    qbjQmpRequestListAddAs(&list, g_new0(qbjQmpRequest, 1), 77);
    g_assert_nonnull(qbjQmpRequestListFind(&list, 77));
    g_assert_cmpuint(qbjQmpRequestListAdd(&list, g_new0(qbjQmpRequest, 1)), ==, 1003);

    qbjQmpRequestListBreak(&list, &unheard);
    g_assert_true(g_queue_is_empty(&unheard));
    g_assert_cmpuint(qbjQmpRequestListAdd(&list, g_new0(qbjQmpRequest, 1)), ==, 1000);
    qbjQmpRequestListClear(&list);
}

static int
quiet(virErrorPtr error G_GNUC_UNUSED, int priority G_GNUC_UNUSED)
{
    return VIR_LOG_DEBUG;
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    virSetErrorLogPriorityFunc(quiet);

    g_test_add_func("/qmp/stream/cuts", testStreamCuts);
    g_test_add_func("/qmp/stream/stays-bad", testStreamStaysBad);
    g_test_add_func("/qmp/stream/limits", testStreamLimits);
    g_test_add_func("/qmp/stream/nul", testStreamNul);
    g_test_add_func("/qmp/stream/linear", testStreamLinear);
    g_test_add_func("/qmp/message/kinds", testMessageKinds);
    g_test_add_func("/qmp/message/outcome", testMessageOutcome);
    g_test_add_func("/qmp/error/reported", testErrors);
    g_test_add_func("/qmp/request/ids", testRequestIds);
    return g_test_run();
}
