/* Every way in which a connection to a monitor can end, and who is told what then. */
#include <config.h>

#include "qmpfixture.h"

#include <sys/socket.h>

static void
assertLog(qmpFixture *fixture, const char *expected)
{
    g_autofree char *log = qmpFixtureGetLog(fixture);

    g_assert_cmpstr(log, ==, expected);
}

static void
assertEnded(const qmpCall *call)
{
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpint(call->tookMs, <, QMP_PATIENCE_MS);
}

static void
testEof(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autofree char *line = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    line = qmpPeerReadLine(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpFixtureHangUp(fixture);

    qmpCallJoin(call);
    assertEnded(call);
    g_assert_nonnull(strstr(call->message, "QEMU closed its monitor"));
    qmpFixtureAwait(fixture, "closed ", 1);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "cont", NULL, qmpFixtureDone, fixture), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    qbjQmpClose(fixture->qmp);
    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;done stop lost;closed QEMU closed its monitor;released;");
}

/* What came before the end is still delivered. */
static void
testEofBehindData(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *name = NULL;
    unsigned int id;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "quit", NULL, qmpFixtureDone, fixture), ==, 0);
    name = qmpPeerRead(fixture, &id);
    qmpPeerReturn(fixture, id, "{}");
    qmpPeerWrite(fixture, "{\"event\":\"SHUTDOWN\"}{\"event\":\"HALF");
    qmpFixtureHangUp(fixture);
    qmpFixtureAwait(fixture, "closed", 1);
    qmpFixtureRelease(fixture);
    g_assert_cmpuint(qmpFixtureCount(fixture, "established;done quit ok;event SHUTDOWN;"), ==, 1);
    g_assert_cmpuint(qmpFixtureCount(fixture, "HALF"), ==, 0);
}

/* Holds the event thread until somebody else has failed to send. */
static void
waitForSend(qmpFixture *fixture, virJSONValue *event)
{
    if (STREQ(virJSONValueObjectGetString(event, "event"), "FIRST"))
        qmpFixtureAwait(fixture, "sent", 1);
}

/* A monitor that takes no more commands, but does not hang up: nobody waits for its answers, and what it had
 * said before is still delivered. */
static void
testSendFails(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;

    fixture->onEvent = waitForSend;
    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"event\":\"FIRST\"}");
    qmpFixtureAwait(fixture, "event FIRST", 1);
    qmpPeerWrite(fixture, "{\"event\":\"SHUTDOWN\"}");
    g_assert_cmpint(shutdown(fixture->peer, SHUT_RD), ==, 0);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpFixtureLog(fixture, "sent");
    qmpFixtureAwait(fixture, "closed", 1);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    qmpCallJoin(call);
    assertEnded(call);
    assertLog(fixture, "established;event FIRST;sent;event SHUTDOWN;done stop lost;closed QEMU closed its monitor;");
}

/* A conversation that ends after @limit bytes of the monitor. Returns true when it was whole. */
static bool
converse(virQbjPoll *poll, size_t limit)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(poll);
    g_autoptr(qmpCall) call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "a", NULL, NULL);
    unsigned int id = 0;
    size_t sent = 0;
    size_t i;

    for (i = 0; i < 3; i++) {
        g_autofree char *name = i > 0 ? qmpPeerRead(fixture, &id) : NULL;
        g_autofree char *text = !name ? g_strdup(QMP_GREETING) :
            g_strdup_printf("%s{\"return\": {\"n\": [1]}, \"id\": %u}", i == 2 ? "{\"event\": \"E\"}\r\n" : "",
                            id);
        size_t n = MIN(strlen(text), limit - sent);

        qmpPeerWriteBytes(fixture, text, n);
        sent += n;
        if (n < strlen(text))
            break;
    }
    qmpFixtureHangUp(fixture);
    qmpCallJoin(call);

    qmpFixtureAwait(fixture, "closed", 1);
    qmpFixtureRelease(fixture);
    g_assert_cmpuint(qmpFixtureCount(fixture, "closed QEMU closed its monitor;released;"), ==, 1);
    g_assert_cmpuint(qmpFixtureCount(fixture, "closed QEMU"), ==, 1);
    g_assert_cmpuint(qmpFixtureCount(fixture, "established"), ==, i >= 2 ? 1 : 0);
    if (i == 3) {
        g_assert_cmpint(call->rc, ==, 0);
        return true;
    }
    assertEnded(call);
    return false;
}

static void
testEofAtEachByte(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    size_t limit = 0;

    while (!converse(poll, limit))
        limit++;
    g_assert_cmpuint(limit, >, strlen(QMP_GREETING) + 50);
}

static void
testNotQmp(void)
{
    static const struct { const char *text; size_t length; const char *reason; } cases[] = {
        { QMP_GREETING, 0, "QEMU's monitor sent a second greeting" },
        { "SSH-2.0-OpenSSH\r\n", 0, "QEMU's monitor sent something that is not a JSON object" },
        { "[1]", 0, "QEMU's monitor sent something that is not a JSON object" },
        { "\0", 1, "QEMU's monitor sent something that is not a JSON object" },
        { "}", 0, "QEMU's monitor sent something that is not a JSON object" },
        { "{\"event\":\"\0\"}", 13, "QEMU's monitor sent a control character in a string" },
        { "{\"event\":\"\n\"}", 0, "QEMU's monitor sent a control character in a string" },
        { "{\0}", 3, "QEMU's monitor sent bytes that are not JSON" },
        { "{\x7f}", 0, "QEMU's monitor sent bytes that are not JSON" },
        { "{\xff}", 0, "QEMU's monitor sent bytes that are not JSON" },
        { "{]", 0, "QEMU's monitor sent a message that is not JSON" },
        { "{\"event\":\"\xff\"}", 0, "QEMU's monitor sent a message that is not JSON" },
        { "{\"event\":\"A\",\"event\":\"B\"}", 0, "QEMU's monitor sent a message that is not JSON" },
        { "{}", 0, "QEMU's monitor sent a message that is not QMP" },
        { "{\"event\":1}", 0, "QEMU's monitor sent a message that is not QMP" },
        { "{\"error\":1,\"id\":1}", 0, "QEMU's monitor sent a message that is not QMP" },
        { "{\"QMP\":1}", 0, "QEMU's monitor sent a message that is not QMP" },
    };
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(qmpFixture) fixture = qmpFixtureNew(poll);
        g_autoptr(qmpCall) call = NULL;
        g_autofree char *expected = g_strdup_printf("established;closed %s;", cases[i].reason);
        g_autofree char *line = NULL;

        qmpFixtureGreet(fixture);
        call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
        line = qmpPeerReadLine(fixture);
        qmpPeerWriteBytes(fixture, cases[i].text, cases[i].length ? cases[i].length : strlen(cases[i].text));
        /* QEMU is told, too: its end is closed without it having done anything */
        g_assert_null(qmpPeerReadLine(fixture));
        qmpCallJoin(call);
        assertEnded(call);
        qmpFixtureAwait(fixture, "closed", 1);
        assertLog(fixture, expected);
    }
}

static void
testTooDeep(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *deep = g_strnfill(1100, '[');

    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"event\":");
    qmpPeerWrite(fixture, deep);
    qmpFixtureAwait(fixture, "closed QEMU's monitor sent too many levels of nesting;", 1);
}

static void
testCloseDuringCall(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autofree char *line = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    line = qmpPeerReadLine(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "cont", NULL, qmpFixtureDone, fixture), ==, 0);
    qbjQmpClose(fixture->qmp);
    qbjQmpClose(fixture->qmp);
    qmpCallJoin(call);
    assertEnded(call);
    g_assert_nonnull(strstr(call->message, "it was closed"));
    g_assert_cmpint(qbjQmpCall(fixture->qmp, "late", NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;done stop lost;done cont lost;released;");
}

static void
closeInCallback(qmpFixture *fixture, virJSONValue *event G_GNUC_UNUSED)
{
    qbjQmpClose(fixture->qmp);
}

static void
testCloseInEvent(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;

    fixture->onEvent = closeInCallback;
    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    g_free(qmpPeerReadLine(fixture));
    qmpPeerWrite(fixture, "{\"event\":\"A\"}{\"event\":\"B\"}");
    qmpCallJoin(call);
    assertEnded(call);
    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;event A;released;");
}

static virMutex busyLock = VIR_MUTEX_INITIALIZER;

static void
busyInCallback(qmpFixture *fixture G_GNUC_UNUSED, virJSONValue *event G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&busyLock);
}

/* QEMU sees the end, and whoever waits is told, while the event thread still does something else. */
static void
testCloseWhileBusy(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;

    fixture->onEvent = busyInCallback;
    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    g_free(qmpPeerReadLine(fixture));
    VIR_WITH_MUTEX_LOCK_GUARD(&busyLock) {
        qmpPeerWrite(fixture, "{\"event\":\"A\"}");
        qmpFixtureAwait(fixture, "event A", 1);
        qbjQmpClose(fixture->qmp);
        g_assert_null(qmpPeerReadLine(fixture));
        qmpCallJoin(call);
        assertEnded(call);
    }
    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;event A;released;");
}

static void
unrefInEvent(qmpFixture *fixture, virJSONValue *event)
{
    g_clear_pointer(&fixture->qmp, qbjQmpUnref);
    /* what the callback was given lives on until it returns */
    g_assert_nonnull(virJSONValueObjectGetString(event, "event"));
}

static void
testUnrefInEvent(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    fixture->onEvent = unrefInEvent;
    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"event\":\"A\"}{\"event\":\"B\"}");
    qmpFixtureAwait(fixture, "released", 1);
    assertLog(fixture, "established;event A;released;");
    g_assert_null(qmpPeerReadLine(fixture));
}

static void
unrefInClosed(qmpFixture *fixture)
{
    g_clear_pointer(&fixture->qmp, qbjQmpUnref);
}

static void
testUnrefInClosed(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    fixture->onClosed = unrefInClosed;
    qmpFixtureGreet(fixture);
    qmpFixtureHangUp(fixture);
    qmpFixtureAwait(fixture, "released", 1);
    assertLog(fixture, "established;closed QEMU closed its monitor;released;");
}

static void
unrefInDone(qbjQmp *qmp, const qbjQmpCommand *command, void *opaque)
{
    qmpFixture *fixture = opaque;

    qmpFixtureDone(qmp, command, fixture);
    g_clear_pointer(&fixture->qmp, qbjQmpUnref);
}

static void
testUnrefInDone(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, unrefInDone, fixture), ==, 0);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "b", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpPeerAnswer(fixture, "a", "{}");
    qmpFixtureAwait(fixture, "released", 1);
    assertLog(fixture, "established;done a ok;done b lost;released;");
}

static void
unrefInLost(qbjQmp *qmp, const qbjQmpCommand *command, void *opaque)
{
    g_assert_cmpint(qbjQmpSend(qmp, "again", NULL, qmpFixtureDone, opaque), ==, -1);
    unrefInDone(qmp, command, opaque);
}

static void
testUnrefInLost(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, unrefInLost, fixture), ==, 0);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "b", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpFixtureHangUp(fixture);
    qmpFixtureAwait(fixture, "released", 1);
    assertLog(fixture, "established;done a lost;done b lost;closed QEMU closed its monitor;released;");
}

static void
testUnrefWithoutClose(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    g_assert_true(qbjQmpRef(fixture->qmp) == fixture->qmp);
    qbjQmpUnref(fixture->qmp);
    qmpFixtureGreet(fixture);
    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;released;");
    g_assert_null(qmpPeerReadLine(fixture));
    qbjQmpUnref(NULL);
}

static void
callInEvent(qmpFixture *fixture, virJSONValue *event G_GNUC_UNUSED)
{
    g_assert_cmpint(qbjQmpCall(fixture->qmp, "query-status", NULL, NULL), ==, -1);
    qmpFixtureLog(fixture, "code %d", virGetLastErrorCode());
    virResetLastError();
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
}

/* Waiting on the event thread would be waiting for itself. */
static void
testCallInEvent(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *expected = g_strdup_printf("established;event A;code %d;done stop ok;", VIR_ERR_INTERNAL_ERROR);

    fixture->onEvent = callInEvent;
    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"event\":\"A\"}");
    qmpPeerAnswer(fixture, "stop", "{}");
    qmpFixtureAwait(fixture, "done", 1);
    assertLog(fixture, expected);
}

/* Nobody may do this, but if: everybody is told all the same. */
static void
testContextEnds(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);

    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    g_clear_pointer(&fixture->poll, virQbjPollUnref);
    qmpFixtureAwait(fixture, "closed", 1);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "cont", NULL, qmpFixtureDone, fixture), ==, -1);
    qmpFixtureRelease(fixture);
    assertLog(fixture, "established;done stop lost;closed the event loop has ended;released;");
}

static void
testBadSocket(void)
{
    static const qbjQmpCallbacks callbacks = { NULL, NULL, NULL, NULL };
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");

    g_assert_null(qbjQmpNew(-1, poll, &callbacks, NULL));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

/* A client without any callback is of use, too. */
static void
testNoCallbacks(void)
{
    static const qbjQmpCallbacks callbacks = { NULL, NULL, NULL, NULL };
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    qbjQmp *qmp;
    int fds[2];
    char byte;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_nonnull(qmp = qbjQmpNew(fds[0], poll, &callbacks, NULL));
    g_assert_cmpint(send(fds[1], QMP_GREETING "{\"event\":\"A\"}x", strlen(QMP_GREETING) + 14, 0), >, 0);
    while (recv(fds[1], &byte, 1, 0) == 1)
        continue;
    close(fds[1]);
    qbjQmpUnref(qmp);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/qmp/end/eof", testEof);
    g_test_add_func("/qmp/end/eof-behind-data", testEofBehindData);
    g_test_add_func("/qmp/end/send-fails", testSendFails);
    g_test_add_func("/qmp/end/eof-at-each-byte", testEofAtEachByte);
    g_test_add_func("/qmp/end/not-qmp", testNotQmp);
    g_test_add_func("/qmp/end/too-deep", testTooDeep);
    g_test_add_func("/qmp/end/close-during-call", testCloseDuringCall);
    g_test_add_func("/qmp/end/close-in-event", testCloseInEvent);
    g_test_add_func("/qmp/end/close-while-busy", testCloseWhileBusy);
    g_test_add_func("/qmp/end/unref-in-event", testUnrefInEvent);
    g_test_add_func("/qmp/end/unref-in-closed", testUnrefInClosed);
    g_test_add_func("/qmp/end/unref-in-done", testUnrefInDone);
    g_test_add_func("/qmp/end/unref-in-lost", testUnrefInLost);
    g_test_add_func("/qmp/end/unref-without-close", testUnrefWithoutClose);
    g_test_add_func("/qmp/end/call-in-event", testCallInEvent);
    g_test_add_func("/qmp/end/context-ends", testContextEnds);
    g_test_add_func("/qmp/end/bad-socket", testBadSocket);
    g_test_add_func("/qmp/end/no-callbacks", testNoCallbacks);
    return g_test_run();
}
