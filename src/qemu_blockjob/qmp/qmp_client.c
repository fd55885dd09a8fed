#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virrandom.h"
#include "virutil.h"
#include "qmp_clientpriv.h"

#include <glib-unix.h>

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

typedef struct _qbjQmpSource qbjQmpSource;
struct _qbjQmpSource {
    GSource parent;
    void *tag;
};

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
    qmp->passFd = -1;
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
