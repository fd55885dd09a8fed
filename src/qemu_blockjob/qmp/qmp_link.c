#include <config.h>

#include "internal.h"
#include "virfile.h"
#include "virlog.h"
#include "qmp_clientpriv.h"

#include <sys/socket.h>

VIR_LOG_INIT("qemu_blockjob.qmp_link");

bool
qbjQmpIsState(qbjQmp *qmp, qbjQmpState state)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    return qmp->state == state;
}

void
qbjQmpFree(qbjQmp *qmp)
{
    if (!g_atomic_int_dec_and_test(&qmp->refs))
        return;

    if (qmp->callbacks.release)
        qmp->callbacks.release(qmp->opaque);
    VIR_FORCE_CLOSE(qmp->fd);
    VIR_FORCE_CLOSE(qmp->passFd);
    qbjQmpStreamFree(qmp->stream);
    qbjQmpRequestListClear(&qmp->requests);
    g_string_free(qmp->unsent, true);
    g_string_free(qmp->held, true);
    g_free(qmp->reason);
    virMutexDestroy(&qmp->lock);
    g_free(qmp);
}

static void
qbjQmpWantWrite(qbjQmp *qmp, bool want)
{
    if (qmp->wantWrite == want || !qmp->watch)
        return;
    qmp->wantWrite = want;
    virQbjWatchModify(qmp->watch, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Forgets what is sent, when it is more than what is left: each byte is moved a bounded number of times. */
static void
qbjQmpTrimSent(qbjQmp *qmp)
{
    if (qmp->sent < qmp->unsent->len - qmp->sent)
        return;
    g_string_erase(qmp->unsent, 0, qmp->sent);
    qmp->passAt -= MIN(qmp->passAt, qmp->sent);
    qmp->sent = 0;
}

/* No command gets to QEMU any more. It need not have closed the connection, so we do, on both sides: the
 * event thread reads what QEMU has said before, and then comes to the end. */
static void
qbjQmpSendFailed(qbjQmp *qmp, int error)
{
    if (error != EPIPE && error != ECONNRESET)
        qmp->sendError = error;
    shutdown(qmp->fd, SHUT_RDWR);
    qbjQmpWantWrite(qmp, false);
}

/* Sends @n bytes, and the descriptor with the first of them. */
static ssize_t
qbjQmpSendFd(qbjQmp *qmp, char *bytes, size_t n)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec vector = { .iov_base = bytes, .iov_len = n };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room),
    };
    struct cmsghdr *header = &control.header;
    ssize_t sent;

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &qmp->passFd, sizeof(int));
    sent = sendmsg(qmp->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        VIR_FORCE_CLOSE(qmp->passFd);
    return sent;
}

/* What can be sent by one call: QEMU takes a descriptor for that of the command it stands in. */
static ssize_t
qbjQmpSendSome(qbjQmp *qmp)
{
    char *bytes = qmp->unsent->str + qmp->sent;
    size_t n = qmp->unsent->len - qmp->sent;

    if (qmp->passFd >= 0 && qmp->passAt == qmp->sent)
        return qbjQmpSendFd(qmp, bytes, n);
    if (qmp->passFd >= 0)
        n = MIN(n, qmp->passAt - qmp->sent);
    return send(qmp->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
qbjQmpFlush(qbjQmp *qmp)
{
    while (qmp->state != QBJ_QMP_CLOSED && qmp->sent < qmp->unsent->len) {
        ssize_t n = qbjQmpSendSome(qmp);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            qbjQmpWantWrite(qmp, true);         /* goes on when there is room */
            qbjQmpTrimSent(qmp);
            return;
        }
        if (n < 0) {
            qbjQmpSendFailed(qmp, errno);
            return;
        }
        qmp->sent += n;
    }
    g_string_truncate(qmp->unsent, 0);
    qmp->sent = 0;
    qbjQmpWantWrite(qmp, false);
}

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

void
qbjQmpEnd(qbjQmp *qmp, const char *reason)
{
    GQueue unheard = G_QUEUE_INIT;
    g_autoptr(virQbjWatch) watch = NULL;
    bool tell = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        if (qmp->state != QBJ_QMP_CLOSED) {
            VIR_DEBUG("qmp=%p ended: %s", qmp, reason);
            qmp->state = QBJ_QMP_CLOSED;
            qmp->reason = g_strdup(reason);
            tell = true;
        }
        if ((watch = g_steal_pointer(&qmp->watch)))
            virQbjWatchRemove(watch);   /* its reference goes when its callback has returned */
        VIR_FORCE_CLOSE(qmp->fd);
        qbjQmpRequestListBreak(&qmp->requests, &qmp->unheard);
        unheard = qmp->unheard;
        g_queue_init(&qmp->unheard);
    }

    qbjQmpTellUnheard(qmp, &unheard);
    if (tell && qmp->callbacks.closed)
        qmp->callbacks.closed(qmp, reason, qmp->opaque);
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
    /* QEMU sees the end now; the fd itself is watched by the event thread */
    shutdown(qmp->fd, SHUT_RDWR);
    virQbjWatchKick(qmp->watch);
}

void
qbjQmpDoom(qbjQmp *qmp, const char *reason)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    if (qmp->state == QBJ_QMP_CLOSED)
        return;
    qmp->doom = reason;
    virQbjWatchKick(qmp->watch);
}
