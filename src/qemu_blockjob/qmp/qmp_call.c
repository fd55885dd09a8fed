#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjcond.h"
#include "virqbjfault.h"
#include "qmp_clientpriv.h"
#include "qmp_message.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The fault "qmp-error": QEMU itself refuses the command, and so does not carry it out. */
static const char *
qbjQmpCommandName(const char *execute)
{
    return virQbjFaultHit("qmp-error") ? "x-qbj-fault" : execute;
}

/* Lock held. Returns 0 when @n commands of together @bytes may be queued, -1 with an error reported. */
static int
qbjQmpCheckRoom(qbjQmp *qmp, size_t n, size_t bytes)
{
    if (virQbjFaultHit("qmp-send")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "fault: nothing was sent");
        return -1;
    }
    if (qmp->state == QBJ_QMP_CLOSED) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the connection to QEMU's monitor has ended: %s"),
                       qmp->reason ? qmp->reason : _("it was closed"));
        return -1;
    }
    if (!qbjQmpRequestListHasRoom(&qmp->requests, n)) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("too many commands are waiting for QEMU's answer"));
        return -1;
    }
    if (qmp->unsent->len + qmp->held->len + bytes > QBJ_QMP_UNSENT_MAX) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("too many bytes are waiting for QEMU to read them"));
        return -1;
    }
    return 0;
}

/* Lock held. */
static void
qbjQmpQueue(qbjQmp *qmp, const char *body, qbjQmpRequest *request)
{
    GString *out = qmp->state == QBJ_QMP_ESTABLISHED ? qmp->unsent : qmp->held;

    qbjQmpMessageAppend(out, body, qbjQmpRequestListAdd(&qmp->requests, request));
}

/* Lock held. Returns 0 when all answers are there, -1 with an error reported. */
static int
qbjQmpAwait(qbjQmp *qmp, qbjQmpBatch *batch, unsigned int deadlineMs)
{
    gint64 until = g_get_monotonic_time() + deadlineMs * (gint64) 1000;

    while (batch->missing > 0 && !batch->broken) {
        if (virQbjCondWaitUntil(&batch->changed, &qmp->lock, until) == 0)
            continue;
        if (errno == ETIMEDOUT)
            virReportError(VIR_ERR_OPERATION_TIMEOUT,
                           _("QEMU's monitor has not answered within %u ms"), deadlineMs);
        else
            virReportSystemError(errno, "%s", _("cannot wait for QEMU's answer"));
        qbjQmpRequestListAbandon(&qmp->requests, batch);
        return -1;
    }
    if (batch->missing == 0)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, _("the connection to QEMU's monitor has ended: %s"),
                   qmp->reason ? qmp->reason : _("it was closed"));
    return -1;
}

/* Lock held. Sends @n bodies in one write; @batch must stay until its answers are awaited. */
static int
qbjQmpSubmit(qbjQmp *qmp, char **bodies, size_t n, qbjQmpBatch *batch)
{
    size_t bytes = 0;
    size_t i;

    if (qmp->state != QBJ_QMP_CLOSED && virQbjPollIsOwn(qmp->poll)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the event thread cannot wait for QEMU's answer"));
        return -1;
    }
    for (i = 0; i < n; i++)
        bytes += strlen(bodies[i]);
    if (qbjQmpCheckRoom(qmp, n, bytes) < 0)
        return -1;
    if (virQbjCondInit(&batch->changed) < 0) {
        virReportSystemError(errno, "%s", _("cannot initialize a condition"));
        return -1;
    }

    for (i = 0; i < n; i++) {
        qbjQmpRequest *request = g_new0(qbjQmpRequest, 1);

        request->batch = batch;
        request->position = i;
        qbjQmpQueue(qmp, bodies[i], request);
    }
    qbjQmpFlush(qmp);
    return 0;
}

/* Lock held. A copy of @fd goes with the next command. */
static int
qbjQmpTakeFd(qbjQmp *qmp, int fd)
{
    if (qmp->state != QBJ_QMP_ESTABLISHED || qmp->passFd >= 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU cannot take a file descriptor at the moment"));
        return -1;
    }
    if ((qmp->passFd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        virReportSystemError(errno, "%s", _("cannot duplicate a file descriptor"));
        return -1;
    }
    qmp->passAt = qmp->unsent->len;
    return 0;
}

/* Sends and waits. The answers belong to the caller, also when it was not all. @fd: goes with the first body,
 * -1: none. */
static int
qbjQmpExchange(qbjQmp *qmp, char **bodies, size_t n, unsigned int deadlineMs, qbjQmpAnswer *answers, int fd)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);
    qbjQmpBatch batch = { .answers = answers, .missing = n };
    int rc;

    if (fd >= 0 && qbjQmpTakeFd(qmp, fd) < 0)
        return -1;
    if (qbjQmpSubmit(qmp, bodies, n, &batch) < 0) {
        if (fd >= 0)
            VIR_FORCE_CLOSE(qmp->passFd);
        return -1;
    }
    rc = qbjQmpAwait(qmp, &batch, deadlineMs);
    virCondDestroy(&batch.changed);
    return rc;
}

/* Parses what came as text. Returns 0, -1 with an error reported and the connection about to end. */
static int
qbjQmpParse(qbjQmp *qmp, qbjQmpAnswer *answers, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!answers[i].text)
            continue;
        answers[i].json = virJSONValueFromString(answers[i].text);
        g_clear_pointer(&answers[i].text, g_free);
        if (!answers[i].json || qbjQmpMessageGetKind(answers[i].json) != QBJ_QMP_MESSAGE_ANSWER) {
            qbjQmpDoom(qmp, _("QEMU's monitor sent a message that is not JSON"));
            virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU's answer is not JSON"));
            return -1;
        }
    }
    return 0;
}

/* All answers are there: what they say. */
static int
qbjQmpRead(qbjQmp *qmp, qbjQmpAnswer *answers, size_t n)
{
    if (virQbjFaultHit("qmp-answer")) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT, "%s", "fault: QEMU's answer got lost");
        return -1;
    }
    return qbjQmpParse(qmp, answers, n);
}

/* Fills @answer->json, which belongs to the caller, also when it was not all. */
static int
qbjQmpAsk(qbjQmp *qmp, char **body, qbjQmpAnswer *answer, int fd)
{
    if (qbjQmpExchange(qmp, body, 1, QBJ_QMP_DEADLINE_MS, answer, fd) < 0)
        return -1;
    return qbjQmpRead(qmp, answer, 1);
}

static void
qbjQmpFreeAnswers(qbjQmpAnswer *answers, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        virJSONValueFree(answers[i].json);
        g_free(answers[i].text);
    }
    g_free(answers);
}

/* Commands that are under way. */
struct _qbjQmpBegun {
    qbjQmp *qmp;
    qbjQmpCommand *commands;
    size_t n;
    qbjQmpAnswer *answers;
    qbjQmpBatch batch;
};

static void
qbjQmpBegunFree(qbjQmpBegun *begun)
{
    qbjQmpFreeAnswers(begun->answers, begun->n);
    qbjQmpUnref(begun->qmp);
    g_free(begun);
}

qbjQmpBegun *
qbjQmpBegin(qbjQmp *qmp, qbjQmpCommand *commands, size_t n)
{
    g_auto(GStrv) bodies = g_new0(char *, n + 1);
    qbjQmpBegun *begun;
    int rc = -1;
    size_t i;

    for (i = 0; i < n; i++) {
        qbjQmpCommandClear(&commands[i]);
        if (!(bodies[i] = qbjQmpMessageFormat(qbjQmpCommandName(commands[i].execute), commands[i].arguments)))
            return NULL;
    }

    begun = g_new0(qbjQmpBegun, 1);
    begun->qmp = qbjQmpRef(qmp);
    begun->commands = commands;
    begun->n = n;
    begun->answers = g_new0(qbjQmpAnswer, n);
    begun->batch.answers = begun->answers;
    begun->batch.missing = n;
    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        rc = qbjQmpSubmit(qmp, bodies, n, &begun->batch);
    }
    if (rc < 0)
        g_clear_pointer(&begun, qbjQmpBegunFree);
    return begun;
}

int
qbjQmpCollect(qbjQmpBegun *begun, unsigned int deadlineMs)
{
    int rc = -1;
    size_t i;

    VIR_WITH_MUTEX_LOCK_GUARD(&begun->qmp->lock) {
        rc = qbjQmpAwait(begun->qmp, &begun->batch, deadlineMs);
        virCondDestroy(&begun->batch.changed);
    }
    if (rc == 0)
        rc = qbjQmpRead(begun->qmp, begun->answers, begun->n);
    for (i = 0; rc == 0 && i < begun->n; i++)
        qbjQmpMessageTakeOutcome(begun->answers[i].json, &begun->commands[i]);
    qbjQmpBegunFree(begun);
    return rc;
}

void
qbjQmpAbandon(qbjQmpBegun *begun)
{
    VIR_WITH_MUTEX_LOCK_GUARD(&begun->qmp->lock) {
        qbjQmpRequestListAbandon(&begun->qmp->requests, &begun->batch);
        virCondDestroy(&begun->batch.changed);
    }
    qbjQmpBegunFree(begun);
}

bool
qbjQmpIsBehind(qbjQmp *qmp, unsigned int ms)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);
    const qbjQmpRequest *first = g_queue_peek_head(&qmp->requests.waiting);

    return first && g_get_monotonic_time() - first->since >= ms * (gint64) 1000;
}

int
qbjQmpRun(qbjQmp *qmp, qbjQmpCommand *commands, size_t n, unsigned int deadlineMs)
{
    qbjQmpBegun *begun = qbjQmpBegin(qmp, commands, n);

    return begun ? qbjQmpCollect(begun, deadlineMs) : -1;
}

int
qbjQmpTake(qbjQmpCommand *command, virJSONValue **reply)
{
    if (command->failed) {
        qbjQmpReportError(command);
        return -1;
    }
    if (reply)
        *reply = g_steal_pointer(&command->reply);
    return 0;
}

int
qbjQmpCall(qbjQmp *qmp, const char *execute, virJSONValue *arguments, virJSONValue **reply)
{
    g_auto(qbjQmpCommand) command = { .execute = execute, .arguments = arguments };

    return qbjQmpRun(qmp, &command, 1, QBJ_QMP_DEADLINE_MS) < 0 ? -1 : qbjQmpTake(&command, reply);
}

int
qbjQmpSend(qbjQmp *qmp, const char *execute, virJSONValue *arguments, qbjQmpDone done, void *opaque)
{
    g_autofree char *body = qbjQmpMessageFormat(qbjQmpCommandName(execute), arguments);
    g_autoptr(qbjQmpRequest) request = g_new0(qbjQmpRequest, 1);
    VIR_LOCK_GUARD lock = { 0 };

    if (!body)
        return -1;
    request->done = done;
    request->opaque = opaque;
    request->execute = g_strdup(execute);
    if (arguments)
        request->arguments = virJSONValueCopy(arguments);

    lock = virLockGuardLock(&qmp->lock);
    if (qbjQmpCheckRoom(qmp, 1, strlen(body)) < 0)
        return -1;
    qbjQmpQueue(qmp, body, g_steal_pointer(&request));
    qbjQmpFlush(qmp);
    return 0;
}

int
qbjQmpPassthrough(qbjQmp *qmp, const char *text, virJSONValue **reply)
{
    g_autofree char *body = qbjQmpMessageFormatText(text);
    qbjQmpAnswer answer = { NULL, NULL };
    int rc = 0;

    if (!body)
        return -1;
    if (qbjQmpAsk(qmp, &body, &answer, -1) < 0)
        rc = -1;
    else
        *reply = g_steal_pointer(&answer.json);
    virJSONValueFree(answer.json);
    g_free(answer.text);
    return rc;
}

int
qbjQmpPassFd(qbjQmp *qmp, const char *name, int fd)
{
    g_auto(qbjQmpCommand) command = { .execute = "getfd" };
    g_autoptr(virJSONValue) arguments = NULL;
    g_autofree char *body = NULL;
    qbjQmpAnswer answer = { NULL, NULL };
    int rc;

    if (virJSONValueObjectAdd(&arguments, "s:fdname", name, NULL) < 0 ||
        !(body = qbjQmpMessageFormat(qbjQmpCommandName(command.execute), arguments)))
        return -1;
    rc = qbjQmpAsk(qmp, &body, &answer, fd);
    if (rc == 0)
        qbjQmpMessageTakeOutcome(answer.json, &command);
    virJSONValueFree(answer.json);
    g_free(answer.text);
    return rc == 0 ? qbjQmpTake(&command, NULL) : rc;
}
