#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virrandom.h"
#include "virutil.h"
#include "qmp_clientpriv.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

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

static void
qbjQmpReady(virQbjWatch *watch G_GNUC_UNUSED, unsigned int events, void *opaque)
{
    qbjQmp *qmp = opaque;
    g_autofree char *reason = NULL;
    bool closed = false;

    VIR_WITH_MUTEX_LOCK_GUARD(&qmp->lock) {
        closed = qmp->state == QBJ_QMP_CLOSED;
        reason = g_strdup(qmp->doom);
        if (events & EPOLLOUT)
            qbjQmpFlush(qmp);
    }

    if (!closed && !reason && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        reason = qbjQmpReceive(qmp);
    if (reason || qbjQmpIsState(qmp, QBJ_QMP_CLOSED))
        qbjQmpEnd(qmp, reason);
}

/* The watch has gone, with the connection or with the whole event thread: nothing runs there for us any
 * more. */
static void
qbjQmpDetach(void *opaque)
{
    qbjQmp *qmp = opaque;

    qbjQmpEnd(qmp, _("the event loop has ended"));
    qbjQmpFree(qmp);
}

/* Returns 0, -1 with an error reported. */
static int
qbjQmpAttach(qbjQmp *qmp)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qmp->lock);

    g_atomic_int_inc(&qmp->refs);
    if ((qmp->watch = virQbjWatchNew(qmp->poll, qmp->fd, EPOLLIN, qbjQmpReady, qmp, qbjQmpDetach)))
        return 0;
    g_atomic_int_add(&qmp->refs, -1);
    qmp->state = QBJ_QMP_CLOSED;
    qmp->callbacks.release = NULL;
    return -1;
}

qbjQmp *
qbjQmpNew(int fd, virQbjPoll *poll, const qbjQmpCallbacks *callbacks, void *opaque)
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

    qmp->poll = poll;
    qmp->callbacks = *callbacks;
    qmp->opaque = opaque;
    qmp->users = 1;
    qmp->refs = 1;
    qmp->fd = owned;
    qmp->passFd = -1;
    owned = -1;
    qmp->stream = qbjQmpStreamNew(QBJ_QMP_REPLY_MAX);
    qmp->unsent = g_string_new(NULL);
    qmp->held = g_string_new(NULL);
    g_queue_init(&qmp->unheard);
    /* An answer that the connection before this one did not take is sent on this one, behind the greeting
     * (QEMU 7.2: always when it did not fit into the old socket, else sometimes). What comes before the
     * answer to this id is none to us. */
    qmp->firstId = 10000 + virRandomInt(90000);
    qbjQmpRequestListInit(&qmp->requests, 1);
    if (qbjQmpAttach(qmp) < 0) {
        qbjQmpFree(g_steal_pointer(&qmp));
        return NULL;
    }
    return g_steal_pointer(&qmp);
}
