#include <config.h>

#include "qmpfixture.h"
#include "virfile.h"
#include "virqbjcond.h"

#include <poll.h>
#include <sys/socket.h>

void
qmpFixtureLog(qmpFixture *fixture, const char *format, ...)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&fixture->lock);
    va_list args;

    va_start(args, format);
    g_string_append_vprintf(fixture->log, format, args);
    va_end(args);
    g_string_append_c(fixture->log, ';');
    virCondBroadcast(&fixture->changed);
}

static unsigned int
countText(const char *hay, const char *text)
{
    unsigned int n = 0;

    while ((hay = strstr(hay, text))) {
        hay += strlen(text);
        n++;
    }
    return n;
}

unsigned int
qmpFixtureCount(qmpFixture *fixture, const char *text)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&fixture->lock);

    return countText(fixture->log->str, text);
}

char *
qmpFixtureGetLog(qmpFixture *fixture)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&fixture->lock);

    return g_strdup(fixture->log->str);
}

void
qmpFixtureAwait(qmpFixture *fixture, const char *text, unsigned int times)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&fixture->lock);
    gint64 until = g_get_monotonic_time() + QMP_PATIENCE_MS * 1000;

    while (countText(fixture->log->str, text) < times) {
        if (virQbjCondWaitUntil(&fixture->changed, &fixture->lock, until) < 0)
            g_error("no %u x \"%s\" in: %s", times, text, fixture->log->str);
    }
}

static void
onEvent(qbjQmp *qmp G_GNUC_UNUSED, virJSONValue *event, void *opaque)
{
    qmpFixture *fixture = opaque;
    const char *name = virJSONValueObjectGetString(event, "event");

    qmpFixtureLog(fixture, "event %s", name);
    if (fixture->onEvent)
        fixture->onEvent(fixture, event);
}

static void
onEstablished(qbjQmp *qmp G_GNUC_UNUSED, void *opaque)
{
    qmpFixtureLog(opaque, "established");
}

static void
onClosed(qbjQmp *qmp G_GNUC_UNUSED, const char *reason, void *opaque)
{
    qmpFixture *fixture = opaque;

    qmpFixtureLog(fixture, "closed %s", reason);
    if (fixture->onClosed)
        fixture->onClosed(fixture);
}

static void
onRelease(void *opaque)
{
    qmpFixtureLog(opaque, "released");
}

void
qmpFixtureDone(qbjQmp *qmp G_GNUC_UNUSED, const qbjQmpCommand *command, void *opaque)
{
    if (!command->failed)
        qmpFixtureLog(opaque, "done %s ok", command->execute);
    else if (command->errorClass)
        qmpFixtureLog(opaque, "done %s error %s", command->execute, command->errorClass);
    else
        qmpFixtureLog(opaque, "done %s lost", command->execute);
}

qmpFixture *
qmpFixtureNew(virQbjPoll *poll)
{
    return qmpFixtureNewType(poll, SOCK_STREAM);
}

qmpFixture *
qmpFixtureNewType(virQbjPoll *poll, int type)
{
    static const qbjQmpCallbacks callbacks = { onEvent, onEstablished, onClosed, onRelease };
    qmpFixture *fixture = g_new0(qmpFixture, 1);
    int fds[2];

    fixture->poll = poll ? virQbjPollRef(poll) : virQbjPollNew("qmp");
    g_assert_nonnull(fixture->poll);
    fixture->input = g_string_new(NULL);
    fixture->log = g_string_new(NULL);
    g_assert_cmpint(virMutexInit(&fixture->lock), ==, 0);
    g_assert_cmpint(virQbjCondInit(&fixture->changed), ==, 0);

    g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), ==, 0);
    fixture->peer = fds[1];
    fixture->qmp = qbjQmpNew(fds[0], fixture->poll, &callbacks, fixture);
    g_assert_nonnull(fixture->qmp);
    return fixture;
}

void
qmpFixtureHangUp(qmpFixture *fixture)
{
    VIR_FORCE_CLOSE(fixture->peer);
}

void
qmpFixtureRelease(qmpFixture *fixture)
{
    g_clear_pointer(&fixture->qmp, qbjQmpUnref);
    qmpFixtureAwait(fixture, "released", 1);
}

void
qmpFixtureFree(qmpFixture *fixture)
{
    if (!fixture)
        return;
    qmpFixtureRelease(fixture);
    qmpFixtureHangUp(fixture);
    g_clear_pointer(&fixture->poll, virQbjPollUnref);
    g_string_free(fixture->input, true);
    g_string_free(fixture->log, true);
    virCondDestroy(&fixture->changed);
    virMutexDestroy(&fixture->lock);
    g_free(fixture);
}

void
qmpFixtureGreet(qmpFixture *fixture)
{
    qmpPeerWrite(fixture, QMP_GREETING);
    qmpPeerAnswer(fixture, "qmp_capabilities", "{}");
    qmpFixtureAwait(fixture, "established", 1);
}

void
qmpPeerWriteBytes(qmpFixture *fixture, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fixture->peer, bytes, n, MSG_NOSIGNAL);

        if (sent < 0)
            return;             /* the client has gone: each test says itself what must have happened then */
        bytes += sent;
        n -= sent;
    }
}

void
qmpPeerWrite(qmpFixture *fixture, const char *text)
{
    qmpPeerWriteBytes(fixture, text, strlen(text));
}

char *
qmpPeerReadLine(qmpFixture *fixture)
{
    const char *end;
    char *line;

    while (!(end = strchr(fixture->input->str, '\n'))) {
        struct pollfd waiting = { .fd = fixture->peer, .events = POLLIN };
        char buffer[4096];
        ssize_t n;

        if (poll(&waiting, 1, QMP_PATIENCE_MS) == 0)
            g_error("the client sent no command");
        n = recv(fixture->peer, buffer, sizeof(buffer), 0);
        if (n <= 0)
            return NULL;
        g_string_append_len(fixture->input, buffer, n);
    }

    line = g_strndup(fixture->input->str, end - fixture->input->str);
    g_string_erase(fixture->input, 0, strlen(line) + 1);
    return line;
}

char *
qmpPeerRead(qmpFixture *fixture, unsigned int *id)
{
    g_autofree char *line = qmpPeerReadLine(fixture);
    g_autoptr(virJSONValue) command = NULL;

    if (!line)
        return NULL;
    command = virJSONValueFromString(line);
    g_assert_nonnull(command);
    g_assert_cmpint(virJSONValueObjectGetNumberUint(command, "id", id), ==, 0);
    return g_strdup(virJSONValueObjectGetString(command, "execute"));
}

void
qmpPeerAnswer(qmpFixture *fixture, const char *execute, const char *value)
{
    unsigned int id = 0;
    g_autofree char *name = qmpPeerRead(fixture, &id);

    g_assert_cmpstr(name, ==, execute);
    qmpPeerReturn(fixture, id, value);
}

void
qmpPeerReturn(qmpFixture *fixture, unsigned int id, const char *value)
{
    g_autofree char *answer = g_strdup_printf("{\"return\": %s, \"id\": %u}\r\n", value, id);

    qmpPeerWrite(fixture, answer);
}

static void
qmpCallThread(void *opaque)
{
    qmpCall *call = opaque;
    gint64 begin = g_get_monotonic_time();

    call->rc = qbjQmpRun(call->qmp, call->commands, call->n, call->deadlineMs);
    call->tookMs = (g_get_monotonic_time() - begin) / 1000;
    if (call->rc < 0) {
        call->code = virGetLastErrorCode();
        call->message = g_strdup(virGetLastErrorMessage());
    }
}

qmpCall *
qmpCallStart(qbjQmp *qmp, unsigned int deadlineMs, const char *name1, const char *name2, const char *name3)
{
    const char *names[] = { name1, name2, name3 };
    qmpCall *call = g_new0(qmpCall, 1);

    call->qmp = qbjQmpRef(qmp);
    call->deadlineMs = deadlineMs;
    while (call->n < 3 && names[call->n]) {
        call->commands[call->n].execute = names[call->n];
        call->n++;
    }
    g_assert_cmpint(virThreadCreate(&call->thread, true, qmpCallThread, call), ==, 0);
    return call;
}

void
qmpCallJoin(qmpCall *call)
{
    virThreadJoin(&call->thread);
    g_clear_pointer(&call->qmp, qbjQmpUnref);
}

void
qmpCallFree(qmpCall *call)
{
    size_t i;

    if (!call)
        return;
    for (i = 0; i < call->n; i++)
        qbjQmpCommandClear(&call->commands[i]);
    g_free(call->message);
    g_free(call);
}

char *
qmpReplyText(const qbjQmpCommand *command)
{
    g_assert_nonnull(command->reply);
    return virJSONValueToString(command->reply, false);
}
