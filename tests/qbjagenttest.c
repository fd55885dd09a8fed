/* The guest agent's client against a scripted agent on the other end of a socket pair. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virthread.h"
#include "agent_client.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define PING "{\"execute\":\"guest-ping\"}"

/* What the agent does with the number of a guest-sync, and with a command. */
typedef struct _agentScript agentScript;
struct _agentScript {
    const char *first;          /* said at once, before anything was asked */
    const char *sync;           /* printf format for the number; NULL: silence */
    const char *answer;         /* to each command; NULL: silence */
    bool slowly;                /* byte by byte */
    bool closes;                /* instead of an answer */
    size_t flood;               /* so many bytes without an end of line instead of an answer */
    unsigned int answerFrom;    /* commands before this one get no answer */
};

typedef struct _fakeAgent fakeAgent;
struct _fakeAgent {
    const agentScript *script;
    int fd;
    unsigned int syncs;         /* atomic */
    unsigned int commands;      /* atomic */
    virThread thread;
};

static void
fakeSay(fakeAgent *fake, const char *text, size_t length)
{
    size_t i;

    if (!fake->script->slowly) {
        ignore_value(safewrite(fake->fd, text, length));
        return;
    }
    for (i = 0; i < length; i++) {
        ignore_value(safewrite(fake->fd, text + i, 1));
        g_usleep(500);
    }
}

static void
fakeSync(fakeAgent *fake, const char *line)
{
    unsigned long long id = g_ascii_strtoull(strstr(line, "\"id\":") + 5, NULL, 10);
    g_autofree char *number = g_strdup_printf("%llu", id);
    g_auto(GStrv) parts = NULL;
    g_autofree char *text = NULL;

    g_atomic_int_inc(&fake->syncs);
    if (!fake->script->sync)
        return;
    parts = g_strsplit(fake->script->sync, "ID", 0);
    text = g_strjoinv(number, parts);
    fakeSay(fake, text, strlen(text));
}

/* Returns false when the agent hangs up. */
static bool
fakeCommand(fakeAgent *fake)
{
    g_autofree char *flood = NULL;
    unsigned int number = g_atomic_int_add(&fake->commands, 1);

    if (fake->script->closes)
        return false;
    if (fake->script->flood > 0) {
        flood = g_malloc(fake->script->flood);
        memset(flood, 'x', fake->script->flood);
        fakeSay(fake, flood, fake->script->flood);
    }
    if (fake->script->answer && number >= fake->script->answerFrom)
        fakeSay(fake, fake->script->answer, strlen(fake->script->answer));
    return true;
}

static void
fakeRun(void *opaque)
{
    fakeAgent *fake = opaque;
    g_autoptr(GString) got = g_string_new(NULL);
    char data[512];
    ssize_t n;

    if (fake->script->first)
        fakeSay(fake, fake->script->first, strlen(fake->script->first));
    while ((n = read(fake->fd, data, sizeof(data))) > 0) {
        char *end;

        g_string_append_len(got, data, n);
        while ((end = memchr(got->str, '\n', got->len))) {
            g_autofree char *line = g_strndup(got->str, end - got->str);

            g_string_erase(got, 0, end + 1 - got->str);
            if (strstr(line, "guest-sync")) {
                fakeSync(fake, line);
            } else if (!fakeCommand(fake)) {
                shutdown(fake->fd, SHUT_RDWR);
                return;
            }
        }
    }
}

static qbjAgent *
fakeStart(fakeAgent *fake, const agentScript *script)
{
    int fds[2];
    qbjAgent *agent;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    *fake = (fakeAgent) { .script = script, .fd = fds[1] };
    g_assert_cmpint(virThreadCreate(&fake->thread, true, fakeRun, fake), ==, 0);
    agent = qbjAgentNew(fds[0]);
    g_assert_nonnull(agent);
    return agent;
}

static void
fakeStop(fakeAgent *fake, qbjAgent *agent)
{
    qbjAgentClose(agent);
    qbjAgentUnref(agent);
    shutdown(fake->fd, SHUT_RDWR);
    virThreadJoin(&fake->thread);
    VIR_FORCE_CLOSE(fake->fd);
}

static void
assertAnswer(qbjAgent *agent, const char *wanted)
{
    g_autoptr(virJSONValue) answer = NULL;
    g_autofree char *text = NULL;

    if (qbjAgentCall(agent, PING, VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT, &answer) < 0)
        g_error("%s", virGetLastErrorMessage());
    text = virJSONValueToString(answer, false);
    g_assert_cmpstr(text, ==, wanted);
}

static void
assertFailed(qbjAgent *agent, int seconds, int code)
{
    virJSONValue *answer = NULL;

    g_assert_cmpint(qbjAgentCall(agent, PING, seconds, &answer), ==, -1);
    g_assert_null(answer);
    if (virGetLastErrorCode() != code)
        g_error("%s", virGetLastErrorMessage());
    virResetLastError();
}

/* Whatever stands before the number belongs to somebody else. */
static void
testAnswers(const void *data)
{
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, data);

    assertAnswer(agent, "{\"return\":{}}");
    assertAnswer(agent, "{\"return\":{}}");
    g_assert_cmpint(g_atomic_int_get(&fake.syncs), ==, 1);
    fakeStop(&fake, agent);
}

static const agentScript answering[] = {
    { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}}\n" },
    { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}}\n", .slowly = true },
    { .sync = "\xff{\"return\": ID}\n", .answer = "\xff\xff{\"return\": {}}\r\n" },
    { .first = "login: \n{\"return\": 1}\n{\"error\": {}}\n\xff\xff\n\n[1]\n{\"return\": ID", .sync = "\n{\"return\": ID}\n",
      .answer = "{\"return\": {}}\n" },
    { .sync = "{\"return\": 5}\n{\"return\": ID}\n", .answer = "{\"event\": \"X\"}\n{\"return\": {}}\n" },
};

static void
testSilence(void)
{
    const agentScript script = { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}}\n", .answerFrom = 1 };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);
    gint64 begin = g_get_monotonic_time();

    assertFailed(agent, 1, VIR_ERR_AGENT_UNRESPONSIVE);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 30 * G_USEC_PER_SEC);
    assertAnswer(agent, "{\"return\":{}}");
    g_assert_cmpint(g_atomic_int_get(&fake.syncs), ==, 2);      /* once more after the time-out */
    fakeStop(&fake, agent);
}

static void
testNoSync(void)
{
    const agentScript script = { .answer = "{\"return\": {}}\n" };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);
    gint64 begin = g_get_monotonic_time();

    assertFailed(agent, VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, VIR_ERR_AGENT_UNRESPONSIVE);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 30 * G_USEC_PER_SEC);
    g_assert_cmpint(g_atomic_int_get(&fake.commands), ==, 0);
    fakeStop(&fake, agent);
}

static void
testWrong(const void *data)
{
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, data);

    assertFailed(agent, 20, VIR_ERR_AGENT_UNSYNCED);
    g_assert_false(qbjAgentIsClosed(agent));
    g_assert_cmpint(g_atomic_int_get(&fake.syncs), ==, 1);
    fakeStop(&fake, agent);
}

static char *deep;
static agentScript wrong[] = {
    { .sync = "{\"return\": ID}\n", .answer = "nonsense\n" },
    { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}\n" },
    { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}} {\"return\": {}}\n" },
    { .sync = "{\"return\": ID}\n", .answer = "[]\n" },
    { .sync = "{\"return\": ID}\n", .answer = "{\"return\": \"\x01\"}\n" },
    { .sync = "{\"return\": ID}\n", .flood = QBJ_AGENT_REPLY_MAX + 1000 },
    { .sync = "{\"return\": ID}\n" },   /* too deep: filled in by main() */
};

/* The end of a line that was too long is not taken for an answer. */
static void
testFlood(void)
{
    const agentScript script = { .sync = "{\"return\": ID}\n", .flood = QBJ_AGENT_REPLY_MAX + 1000,
                                 .answer = "\n{\"return\": 7}\n" };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);

    assertFailed(agent, 20, VIR_ERR_AGENT_UNSYNCED);
    assertFailed(agent, 20, VIR_ERR_AGENT_UNSYNCED);
    g_assert_cmpint(g_atomic_int_get(&fake.syncs), ==, 2);
    fakeStop(&fake, agent);
}

static void
testHangUp(void)
{
    const agentScript script = { .sync = "{\"return\": ID}\n", .closes = true };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);

    assertFailed(agent, VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, VIR_ERR_AGENT_UNRESPONSIVE);
    g_assert_true(qbjAgentIsClosed(agent));
    assertFailed(agent, VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, VIR_ERR_AGENT_UNRESPONSIVE);
    fakeStop(&fake, agent);
}

static void
closeSoon(void *opaque)
{
    g_usleep(300 * 1000);
    qbjAgentClose(opaque);
}

/* A call without a limit ends with the connection. */
static void
testClose(void)
{
    const agentScript script = { .sync = "{\"return\": ID}\n" };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);
    virThread closer;

    g_assert_cmpint(virThreadCreate(&closer, true, closeSoon, agent), ==, 0);
    assertFailed(agent, VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, VIR_ERR_AGENT_UNRESPONSIVE);
    virThreadJoin(&closer);
    fakeStop(&fake, agent);
}

static void
testNoWait(void)
{
    const agentScript script = { .sync = "{\"return\": ID}\n", .answer = "{\"return\": {}}\n" };
    fakeAgent fake;
    qbjAgent *agent = fakeStart(&fake, &script);
    virJSONValue *answer = NULL;

    g_assert_cmpint(qbjAgentCall(agent, PING, VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT, &answer), ==, 0);
    g_assert_null(answer);
    assertAnswer(agent, "{\"return\":{}}");
    g_assert_cmpint(g_atomic_int_get(&fake.syncs), ==, 2);
    fakeStop(&fake, agent);
}

static void
testReply(void)
{
    g_autoptr(virJSONValue) good = virJSONValueFromString("{\"return\": [3]}");
    g_autoptr(virJSONValue) bad = virJSONValueFromString("{\"error\": {\"class\": \"X\", \"desc\": \"not now\"}}");
    g_autoptr(virJSONValue) reply = NULL;

    g_assert_cmpint(qbjAgentTakeReply(good, "guest-x", &reply), ==, 0);
    g_assert_true(virJSONValueIsArray(reply));
    g_assert_cmpint(qbjAgentTakeReply(bad, "guest-x", NULL), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "unable to execute QEMU agent command 'guest-x': not now"));
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_autofree char *levels = g_strnfill(2000, '[');
    int ret;
    size_t i;

    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);           /* an agent may still be writing when its test has hung up */
    if (virInitialize() < 0)
        return EXIT_FAILURE;
    deep = g_strdup_printf("{\"return\": %s\n", levels);
    wrong[G_N_ELEMENTS(wrong) - 1].answer = deep;

    for (i = 0; i < G_N_ELEMENTS(answering); i++) {
        g_autofree char *name = g_strdup_printf("/agent/answers/%zu", i);

        g_test_add_data_func(name, &answering[i], testAnswers);
    }
    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *name = g_strdup_printf("/agent/wrong/%zu", i);

        g_test_add_data_func(name, &wrong[i], testWrong);
    }
    g_test_add_func("/agent/silence", testSilence);
    g_test_add_func("/agent/no-sync", testNoSync);
    g_test_add_func("/agent/flood", testFlood);
    g_test_add_func("/agent/hang-up", testHangUp);
    g_test_add_func("/agent/close", testClose);
    g_test_add_func("/agent/nowait", testNoWait);
    g_test_add_func("/agent/reply", testReply);
    ret = g_test_run();
    g_free(deep);
    return ret;
}
