#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virlog.h"
#include "qmp_clientpriv.h"
#include "qmp_message.h"

#include <sys/socket.h>

VIR_LOG_INIT("qemu_blockjob.qmp_receive");

/* One turn of the event thread reads this much from one QEMU, then the others get their turn. */
#define READ_SIZE (64 * 1024)

/* Lock held. Sends what was asked before the connection was established. */
static void
qbjQmpReleaseHeld(qbjQmp *qmp)
{
    g_string_append_len(qmp->unsent, qmp->held->str, qmp->held->len);
    g_string_truncate(qmp->held, 0);
    qbjQmpFlush(qmp);
}

static void
qbjQmpCapabilitiesDone(qbjQmp *qmp, const qbjQmpCommand *command, void *opaque G_GNUC_UNUSED)
{
    if (command->failed && !command->errorClass)
        return;                 /* the connection has ended */
    if (command->failed) {
        qbjQmpEnd(qmp, _("QEMU refused qmp_capabilities"));
        return;
    }

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        if (qmp->state != QBJ_QMP_CAPABILITIES)
            return;
        qmp->state = QBJ_QMP_ESTABLISHED;
        qbjQmpReleaseHeld(qmp);
    }
    if (qmp->callbacks.established)
        qmp->callbacks.established(qmp, qmp->opaque);
}

/* Returns NULL, or what is wrong with it. */
static const char *
qbjQmpHandleGreeting(qbjQmp *qmp)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);
    qbjQmpRequest *request;

    if (qmp->state == QBJ_QMP_CLOSED)
        return NULL;
    if (qmp->state != QBJ_QMP_GREETING)
        return _("QEMU's monitor sent a second greeting");

    request = g_new0(qbjQmpRequest, 1);
    request->done = qbjQmpCapabilitiesDone;
    request->execute = g_strdup("qmp_capabilities");
    qbjQmpRequestListAddAs(&qmp->requests, request, qmp->firstId);
    qbjQmpMessageAppend(qmp->unsent, "{\"execute\":\"qmp_capabilities\"", qmp->firstId);
    qmp->state = QBJ_QMP_CAPABILITIES;
    /* QEMU carries them out one after the other; who is refused the first ends the connection */
    qbjQmpReleaseHeld(qmp);
    return NULL;
}

/* Lock held. QEMU carries out one command after the other: an answer before that to our first is to an
 * earlier connection. */
static bool
qbjQmpIsOwn(const qbjQmp *qmp, unsigned int id)
{
    return qmp->state == QBJ_QMP_ESTABLISHED || (qmp->state == QBJ_QMP_CAPABILITIES && id == qmp->firstId);
}

static void
qbjQmpHandleAnswer(qbjQmp *qmp, virJSONValue **message)
{
    g_autoptr(qbjQmpRequest) request = NULL;
    g_auto(qbjQmpCommand) command = { 0 };
    unsigned int id = 0;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        if (qbjQmpMessageGetId(*message, &id) && qbjQmpIsOwn(qmp, id))
            request = qbjQmpRequestListTake(&qmp->requests, id);
        if (request && request->batch)
            qbjQmpRequestDeliver(request, g_steal_pointer(message), NULL);
    }

    if (!request) {
        VIR_DEBUG("qmp=%p dropped an answer that nobody asked for, id=%u", qmp, id);
    } else if (request->done) {
        command.execute = request->execute;
        command.arguments = request->arguments;
        qbjQmpMessageTakeOutcome(*message, &command);
        request->done(qmp, &command, request->opaque);
    }
}

static void
qbjQmpHandleEvent(qbjQmp *qmp, virJSONValue *event)
{
    /* QEMU sends none before the capabilities; whoever becomes established asks for the state anyway */
    if (!qbjQmpIsState(qmp, QBJ_QMP_ESTABLISHED)) {
        VIR_DEBUG("qmp=%p dropped an early event", qmp);
        return;
    }
    if (qmp->callbacks.event)
        qmp->callbacks.event(qmp, event, qmp->opaque);
}

typedef enum {
    LARGE_DONE,                 /* handed over, or dropped because nobody waits */
    LARGE_PARSE,                /* to be parsed here: somebody wants it called back */
    LARGE_UNASKED,              /* no answer */
} qbjQmpLarge;

static qbjQmpLarge
qbjQmpHandleLarge(qbjQmp *qmp, const char *text)
{
    VIR_LOCK_GUARD lock = { 0 };
    const qbjQmpRequest *request;
    unsigned int id;

    if (!qbjQmpMessagePeekId(text, &id))
        return LARGE_UNASKED;

    lock = virLockGuardLock(&qmp->lock);
    request = qbjQmpIsOwn(qmp, id) ? qbjQmpRequestListFind(&qmp->requests, id) : NULL;
    if (request && request->done)
        return LARGE_PARSE;
    if (request) {
        g_autoptr(qbjQmpRequest) taken = qbjQmpRequestListTake(&qmp->requests, id);

        if (taken->batch)
            qbjQmpRequestDeliver(taken, NULL, g_strdup(text));
    }
    return LARGE_DONE;
}

/* Returns NULL, or what is wrong with @text. */
static const char *
qbjQmpHandleSmall(qbjQmp *qmp, const char *text)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(text);

    if (!message) {
        virResetLastError();
        return _("QEMU's monitor sent a message that is not JSON");
    }

    switch (qbjQmpMessageGetKind(message)) {
    case QBJ_QMP_MESSAGE_GREETING:
        return qbjQmpHandleGreeting(qmp);
    case QBJ_QMP_MESSAGE_EVENT:
        qbjQmpHandleEvent(qmp, message);
        return NULL;
    case QBJ_QMP_MESSAGE_ANSWER:
        qbjQmpHandleAnswer(qmp, &message);
        return NULL;
    case QBJ_QMP_MESSAGE_OTHER:
        break;
    }
    return _("QEMU's monitor sent a message that is not QMP");
}

/* Returns NULL, or what is wrong with @text. */
static const char *
qbjQmpHandleText(qbjQmp *qmp, const char *text)
{
    size_t length = strlen(text);

    if (length > QBJ_QMP_LARGE) {
        switch (qbjQmpHandleLarge(qmp, text)) {
        case LARGE_DONE:
            return NULL;
        case LARGE_PARSE:
            break;
        case LARGE_UNASKED:
            if (length > QBJ_QMP_UNASKED_MAX)
                return _("QEMU's monitor sent a message that is larger than allowed");
            break;
        }
    }
    return qbjQmpHandleSmall(qmp, text);
}

/* Returns NULL, or why the connection is to end. */
static char *
qbjQmpHandleStream(qbjQmp *qmp)
{
    const char *text;
    const char *problem;
    int rc;

    while ((rc = qbjQmpStreamNext(qmp->stream, &text, &problem)) > 0) {
        const char *wrong = qbjQmpHandleText(qmp, text);

        if (wrong)
            return g_strdup(wrong);
        if (qbjQmpIsState(qmp, QBJ_QMP_CLOSED))
            return NULL;
    }
    if (rc < 0)
        return g_strdup_printf(_("QEMU's monitor sent %s"), problem);
    return NULL;
}

static char *
qbjQmpHungUp(qbjQmp *qmp)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    if (qmp->sendError)
        return g_strdup_printf(_("cannot write to QEMU's monitor: %s"), g_strerror(qmp->sendError));
    return g_strdup(_("QEMU closed its monitor"));
}

char *
qbjQmpReceive(qbjQmp *qmp)
{
    char *room = qbjQmpStreamReserve(qmp->stream, READ_SIZE);
    ssize_t n = recv(qmp->fd, room, READ_SIZE, MSG_DONTWAIT);

    /* a killed QEMU that had not read everything resets the connection */
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return qbjQmpHungUp(qmp);
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return NULL;
        return g_strdup_printf(_("cannot read from QEMU's monitor: %s"), g_strerror(errno));
    }
    qbjQmpStreamAdvance(qmp->stream, n);
    return qbjQmpHandleStream(qmp);
}
