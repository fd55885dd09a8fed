/* The QMP client against a scripted monitor: what is sent, what comes back, and every way in which it can end. */
#include <config.h>

#include "qmpfixture.h"
#include "virfile.h"

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
    g_assert_cmpuint(qmpFixtureCount(fixture, "established"), ==, 0);
    reply = g_strdup_printf("{\"return\": {}, %s}", strstr(line, "\"id\""));
    reply[strlen(reply) - 1] = '\0';
    qmpPeerWrite(fixture, reply);

    qmpPeerAnswer(fixture, "query-status", "{\"status\": \"running\"}");
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_assert_false(call->commands[0].failed);
    g_clear_pointer(&reply, g_free);
    reply = qmpReplyText(&call->commands[0]);
    g_assert_cmpstr(reply, ==, "{\"status\":\"running\"}");
    g_assert_cmpuint(qmpFixtureCount(fixture, "established"), ==, 1);
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
            g_strdup_printf("{\"id\": %u, \"error\": {\"class\": \"DeviceNotActive\", \"desc\": \"gone\"}}\r\n", ids[i]) :
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
testEnd(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autofree char *line = NULL;
    g_autofree char *log = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    line = qmpPeerReadLine(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    VIR_FORCE_CLOSE(fixture->peer);

    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_FAILED);
    qmpFixtureAwait(fixture, "closed ", 1);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "cont", NULL, qmpFixtureDone, fixture), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    log = qmpFixtureGetLog(fixture);
    g_assert_cmpstr(log, ==, "established;done stop lost;closed QEMU closed its monitor;");
}

static void
testDeadline(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autoptr(qmpCall) next = NULL;
    g_autofree char *name = NULL;
    g_autofree char *late = NULL;
    unsigned int id;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, 50, "query-status", NULL, NULL);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_TIMEOUT);
    g_assert_cmpint(call->tookMs, >=, 50);

    /* the late answer is nobody's, least of all the next call's */
    name = qmpPeerRead(fixture, &id);
    next = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-name", NULL, NULL);
    late = g_strdup_printf("{\"return\": \"late\", \"id\": %u}", id);
    qmpPeerWrite(fixture, late);
    qmpPeerAnswer(fixture, "query-name", "{}");
    qmpCallJoin(next);
    g_assert_cmpint(next->rc, ==, 0);
    g_clear_pointer(&late, g_free);
    late = qmpReplyText(&next->commands[0]);
    g_assert_cmpstr(late, ==, "{}");
}

static void
testClose(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(qmpCall) call = NULL;
    g_autofree char *line = NULL;
    g_autofree char *log = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "query-status", NULL, NULL);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "stop", NULL, qmpFixtureDone, fixture), ==, 0);
    line = qmpPeerReadLine(fixture);
    qbjQmpClose(fixture->qmp);
    qbjQmpClose(fixture->qmp);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpint(call->tookMs, <, QMP_PATIENCE_MS);

    g_clear_pointer(&fixture->qmp, qbjQmpUnref);
    qmpFixtureAwait(fixture, "released", 1);
    log = qmpFixtureGetLog(fixture);
    g_assert_cmpstr(log, ==, "established;done stop lost;released;");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/qmp/greeting", testGreeting);
    g_test_add_func("/qmp/batch", testBatch);
    g_test_add_func("/qmp/end", testEnd);
    g_test_add_func("/qmp/deadline", testDeadline);
    g_test_add_func("/qmp/close", testClose);
    return g_test_run();
}
