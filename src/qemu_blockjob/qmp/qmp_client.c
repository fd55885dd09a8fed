#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virrandom.h"
#include "virutil.h"
#include "qmp_clientpriv.h"
#include "qmp_message.h"

#include <glib-unix.h>
#include <sys/socket.h>

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qemu_blockjob.qmp_client");

/* One turn of the event thread reads this much from one QEMU, then the others get their turn. */
#define READ_SIZE (64 * 1024)

typedef struct _qbjQmpSource qbjQmpSource;
struct _qbjQmpSource {
    GSource parent;
    void *tag;
};

static void
qbjQmpFree(qbjQmp *qmp)
{
    if (!g_atomic_int_dec_and_test(&qmp->refs))
        return;

    if (qmp->callbacks.release)
        qmp->callbacks.release(qmp->opaque);
    VIR_FORCE_CLOSE(qmp->fd);
    qbjQmpStreamFree(qmp->stream);
    qbjQmpRequestListClear(&qmp->requests);
    g_string_free(qmp->unsent, true);
    g_string_free(qmp->held, true);
    g_free(qmp->reason);
    virMutexDestroy(&qmp->lock);
    g_free(qmp);
}

qbjQmp *
qbjQmpRef(qbjQmp *qmp)
{
    g_atomic_int_inc(&qmp->users);
    return qmp;
}

void
qbjQmpUnref(qbjQmp *qmp)
{
    if (!qmp || !g_atomic_int_dec_and_test(&qmp->users))
        return;
    qbjQmpClose(qmp);
    qbjQmpFree(qmp);
}

/* --- sending
 * ---------------------------------------------------------------------------------------------- */

static void
qbjQmpWantWrite(qbjQmp *qmp, bool want)
{
    if (qmp->wantWrite == want || !qmp->source)
        return;
    qmp->wantWrite = want;
    g_source_modify_unix_fd(qmp->source, qmp->tag, want ? G_IO_IN | G_IO_OUT : G_IO_IN);
}

/* Forgets what is sent, when it is more than what is left: each byte is moved a bounded number of times. */
static void
qbjQmpTrimSent(qbjQmp *qmp)
{
    if (qmp->sent < qmp->unsent->len - qmp->sent)
        return;
    g_string_erase(qmp->unsent, 0, qmp->sent);
    qmp->sent = 0;
}

void
qbjQmpFlush(qbjQmp *qmp)
{
    while (qmp->state != QBJ_QMP_CLOSED && qmp->sent < qmp->unsent->len) {
        ssize_t n = send(qmp->fd, qmp->unsent->str + qmp->sent, qmp->unsent->len - qmp->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            /* EAGAIN: go on when there is room. Any other error: reading tells the event thread the same. */
            qbjQmpWantWrite(qmp, errno == EAGAIN);
            qbjQmpTrimSent(qmp);
            return;
        }
        qmp->sent += n;
    }
    g_string_truncate(qmp->unsent, 0);
    qmp->sent = 0;
    qbjQmpWantWrite(qmp, false);
}

/* --- the end
 * ---------------------------------------------------------------------------------------------- */

/* Tells those who did not wait that their answers will not come. Lock not held. */
static void
qbjQmpTellUnheard(qbjQmp *qmp, GQueue *unheard)
{
    qbjQmpRequest *request;

    while ((request = g_queue_pop_head(unheard))) {
        qbjQmpCommand command = {
            .execute = request->execute, .arguments = request->arguments, .failed = true,
        };

        request->done(qmp, &command, request->opaque);
        qbjQmpRequestFree(request);
    }
}

/* Event thread: takes the connection down. @reason: NULL when qbjQmpClose() was called. */
static void
qbjQmpEnd(qbjQmp *qmp, const char *reason)
{
    GQueue unheard = G_QUEUE_INIT;
    GSource *source = NULL;
    bool tell = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        if (qmp->state != QBJ_QMP_CLOSED) {
            VIR_DEBUG("qmp=%p ended: %s", qmp, reason);
            qmp->state = QBJ_QMP_CLOSED;
            qmp->reason = g_strdup(reason);
            tell = true;
        }
        source = g_steal_pointer(&qmp->source);
        if (source)
            g_source_remove_unix_fd(source, qmp->tag);
        VIR_FORCE_CLOSE(qmp->fd);
        qbjQmpRequestListBreak(&qmp->requests, &qmp->unheard);
        unheard = qmp->unheard;
        g_queue_init(&qmp->unheard);
    }

    qbjQmpTellUnheard(qmp, &unheard);
    if (tell && qmp->callbacks.closed)
        qmp->callbacks.closed(qmp, reason, qmp->opaque);
    if (source) {
        g_source_destroy(source);       /* the source's reference goes when its callback has returned */
        g_source_unref(source);
    }
}

void
qbjQmpClose(qbjQmp *qmp)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    if (qmp->state == QBJ_QMP_CLOSED)
        return;
    VIR_DEBUG("qmp=%p closed by us", qmp);
    qmp->state = QBJ_QMP_CLOSED;
    qbjQmpRequestListBreak(&qmp->requests, &qmp->unheard);
    /* QEMU sees the end now; the fd itself is in the event thread's poll set */
    shutdown(qmp->fd, SHUT_RDWR);
    g_source_set_ready_time(qmp->source, 0);
}

void
qbjQmpDoom(qbjQmp *qmp, const char *reason)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    if (qmp->state == QBJ_QMP_CLOSED)
        return;
    qmp->doom = reason;
    g_source_set_ready_time(qmp->source, 0);
}

/* --- receiving, on the event thread
 * ----------------------------------------------------------------------- */

static bool
qbjQmpIsState(qbjQmp *qmp, qbjQmpState state)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    return qmp->state == state;
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
        g_string_append_len(qmp->unsent, qmp->held->str, qmp->held->len);
        g_string_truncate(qmp->held, 0);
        qbjQmpFlush(qmp);
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
    qbjQmpMessageAppend(qmp->unsent, "{\"execute\":\"qmp_capabilities\"",
                        qbjQmpRequestListAdd(&qmp->requests, request));
    qmp->state = QBJ_QMP_CAPABILITIES;
    qbjQmpFlush(qmp);
    return NULL;
}

static void
qbjQmpHandleAnswer(qbjQmp *qmp, virJSONValue **message)
{
    g_autoptr(qbjQmpRequest) request = NULL;
    g_auto(qbjQmpCommand) command = { 0 };
    unsigned int id = 0;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        if (qbjQmpMessageGetId(*message, &id))
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
    request = qbjQmpRequestListFind(&qmp->requests, id);
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

/* Returns NULL, or why the connection is to end. */
static char *
qbjQmpReceive(qbjQmp *qmp)
{
    char *room = qbjQmpStreamReserve(qmp->stream, READ_SIZE);
    ssize_t n = recv(qmp->fd, room, READ_SIZE, MSG_DONTWAIT);

    /* a killed QEMU that had not read everything resets the connection */
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return g_strdup(_("QEMU closed its monitor"));
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return NULL;
        return g_strdup_printf(_("cannot read from QEMU's monitor: %s"), g_strerror(errno));
    }
    qbjQmpStreamAdvance(qmp->stream, n);
    return qbjQmpHandleStream(qmp);
}

static gboolean
qbjQmpReady(gint fd G_GNUC_UNUSED, GIOCondition condition, void *opaque)
{
    qbjQmp *qmp = opaque;
    g_autofree char *reason = NULL;
    bool closed = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        closed = qmp->state == QBJ_QMP_CLOSED;
        reason = g_strdup(qmp->doom);
        if (condition & G_IO_OUT)
            qbjQmpFlush(qmp);
    }

    if (!closed && !reason && (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR | G_IO_NVAL)))
        reason = qbjQmpReceive(qmp);
    if (reason || qbjQmpIsState(qmp, QBJ_QMP_CLOSED))
        qbjQmpEnd(qmp, reason);
    return G_SOURCE_CONTINUE;   /* qbjQmpEnd() destroys the source */
}

static gboolean
qbjQmpDispatch(GSource *source, GSourceFunc callback, void *opaque)
{
    qbjQmpSource *self = (qbjQmpSource *) source;
    GIOCondition condition = g_source_query_unix_fd(source, self->tag);

    return ((GUnixFDSourceFunc) (void (*)(void)) callback)(-1, condition, opaque);
}

static GSourceFuncs qbjQmpSourceFuncs = {
    .dispatch = qbjQmpDispatch,
};

/* The source has gone, with the connection or with its whole context: nothing runs on the event thread for
 * us any more. */
static void
qbjQmpDetach(void *opaque)
{
    qbjQmp *qmp = opaque;

    qbjQmpEnd(qmp, _("the event loop has ended"));
    qbjQmpFree(qmp);
}

static void
qbjQmpAttach(qbjQmp *qmp)
{
    GSource *source = g_source_new(&qbjQmpSourceFuncs, sizeof(qbjQmpSource));
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    qmp->source = source;
    qmp->tag = g_source_add_unix_fd(source, qmp->fd, G_IO_IN);
    ((qbjQmpSource *) source)->tag = qmp->tag;
    g_atomic_int_inc(&qmp->refs);
    g_source_set_callback(source, (GSourceFunc) (void (*)(void)) qbjQmpReady, qmp, qbjQmpDetach);
    g_source_attach(source, qmp->context);
}

qbjQmp *
qbjQmpNew(int fd, GMainContext *context, const qbjQmpCallbacks *callbacks, void *opaque)
{
    VIR_AUTOCLOSE owned = fd;
    g_autofree qbjQmp *qmp = g_new0(qbjQmp, 1);

    if (virSetNonBlock(fd) < 0) {
        virReportSystemError(errno, "%s", _("cannot use the monitor socket"));
        return NULL;
    }
    if (virMutexInit(&qmp->lock) < 0) {
        virReportSystemError(errno, "%s", _("cannot initialize a lock"));
        return NULL;
    }

    qmp->context = context;
    qmp->callbacks = *callbacks;
    qmp->opaque = opaque;
    qmp->users = 1;
    qmp->refs = 1;
    qmp->fd = owned;
    owned = -1;
    qmp->stream = qbjQmpStreamNew(QBJ_QMP_REPLY_MAX);
    qmp->unsent = g_string_new(NULL);
    qmp->held = g_string_new(NULL);
    /* An answer that the connection before this one did not take is sent on this one, behind the greeting
     * (QEMU 7.2: always when it did not fit into the old socket, else sometimes). With ids that always
     * begin at 1 it would be taken for an answer to us. */
    g_queue_init(&qmp->unheard);
    qbjQmpRequestListInit(&qmp->requests, 10000 + virRandomInt(90000));
    qbjQmpAttach(qmp);
    return g_steal_pointer(&qmp);
}
