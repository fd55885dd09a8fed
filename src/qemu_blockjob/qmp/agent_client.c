#include <config.h>

#include "internal.h"
#include "agent_client.h"
#include "qmp_stream.h"
#include "virerror.h"
#include "virfile.h"
#include "virthread.h"
#include "virutil.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_AGENT_READ (64 * 1024)
/* stands before answers of an agent that was asked to delimit them */
#define QBJ_AGENT_DELIMITER '\xff'

struct _qbjAgent {
    int refs;                   /* atomic */
    int fd;                     /* closed with the last reference; ended before by shutdown() */
    int closed;                 /* atomic */

    virMutex calling;           /* held by the call that talks; guards all below */
    GString *line;              /* what came of an unfinished line */
    bool skipping;              /* the rest of a line that is too long is thrown away */
    bool synced;                /* the next answer belongs to the next command */
};

typedef enum {
    QBJ_AGENT_ANSWER,
    QBJ_AGENT_LATE,
    QBJ_AGENT_GONE,
    QBJ_AGENT_WRONG,            /* a line that is no answer, or too long a one */
} qbjAgentOutcome;

qbjAgent *
qbjAgentNew(int fd)
{
    VIR_AUTOCLOSE owned = fd;
    g_autofree qbjAgent *agent = g_new0(qbjAgent, 1);

    if (virSetNonBlock(fd) < 0 || virMutexInit(&agent->calling) < 0) {
        virReportSystemError(errno, "%s", _("cannot use the guest agent's socket"));
        return NULL;
    }
    agent->refs = 1;
    agent->line = g_string_new(NULL);
    agent->fd = owned;
    owned = -1;
    return g_steal_pointer(&agent);
}

qbjAgent *
qbjAgentRef(qbjAgent *agent)
{
    g_atomic_int_inc(&agent->refs);
    return agent;
}

void
qbjAgentUnref(qbjAgent *agent)
{
    if (!agent || !g_atomic_int_dec_and_test(&agent->refs))
        return;
    VIR_FORCE_CLOSE(agent->fd);
    g_string_free(agent->line, TRUE);
    virMutexDestroy(&agent->calling);
    g_free(agent);
}

void
qbjAgentClose(qbjAgent *agent)
{
    g_atomic_int_set(&agent->closed, 1);
    shutdown(agent->fd, SHUT_RDWR);
}

bool
qbjAgentIsClosed(qbjAgent *agent)
{
    return g_atomic_int_get(&agent->closed) != 0;
}

/* @until: monotonic, microseconds; -1: for ever. Returns 1 when ready, 0 when it is too late, -1 when the
 * socket has failed. */
static int
qbjAgentPoll(qbjAgent *agent, short events, gint64 until)
{
    struct pollfd waiting = { .fd = agent->fd, .events = events };
    int rc;

    do {
        gint64 left = until < 0 ? -1 : MAX((until - g_get_monotonic_time() + 999) / 1000, 0);

        rc = poll(&waiting, 1, MIN(left, G_MAXINT));
    } while (rc < 0 && errno == EINTR);
    return rc;
}

static qbjAgentOutcome
qbjAgentSend(qbjAgent *agent, const char *command, gint64 until)
{
    g_autofree char *text = g_strdup_printf("%s\n", command);
    size_t length = strlen(text);
    size_t sent = 0;

    while (sent < length) {
        ssize_t n = send(agent->fd, text + sent, length - sent, MSG_NOSIGNAL);
        int ready;

        if (n > 0) {
            sent += n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return QBJ_AGENT_GONE;
        } else if ((ready = qbjAgentPoll(agent, POLLOUT, until)) <= 0) {
            agent->synced = false;      /* half a command is on its way */
            return ready == 0 ? QBJ_AGENT_LATE : QBJ_AGENT_GONE;
        }
    }
    return QBJ_AGENT_ANSWER;
}

/* The limits of qmp_stream.h first: the parser behind it recurses. NULL: not one object. */
static virJSONValue *
qbjAgentParse(const char *text, size_t length)
{
    g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(QBJ_AGENT_REPLY_MAX);
    virJSONValue *value;
    const char *object;
    const char *problem;

    memcpy(qbjQmpStreamReserve(stream, length + 1), text, length);
    qbjQmpStreamAdvance(stream, length);
    if (qbjQmpStreamNext(stream, &object, &problem) != 1)
        return NULL;
    value = virJSONValueFromString(object);
    if (!value)
        virResetLastError();
    if (qbjQmpStreamNext(stream, &object, &problem) != 0 || !qbjQmpStreamIsBetween(stream))
        g_clear_pointer(&value, virJSONValueFree);
    return value;
}

/* Cuts the first complete line off; false when there is none. */
static bool
qbjAgentTakeLine(qbjAgent *agent, char **line, size_t *length)
{
    char *end = memchr(agent->line->str, '\n', agent->line->len);
    char *start = agent->line->str;

    if (!end)
        return false;
    while (start < end && *start == QBJ_AGENT_DELIMITER)
        start++;
    *length = end - start;
    *line = g_malloc(*length + 1);
    memcpy(*line, start, *length);
    g_string_erase(agent->line, 0, end + 1 - agent->line->str);
    return true;
}

/* Adds what was read; the rest of a line that was too long is dropped. */
static bool
qbjAgentAdd(qbjAgent *agent, const char *data, size_t length)
{
    if (agent->skipping) {
        const char *end = memchr(data, '\n', length);

        if (!end)
            return true;
        agent->skipping = false;
        length -= end + 1 - data;
        data = end + 1;
    }
    g_string_append_len(agent->line, data, length);
    if (agent->line->len <= QBJ_AGENT_REPLY_MAX || memchr(agent->line->str, '\n', agent->line->len))
        return true;
    g_string_truncate(agent->line, 0);
    agent->skipping = true;
    return false;
}

static qbjAgentOutcome
qbjAgentRead(qbjAgent *agent, gint64 until)
{
    g_autofree char *data = g_malloc(QBJ_AGENT_READ);
    int ready = qbjAgentPoll(agent, POLLIN, until);
    ssize_t n;

    if (ready <= 0)
        return ready == 0 ? QBJ_AGENT_LATE : QBJ_AGENT_GONE;
    n = read(agent->fd, data, QBJ_AGENT_READ);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return QBJ_AGENT_ANSWER;
    if (n <= 0)
        return QBJ_AGENT_GONE;
    return qbjAgentAdd(agent, data, n) ? QBJ_AGENT_ANSWER : QBJ_AGENT_WRONG;
}

/* The next line, whatever it is: @value is NULL when it is no object. */
static qbjAgentOutcome
qbjAgentNext(qbjAgent *agent, gint64 until, virJSONValue **value)
{
    g_autofree char *line = NULL;
    size_t length;

    while (!qbjAgentTakeLine(agent, &line, &length)) {
        qbjAgentOutcome outcome = qbjAgentRead(agent, until);

        if (outcome != QBJ_AGENT_ANSWER)
            return outcome;
        if (until >= 0 && g_get_monotonic_time() > until && !memchr(agent->line->str, '\n', agent->line->len))
            return QBJ_AGENT_LATE;      /* a guest that never stops talking, and never ends a line */
    }
    *value = qbjAgentParse(line, length);
    return QBJ_AGENT_ANSWER;
}

static bool
qbjAgentIsAnswer(virJSONValue *value)
{
    return value && (virJSONValueObjectHasKey(value, "return") || virJSONValueObjectHasKey(value, "error"));
}

/* Answers to commands that nobody waits for any more, and anything else, are dropped until the agent has said
 * the number. */
static qbjAgentOutcome
qbjAgentSync(qbjAgent *agent, int seconds)
{
    gint64 until = g_get_monotonic_time() + QBJ_AGENT_SYNC_MS * (gint64) 1000;
    unsigned long long id = g_get_real_time() / 1000;
    g_autofree char *command = g_strdup_printf("{\"execute\":\"guest-sync\",\"arguments\":{\"id\":%llu}}", id);
    qbjAgentOutcome outcome;

    if (seconds > 0)
        until = MIN(until, g_get_monotonic_time() + seconds * (gint64) G_USEC_PER_SEC);
    outcome = qbjAgentSend(agent, command, until);
    while (outcome == QBJ_AGENT_ANSWER) {
        g_autoptr(virJSONValue) value = NULL;
        unsigned long long got;

        outcome = qbjAgentNext(agent, until, &value);
        if (outcome == QBJ_AGENT_WRONG)
            outcome = QBJ_AGENT_ANSWER;
        if (value && virJSONValueObjectGetNumberUlong(value, "return", &got) == 0 && got == id) {
            agent->synced = true;
            return QBJ_AGENT_ANSWER;
        }
        if (outcome == QBJ_AGENT_ANSWER && g_get_monotonic_time() > until)
            outcome = QBJ_AGENT_LATE;
    }
    return outcome;
}

/* Events of agents are no answers. */
static qbjAgentOutcome
qbjAgentAwait(qbjAgent *agent, gint64 until, virJSONValue **answer)
{
    while (true) {
        g_autoptr(virJSONValue) value = NULL;
        qbjAgentOutcome outcome = qbjAgentNext(agent, until, &value);

        if (outcome != QBJ_AGENT_ANSWER)
            return outcome;
        if (!value)
            return QBJ_AGENT_WRONG;
        if (qbjAgentIsAnswer(value)) {
            *answer = g_steal_pointer(&value);
            return QBJ_AGENT_ANSWER;
        }
        if (until >= 0 && g_get_monotonic_time() > until)
            return QBJ_AGENT_LATE;
    }
}

static int
qbjAgentReport(qbjAgent *agent, qbjAgentOutcome outcome, bool syncing)
{
    agent->synced = false;
    switch (outcome) {
    case QBJ_AGENT_GONE:
        g_atomic_int_set(&agent->closed, 1);
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s", _("End of file from the guest agent"));
        break;
    case QBJ_AGENT_WRONG:
        virReportError(VIR_ERR_AGENT_UNSYNCED, "%s", _("The guest agent sent something that is no answer"));
        break;
    case QBJ_AGENT_LATE:
    case QBJ_AGENT_ANSWER:
    default:
        if (syncing)
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s", _("Guest agent not available for now"));
        else
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s", _("The guest agent has not answered in time"));
    }
    return -1;
}

static gint64
qbjAgentUntil(int seconds)
{
    if (seconds == VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK)
        return -1;
    if (seconds < 0)
        return g_get_monotonic_time() + QBJ_AGENT_SYNC_MS * (gint64) 1000;
    return g_get_monotonic_time() + seconds * (gint64) G_USEC_PER_SEC;
}

int
qbjAgentCall(qbjAgent *agent, const char *command, int seconds, virJSONValue **answer)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&agent->calling);
    qbjAgentOutcome outcome;
    gint64 until;

    *answer = NULL;
    if (qbjAgentIsClosed(agent))
        return qbjAgentReport(agent, QBJ_AGENT_GONE, true);
    if (!agent->synced && (outcome = qbjAgentSync(agent, seconds)) != QBJ_AGENT_ANSWER)
        return qbjAgentReport(agent, outcome, true);

    until = seconds == VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT ? qbjAgentUntil(-1) : qbjAgentUntil(seconds);
    if ((outcome = qbjAgentSend(agent, command, until)) != QBJ_AGENT_ANSWER)
        return qbjAgentReport(agent, outcome, false);
    if (seconds == VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT) {
        agent->synced = false;          /* its answer comes some time */
        return 0;
    }
    if ((outcome = qbjAgentAwait(agent, until, answer)) != QBJ_AGENT_ANSWER)
        return qbjAgentReport(agent, outcome, false);
    return 0;
}

int
qbjAgentTell(qbjAgent *agent, const char *command)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&agent->calling);

    if (qbjAgentIsClosed(agent))
        return -1;
    agent->synced = false;
    return qbjAgentSend(agent, command, g_get_monotonic_time()) == QBJ_AGENT_ANSWER ? 0 : -1;
}

int
qbjAgentTakeReply(virJSONValue *answer, const char *name, virJSONValue **reply)
{
    virJSONValue *error = virJSONValueObjectGetObject(answer, "error");
    const char *desc = error ? virJSONValueObjectGetString(error, "desc") : NULL;

    if (virJSONValueObjectHasKey(answer, "error")) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("unable to execute QEMU agent command '%s': %s"), name,
                       desc ? desc : _("unknown error"));
        return -1;
    }
    if (reply && virJSONValueObjectRemoveKey(answer, "return", reply) < 0)
        return -1;
    return 0;
}
