/* The QMP client against a scripted monitor: what is sent, and what is made of what comes back. */
#include <config.h>

#include "qmpfixture.h"
#include "virqbjfault.h"

#include <sys/socket.h>

/* One answered call shows that the connection is well. */
static void
assertAlive(qmpFixture *fixture)
{
    g_autoptr(qmpCall) call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-alive", NULL, NULL);

    qmpPeerAnswer(fixture, "query-alive", "{}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_assert_cmpuint(qmpFixtureCount(fixture, "closed"), ==, 0);
}

static void
testGreeting(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    g_autofree char *line = NULL;
    g_autofree char *reply = NULL;

    /* what is asked before the greeting waits for the capabilities */
    qmpPeerWrite(fixture, QMP_GREETING);
    line = qmpPeerReadLine(fixture);
    g_assert_true(g_str_has_prefix(line, "{\"execute\":\"qmp_capabilities\",\"id\":"));
    g_assert_null(strchr(line, ' '));
    g_assert_cmpint(recv(fixture->peer, &(char) { 0 }, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpuint(qmpFixtureCount(fixture, "established"), ==, 0);
    qmpPeerReturn(fixture, atoi(strstr(line, "id\":") + 4), "{}");

    qmpPeerAnswer(fixture, "query-status", "{\"status\": \"running\"}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_assert_false(call->commands[0].failed);
    reply = qmpReplyText(&call->commands[0]);
    g_assert_cmpstr(reply, ==, "{\"status\":\"running\"}");
    g_assert_cmpuint(qmpFixtureCount(fixture, "established"), ==, 1);
}

static void
testCapabilitiesRefused(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *answer = NULL;
    g_autofree char *name = NULL;
    g_autofree char *log = NULL;
    unsigned int id;

    qmpPeerWrite(fixture, QMP_GREETING);
    name = qmpPeerRead(fixture, &id);
    answer = g_strdup_printf("{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no\"},\"id\":%u}", id);
    qmpPeerWrite(fixture, answer);
    qmpFixtureAwait(fixture, "closed", 1);
    log = qmpFixtureGetLog(fixture);
    g_assert_cmpstr(log, ==, "closed QEMU refused qmp_capabilities;");
}

static void
testBatch(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    unsigned int ids[3];
    size_t i;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "a", "b", "c");
    for (i = 0; i < 3; i++) {
        g_autofree char *name = qmpPeerRead(fixture, &ids[i]);

        g_assert_cmpstr(name, ==, call->commands[i].execute);
    }

    /* out of order, an event between them, one of them an error */
    for (i = 3; i-- > 0;) {
        g_autofree char *answer = i == 1 ?
            g_strdup_printf("{\"id\": %u, \"error\": {\"class\": \"DeviceNotActive\", \"desc\": \"gone\"}}\r\n",
                            ids[i]) :
            g_strdup_printf("{\"event\": \"STOP\"}\r\n{\"id\": %u, \"return\": {\"n\": %zu}}\r\n", ids[i], i);

        qmpPeerWrite(fixture, answer);
    }
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    for (i = 0; i < 3; i += 2) {
        g_autofree char *reply = qmpReplyText(&call->commands[i]);
        g_autofree char *expected = g_strdup_printf("{\"n\":%zu}", i);

        g_assert_cmpstr(reply, ==, expected);
    }
    g_assert_true(call->commands[1].failed);
    g_assert_cmpstr(call->commands[1].errorClass, ==, "DeviceNotActive");
    g_assert_cmpstr(call->commands[1].errorText, ==, "gone");
    g_assert_null(call->commands[1].reply);
    qmpFixtureAwait(fixture, "event STOP", 2);
}

static void
testOneWrite(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNewType(NULL, SOCK_SEQPACKET);
    g_autoptr(qmpCall) call = NULL;
    unsigned int id;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "a", "b", "c");
    /* one packet holds all three: nothing is left to read */
    g_free(qmpPeerReadLine(fixture));
    g_free(qmpPeerReadLine(fixture));
    g_assert_nonnull(strchr(fixture->input->str, '\n'));
    id = atoi(strstr(fixture->input->str, "id\":") + 4);
    qmpPeerReturn(fixture, id - 2, "{}");
    qmpPeerReturn(fixture, id - 1, "{}");
    qmpPeerReturn(fixture, id, "{}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
}

/* What is asked before the greeting goes out with the capabilities, in one write; its answers may come before
 * anybody waits for them. */
static void
testAhead(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNewType(NULL, SOCK_SEQPACKET);
    qbjQmpCommand commands[] = { { .execute = "a" }, { .execute = "b" } };
    qbjQmpBegun *begun = qbjQmpBegin(fixture->qmp, commands, 2);
    g_autofree char *first = NULL;
    g_autofree char *reply = NULL;
    unsigned int id;

    g_assert_nonnull(begun);
    qmpPeerWrite(fixture, QMP_GREETING);
    first = qmpPeerRead(fixture, &id);
    g_assert_cmpstr(first, ==, "qmp_capabilities");
    g_assert_nonnull(strstr(fixture->input->str, "\"a\""));
    g_assert_nonnull(strstr(fixture->input->str, "\"b\""));
    qmpPeerReturn(fixture, id, "{}");
    qmpPeerAnswer(fixture, "a", "{\"x\":1}");
    qmpPeerAnswer(fixture, "b", "{}");
    qmpFixtureAwait(fixture, "established", 1);
    g_assert_cmpint(qbjQmpCollect(begun, QMP_PATIENCE_MS), ==, 0);
    reply = qmpReplyText(&commands[0]);
    g_assert_cmpstr(reply, ==, "{\"x\":1}");
    qbjQmpCommandClear(&commands[0]);
    qbjQmpCommandClear(&commands[1]);
}

/* Answers that nobody wants any more are dropped, whether they come or not. */
static void
testAbandoned(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    qbjQmpCommand commands[] = { { .execute = "a" }, { .execute = "b" } };
    qbjQmpBegun *early = qbjQmpBegin(fixture->qmp, &commands[0], 1);
    qbjQmpBegun *late;
    g_autoptr(qmpCall) call = NULL;

    qmpFixtureGreet(fixture);
    g_assert_nonnull(early);
    late = qbjQmpBegin(fixture->qmp, &commands[1], 1);
    g_assert_nonnull(late);
    qbjQmpAbandon(early);
    qmpPeerAnswer(fixture, "a", "{}");
    qmpPeerAnswer(fixture, "b", "{}");
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "c", NULL, NULL);
    qmpPeerAnswer(fixture, "c", "{}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    qbjQmpAbandon(late);
    g_assert_null(commands[0].reply);
    g_assert_null(commands[1].reply);
}

static void
testArguments(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(virJSONValue) arguments = NULL;
    g_autofree char *line = NULL;
    g_autofree char *start = NULL;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(virJSONValueObjectAdd(&arguments, "s:path", "a\"},\"execute\":\"quit\n\\", "i:n", -5, NULL), ==, 1);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "x-do.it_2", arguments, qmpFixtureDone, fixture), ==, 0);
    line = qmpPeerReadLine(fixture);
    start = g_strndup(line, strstr(line, ",\"id\":") - line);
    g_assert_cmpstr(start, ==, "{\"execute\":\"x-do.it_2\",\"arguments\":"
                    "{\"path\":\"a\\\"},\\\"execute\\\":\\\"quit\\n\\\\\",\"n\":-5}");
    qmpPeerReturn(fixture, atoi(strstr(line, "id\":") + 4), "{}");
    qmpFixtureAwait(fixture, "done x-do.it_2 ok", 1);
}

static void
testRefusedToSend(void)
{
    static const char *const names[] = { "", "a b", "a\"b", "a\n", "\xc3\xa4" };
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(virJSONValue) arguments = NULL;
    size_t i;

    qmpFixtureGreet(fixture);
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_cmpint(qbjQmpSend(fixture->qmp, names[i], NULL, qmpFixtureDone, fixture), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        virResetLastError();
        g_assert_cmpint(qbjQmpCall(fixture->qmp, names[i], NULL, NULL), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        virResetLastError();
    }
    g_assert_cmpint(virJSONValueObjectAdd(&arguments, "s:path", "\xff", NULL), ==, 1);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", arguments, qmpFixtureDone, fixture), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
    assertAlive(fixture);
}

static void
testCall(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    qmpFixtureGreet(fixture);
    /* nothing to send is nothing to wait for */
    g_assert_cmpint(qbjQmpRun(fixture->qmp, NULL, 0, 0), ==, 0);
    /* without a callback the answer is dropped */
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, NULL, NULL), ==, 0);
    qmpPeerAnswer(fixture, "a", "{}");
    assertAlive(fixture);
}

static void
testDeadline(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autoptr(qmpCall) next = NULL;
    g_autofree char *name = NULL;
    g_autofree char *reply = NULL;
    unsigned int id;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, 50, "query-status", NULL, NULL);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_TIMEOUT);
    g_assert_cmpint(call->tookMs, >=, 50);
    g_assert_true(qbjQmpIsBehind(fixture->qmp, 50));
    g_assert_false(qbjQmpIsBehind(fixture->qmp, QMP_PATIENCE_MS * 10));

    /* the late answer is nobody's, least of all the next call's */
    name = qmpPeerRead(fixture, &id);
    next = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-name", NULL, NULL);
    qmpPeerReturn(fixture, id, "\"late\"");
    qmpPeerAnswer(fixture, "query-name", "{}");
    qmpCallJoin(next);
    g_assert_cmpint(next->rc, ==, 0);
    reply = qmpReplyText(&next->commands[0]);
    g_assert_cmpstr(reply, ==, "{}");
    g_assert_false(qbjQmpIsBehind(fixture->qmp, 0));
}

static void
testDeadlineBeforeGreeting(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = qmpCallStart(fixture->qmp, 50, "query-status", NULL, NULL);

    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_TIMEOUT);
    /* it is sent later all the same, as the contract says: the caller cannot tell either way */
    qmpFixtureGreet(fixture);
    qmpPeerAnswer(fixture, "query-status", "{}");
    assertAlive(fixture);
}

static void
testNotOurs(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *name = NULL;
    g_autofree char *log = NULL;
    unsigned int id;

    /* QEMU answers the connection before this one; the others are nothing that it does, and do no harm */
    qmpPeerWrite(fixture, "{\"return\":{},\"id\":\"libvirt-7\"}{\"event\":\"EARLY\"}{\"return\":{},\"id\":1}");
    qmpPeerWrite(fixture, QMP_GREETING);
    name = qmpPeerRead(fixture, &id);
    qmpPeerWrite(fixture, "{\"return\":{\"version\":1},\"id\":\"libvirt-8\"}{\"event\":\"EARLY\"}");
    qmpPeerReturn(fixture, id + 1, "{}");
    qmpPeerReturn(fixture, id, "{}");
    qmpFixtureAwait(fixture, "established", 1);

    qmpPeerWrite(fixture, "{\"return\":{},\"id\":-1}{\"return\":{},\"id\":4294967296}{\"return\":{},\"id\":null}"
                 "{\"return\":{}}{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse error\"}}");
    qmpPeerReturn(fixture, id, "{}");           /* again */
    assertAlive(fixture);
    log = qmpFixtureGetLog(fixture);
    g_assert_cmpstr(log, ==, "established;");
}

static void
collectStatus(qmpFixture *fixture, virJSONValue *event)
{
    virJSONValue *data = virJSONValueObjectGetObject(event, "data");

    qmpFixtureLog(fixture, "%s", virJSONValueObjectGetString(data, "status"));
}

static void
testEventsInOrder(void)
{
    static const char *const statuses[] = { "created", "running", "ready", "standby", "ready" };
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *name = NULL;
    g_autofree char *log = NULL;
    unsigned int id;
    size_t i;

    fixture->onEvent = collectStatus;
    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "block-commit", NULL, qmpFixtureDone, fixture), ==, 0);
    name = qmpPeerRead(fixture, &id);
    /* the first two come before the answer, ready comes twice */
    for (i = 0; i < G_N_ELEMENTS(statuses); i++) {
        g_autofree char *event = g_strdup_printf("{\"event\":\"JOB_STATUS_CHANGE\",\"data\":{\"status\":\"%s\"}}",
                                                 statuses[i]);

        if (i == 2)
            qmpPeerReturn(fixture, id, "{}");
        qmpPeerWrite(fixture, event);
    }
    qmpFixtureAwait(fixture, ";ready;", 2);
    log = qmpFixtureGetLog(fixture);
    g_assert_cmpstr(log, ==, "established;event JOB_STATUS_CHANGE;created;event JOB_STATUS_CHANGE;running;"
                    "done block-commit ok;event JOB_STATUS_CHANGE;ready;event JOB_STATUS_CHANGE;standby;"
                    "event JOB_STATUS_CHANGE;ready;");
}

static void
testByteByByte(void)
{
    static const char events[] =
        "{\"event\": \"A\\\"}\\\\\", \"data\": {\"x\": [1, {\"y\": \"]}\"}]}}\r\n {\"event\":\"B\"}\n";
    g_autoptr(qmpFixture) fixture = qmpFixtureNewType(NULL, SOCK_SEQPACKET);
    g_autofree char *name = NULL;
    g_autofree char *answer = NULL;
    g_autoptr(qmpCall) call = NULL;
    unsigned int id;
    size_t i;

    /* each packet is one read of the client */
    for (i = 0; i < strlen(QMP_GREETING); i++)
        qmpPeerWriteBytes(fixture, &QMP_GREETING[i], 1);
    qmpPeerAnswer(fixture, "qmp_capabilities", "{}");
    qmpFixtureAwait(fixture, "established", 1);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    name = qmpPeerRead(fixture, &id);
    answer = g_strdup_printf("%s{\"return\": {\"status\": \"running\"}, \"id\": %u}\r\n", events, id);
    for (i = 0; i < strlen(answer); i++)
        qmpPeerWriteBytes(fixture, answer + i, 1);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    qmpFixtureAwait(fixture, "event A\"}\\;event B;", 1);
}

typedef struct _passthroughCase passthroughCase;
struct _passthroughCase {
    qmpFixture *fixture;
    const char *text;
    const char *sent;           /* up to the id */
    const char *answer;         /* up to the id */
};

/* Plays the monitor while the test's thread is blocked in the call. */
static void
passthroughPeer(void *opaque)
{
    const passthroughCase *this = opaque;
    g_autofree char *line = qmpPeerReadLine(this->fixture);
    unsigned int id = atoi(strstr(line, "\"id\":") + 5);
    g_autofree char *expected = g_strdup_printf("%s\"id\":%u}", this->sent, id);
    g_autofree char *answer = g_strdup_printf("%s%u}", this->answer, id);

    g_assert_cmpstr(line, ==, expected);
    qmpPeerWrite(this->fixture, answer);
}

static void
assertPassthrough(qmpFixture *fixture, const char *text, const char *sent, const char *answer)
{
    passthroughCase this = { fixture, text, sent, answer };
    g_autoptr(virJSONValue) reply = NULL;
    g_autofree char *replyText = NULL;
    virThread peer;

    g_assert_cmpint(virThreadCreate(&peer, true, passthroughPeer, &this), ==, 0);
    g_assert_cmpint(qbjQmpPassthrough(fixture->qmp, text, &reply), ==, 0);
    virThreadJoin(&peer);
    replyText = virJSONValueToString(reply, false);
    g_assert_true(g_str_has_prefix(replyText, answer));
}

static void
testPassthrough(void)
{
    static const char *const bad[] = {
        "", "x", "[]", "1", "\"a\"", "{", "}", "{}}", "{} {}", "{\"a\":}", "{\"a\":1,\"a\":2}", "{\"a\":\"\n\"}",
    };
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *deep = g_strnfill(5000, '[');
    g_autofree char *deepObject = g_strdup_printf("{\"a\":%s", deep);
    size_t i;

    qmpFixtureGreet(fixture);
    assertPassthrough(fixture, " { \"execute\": \"query-status\" , \"id\" : {\"x\": 5} }\r\n",
                      "{\"execute\":\"query-status\",", "{\"return\":{\"running\":true},\"id\":");
    assertPassthrough(fixture, "{\"execute\":\"x\"}",
                      "{\"execute\":\"x\",", "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no x\"},\"id\":");
    assertPassthrough(fixture, "{}", "{", "{\"error\":{\"class\":\"GenericError\",\"desc\":\"?\"},\"id\":");

    for (i = 0; i <= G_N_ELEMENTS(bad); i++) {
        virJSONValue *reply = NULL;

        g_assert_cmpint(qbjQmpPassthrough(fixture->qmp, i < G_N_ELEMENTS(bad) ? bad[i] : deepObject, &reply), ==, -1);
        g_assert_null(reply);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        g_assert_true(g_str_has_prefix(virGetLastErrorMessage(), "internal error: cannot parse json"));
        virResetLastError();
    }
    assertAlive(fixture);
}

#ifdef QBJ_DEBUG_CHECKS
static void
testFaults(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;

    qmpFixtureGreet(fixture);
    virQbjFaultSet("qmp-send:1,qmp-error:2,qmp-answer:2");

    g_assert_cmpint(qbjQmpCall(fixture->qmp, "a", NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "b", NULL, NULL);
    qmpPeerAnswer(fixture, "x-qbj-fault", "{}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_clear_pointer(&call, qmpCallFree);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "c", NULL, NULL);
    qmpPeerAnswer(fixture, "c", "{}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_TIMEOUT);

    virQbjFaultSet(NULL);
    assertAlive(fixture);
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/qmp/greeting", testGreeting);
    g_test_add_func("/qmp/capabilities-refused", testCapabilitiesRefused);
    g_test_add_func("/qmp/batch", testBatch);
    g_test_add_func("/qmp/one-write", testOneWrite);
    g_test_add_func("/qmp/ahead", testAhead);
    g_test_add_func("/qmp/abandoned", testAbandoned);
    g_test_add_func("/qmp/arguments", testArguments);
    g_test_add_func("/qmp/refused-to-send", testRefusedToSend);
    g_test_add_func("/qmp/call", testCall);
    g_test_add_func("/qmp/deadline", testDeadline);
    g_test_add_func("/qmp/deadline-before-greeting", testDeadlineBeforeGreeting);
    g_test_add_func("/qmp/not-ours", testNotOurs);
    g_test_add_func("/qmp/events-in-order", testEventsInOrder);
    g_test_add_func("/qmp/byte-by-byte", testByteByByte);
    g_test_add_func("/qmp/passthrough", testPassthrough);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/qmp/faults", testFaults);
#endif
    return g_test_run();
}
