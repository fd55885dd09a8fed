/* The QMP client when there is much: many clients, large answers, slow readers, many threads, many
 * unanswered commands, answers to somebody else. */
#include <config.h>

#include "qmpfixture.h"
#include "qmp_clientpriv.h"

#include <sys/socket.h>

static unsigned int
countThreads(void)
{
    GDir *tasks = g_dir_open("/proc/self/task", 0, NULL);
    unsigned int n = 0;

    g_assert_nonnull(tasks);
    while (g_dir_read_name(tasks))
        n++;
    g_dir_close(tasks);
    return n;
}

static void
testHundredClients(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    qmpFixture *fixtures[100];
    unsigned int threads = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(fixtures); i++) {
        fixtures[i] = qmpFixtureNew(poll);
        qmpFixtureGreet(fixtures[i]);
        if (i == 0)
            threads = countThreads();
    }
    g_assert_cmpuint(countThreads(), ==, threads);

    /* one that hangs does not hold up the others; the last one is asked first */
    for (i = 0; i < G_N_ELEMENTS(fixtures); i++)
        g_assert_cmpint(qbjQmpSend(fixtures[i]->qmp, "a", NULL, qmpFixtureDone, fixtures[i]), ==, 0);
    for (i = G_N_ELEMENTS(fixtures); i-- > 1;)
        qmpPeerAnswer(fixtures[i], "a", "{}");
    for (i = 1; i < G_N_ELEMENTS(fixtures); i++)
        qmpFixtureAwait(fixtures[i], "done a ok", 1);
    g_assert_cmpuint(countThreads(), ==, threads);
    for (i = 0; i < G_N_ELEMENTS(fixtures); i++)
        qmpFixtureFree(fixtures[i]);
}

/* An answer of about @size bytes: an array of objects, not too many, because sanitizers copy it for each. */
static char *
bigValue(size_t size)
{
    GString *value = g_string_new("[0");
    g_autofree char *path = g_strnfill(1000, 'p');

    while (value->len < size)
        g_string_append_printf(value, ", {\"file\": \"%s\", \"ro\": false, \"size\": 12345}", path);
    g_string_append(value, "]");
    return g_string_free(value, false);
}

static void
testHugeAnswer(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(poll);
    g_autofree char *value = bigValue(20 * 1024 * 1024);
    g_autoptr(qmpCall) call = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS * 3, "query-big", NULL, NULL);
    qmpPeerAnswer(fixture, "query-big", value);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_assert_cmpuint(virJSONValueArraySize(call->commands[0].reply), >, 15000);

    /* one that nobody waits for any more is not even parsed */
    g_clear_pointer(&call, qmpCallFree);
    call = qmpCallStart(fixture->qmp, 1, "query-big", NULL, NULL);
    qmpCallJoin(call);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_TIMEOUT);
    qmpPeerAnswer(fixture, "query-big", value);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpPeerAnswer(fixture, "a", "{}");
    qmpFixtureAwait(fixture, "done a ok", 1);
}

/* Above the size that the event thread parses itself, for both kinds of callers. */
static void
testLargeAnswers(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *value = bigValue(QBJ_QMP_LARGE * 2);
    g_autofree char *name = NULL;
    g_autofree char *error = NULL;
    g_autofree char *desc = g_strnfill(QBJ_QMP_LARGE * 2, 'd');
    g_autoptr(qmpCall) call = NULL;
    unsigned int id;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, qmpFixtureDone, fixture), ==, 0);
    qmpPeerAnswer(fixture, "a", value);
    qmpFixtureAwait(fixture, "done a ok", 1);

    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "b", NULL, NULL);
    name = qmpPeerRead(fixture, &id);
    error = g_strdup_printf("{\"id\":%u,\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"}}", id, desc);
    qmpPeerWrite(fixture, error);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, 0);
    g_assert_true(call->commands[0].failed);
    g_assert_cmpstr(call->commands[0].errorText, ==, desc);
}

/* A large answer that is not JSON: the caller is told, and the connection ends as with a small one. */
static void
testLargeGarbage(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *letters = g_strnfill(QBJ_QMP_LARGE * 2, 'x');
    g_autoptr(qmpCall) call = NULL;

    qmpFixtureGreet(fixture);
    call = qmpCallStart(fixture->qmp, QMP_PATIENCE_MS, "a", NULL, NULL);
    qmpPeerAnswer(fixture, "a", letters);
    qmpCallJoin(call);
    g_assert_cmpint(call->rc, ==, -1);
    g_assert_cmpint(call->code, ==, VIR_ERR_OPERATION_FAILED);
    qmpFixtureAwait(fixture, "closed QEMU's monitor sent a message that is not JSON;", 1);
}

static void
testLargeEvent(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *letters = g_strnfill(QBJ_QMP_UNASKED_MAX / 2, 'x');

    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"event\":\"A\",\"data\":{\"x\":\"");
    qmpPeerWrite(fixture, letters);
    qmpPeerWrite(fixture, "\"}}");
    qmpFixtureAwait(fixture, "event A", 1);
    qmpPeerWrite(fixture, "{\"event\":\"A\",\"data\":{\"x\":\"");
    qmpPeerWrite(fixture, letters);
    qmpPeerWrite(fixture, letters);
    qmpPeerWrite(fixture, "\"}}");
    qmpFixtureAwait(fixture, "closed QEMU's monitor sent a message that is larger than allowed;", 1);
    g_assert_cmpuint(qmpFixtureCount(fixture, "event A"), ==, 1);
}

static void
testTooLargeAnswer(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *letters = g_strnfill(1024 * 1024, 'x');
    size_t i;

    qmpFixtureGreet(fixture);
    qmpPeerWrite(fixture, "{\"return\":\"");
    for (i = 0; i <= QBJ_QMP_REPLY_MAX / (1024 * 1024); i++)
        qmpPeerWrite(fixture, letters);
    qmpFixtureAwait(fixture, "closed QEMU's monitor sent a message that is larger than allowed;", 1);
}

/* Keys are compared with each other by libvirt's parser: a wide object would hold up all VMs. */
static void
testWideObject(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    GString *wide = g_string_new("{\"return\":{\"a\":0");
    size_t i;

    qmpFixtureGreet(fixture);
    for (i = 0; i < 50000; i++)
        g_string_append_printf(wide, ",\"%zu\":0", i);
    g_string_append(wide, "}}");
    qmpPeerWriteBytes(fixture, wide->str, wide->len);
    g_string_free(wide, true);
    qmpFixtureAwait(fixture, "closed QEMU's monitor sent an object with too many members;", 1);
}

/* A monitor that reads slowly, as QEMU does, which takes single bytes: nothing gets lost or mixed up. */
static void
testSlowReader(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *filler = g_strnfill(10000, 'f');
    g_autoptr(virJSONValue) arguments = NULL;
    size_t i;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(virJSONValueObjectAdd(&arguments, "s:a", filler, NULL), ==, 1);
    for (i = 0; i < 500; i++)
        g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", arguments, qmpFixtureDone, fixture), ==, 0);
    for (i = 0; i < 500; i++) {
        g_autofree char *line = qmpPeerReadLine(fixture);
        g_autofree char *start = g_strdup_printf("{\"execute\":\"a\",\"arguments\":{\"a\":\"%s\"},\"id\":", filler);

        g_assert_true(g_str_has_prefix(line, start));
        qmpPeerReturn(fixture, atoi(line + strlen(start)), "{}");
        if (i % 100 == 0)
            g_usleep(1000);
    }
    qmpFixtureAwait(fixture, "done a ok", 500);
}

/* A monitor that reads nothing: what waits is limited, in commands and in bytes. */
static void
testNothingRead(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autofree char *filler = g_strnfill(1024 * 1024, 'f');
    g_autoptr(virJSONValue) arguments = NULL;
    unsigned int n = 0;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(virJSONValueObjectAdd(&arguments, "s:a", filler, NULL), ==, 1);
    while (qbjQmpSend(fixture->qmp, "a", arguments, qmpFixtureDone, fixture) == 0)
        n++;
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpuint(n, >=, 14);
    g_assert_cmpuint(n, <=, 17);
    qmpFixtureHangUp(fixture);
    qmpFixtureAwait(fixture, "done a lost", n);
}

static void
testNothingAnswered(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    unsigned int n = 0;

    qmpFixtureGreet(fixture);
    while (qbjQmpSend(fixture->qmp, "a", NULL, qmpFixtureDone, fixture) == 0)
        n++;
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpuint(n, ==, QBJ_QMP_REQUESTS_MAX);
    virResetLastError();
    g_assert_cmpint(qbjQmpCall(fixture->qmp, "b", NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    /* it comes to itself, and so do we */
    while (n-- > 0)
        qmpPeerAnswer(fixture, "a", "{}");
    qmpFixtureAwait(fixture, "done a ok", QBJ_QMP_REQUESTS_MAX);
    g_assert_cmpint(qbjQmpSend(fixture->qmp, "a", NULL, qmpFixtureDone, fixture), ==, 0);
}

/* --- many threads on one client, a monitor that answers in random order and pieces, and a close at some
 * time --- */

typedef struct _crowd crowd;
struct _crowd {
    qmpFixture *fixture;
    GRand *random;
    unsigned int budget;        /* commands that the monitor still answers */
};

static void
crowdCaller(void *opaque)
{
    qbjQmp *qmp = opaque;
    unsigned int i;

    for (i = 0; i < 100; i++) {
        qbjQmpCommand commands[2] = { { .execute = "a" }, { .execute = "b" } };

        if (qbjQmpRun(qmp, commands, 2, i % 10 == 0 ? 1 : QMP_PATIENCE_MS) == 0) {
            g_assert_cmpstr(virJSONValueGetString(commands[0].reply), ==, "a");
            g_assert_cmpstr(virJSONValueGetString(commands[1].reply), ==, "b");
        }
        qbjQmpCommandClear(&commands[0]);
        qbjQmpCommandClear(&commands[1]);
    }
}

static void
crowdWrite(crowd *this, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = g_rand_int_range(this->random, 1, left + 1);

        qmpPeerWriteBytes(this->fixture, text, n);
        text += n;
        left -= n;
    }
}

/* Answers pairs of commands, the second one first in half of the cases. */
static void
crowdMonitor(void *opaque)
{
    crowd *this = opaque;

    while (this->budget-- > 0) {
        g_auto(GStrv) answers = g_new0(char *, 3);
        bool swap = g_rand_boolean(this->random);
        size_t i;

        for (i = 0; i < 2; i++) {
            unsigned int id;
            g_autofree char *name = qmpPeerRead(this->fixture, &id);

            if (!name)
                return;
            answers[i] = g_strdup_printf("{\"event\":\"E\"}{\"id\":%u,\"return\":\"%s\"}\n", id, name);
        }
        crowdWrite(this, answers[swap]);
        crowdWrite(this, answers[!swap]);
    }
    shutdown(this->fixture->peer, SHUT_RDWR);
}

static void
runCrowd(virQbjPoll *poll, GRand *random, unsigned int budget, bool close)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(poll);
    crowd this = { fixture, random, budget };
    virThread callers[4];
    virThread monitor;
    size_t i;

    qmpFixtureGreet(fixture);
    g_assert_cmpint(virThreadCreate(&monitor, true, crowdMonitor, &this), ==, 0);
    for (i = 0; i < G_N_ELEMENTS(callers); i++)
        g_assert_cmpint(virThreadCreate(&callers[i], true, crowdCaller, fixture->qmp), ==, 0);
    if (close) {
        g_usleep(2000);
        qbjQmpClose(fixture->qmp);
    }
    for (i = 0; i < G_N_ELEMENTS(callers); i++)
        virThreadJoin(&callers[i]);
    qbjQmpClose(fixture->qmp);
    virThreadJoin(&monitor);
    qmpFixtureRelease(fixture);
    g_assert_cmpuint(qmpFixtureCount(fixture, "closed QEMU"), <=, 1);
}

static void
testCrowd(void)
{
    g_autoptr(virQbjPoll) poll = virQbjPollNew("qmp");
    g_autoptr(GRand) random = g_rand_new_with_seed(g_test_rand_int());
    unsigned int i;

    runCrowd(poll, random, G_MAXUINT, false);
    for (i = 0; i < 10; i++)
        runCrowd(poll, random, g_rand_int_range(random, 0, 400), i % 2);
}

/* The answer that an earlier connection has left comes first, and has the id of our own question. */
static void
testLeftBehind(gconstpointer large)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    qbjQmpCommand command = { .execute = "a" };
    qbjQmpBegun *begun = qbjQmpBegin(fixture->qmp, &command, 1);
    g_autofree char *blanks = g_strnfill(large ? 100000 : 0, ' ');
    g_autofree char *left = g_strdup_printf("{\"return\":{\"stale\":true},%s\"id\":1}", blanks);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *reply = NULL;
    unsigned int firstId;
    unsigned int id;

    qmpPeerWrite(fixture, QMP_GREETING);
    first = qmpPeerRead(fixture, &firstId);
    g_assert_cmpuint(firstId, >=, 10000);
    second = qmpPeerRead(fixture, &id);
    g_assert_cmpstr(second, ==, "a");
    g_assert_cmpuint(id, ==, 1);
    qmpPeerWrite(fixture, left);
    qmpPeerReturn(fixture, firstId, "{}");
    qmpPeerReturn(fixture, id, "{\"own\":true}");
    g_assert_cmpint(qbjQmpCollect(begun, QMP_PATIENCE_MS), ==, 0);
    reply = qmpReplyText(&command);
    g_assert_cmpstr(reply, ==, "{\"own\":true}");
    qbjQmpCommandClear(&command);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_data_func("/qmp/load/left-behind/small", NULL, testLeftBehind);
    g_test_add_data_func("/qmp/load/left-behind/large", "large", testLeftBehind);
    g_test_add_func("/qmp/load/hundred-clients", testHundredClients);
    g_test_add_func("/qmp/load/huge-answer", testHugeAnswer);
    g_test_add_func("/qmp/load/large-answers", testLargeAnswers);
    g_test_add_func("/qmp/load/large-garbage", testLargeGarbage);
    g_test_add_func("/qmp/load/large-event", testLargeEvent);
    g_test_add_func("/qmp/load/too-large-answer", testTooLargeAnswer);
    g_test_add_func("/qmp/load/wide-object", testWideObject);
    g_test_add_func("/qmp/load/slow-reader", testSlowReader);
    g_test_add_func("/qmp/load/nothing-read", testNothingRead);
    g_test_add_func("/qmp/load/nothing-answered", testNothingAnswered);
    g_test_add_func("/qmp/load/crowd", testCrowd);
    return g_test_run();
}
