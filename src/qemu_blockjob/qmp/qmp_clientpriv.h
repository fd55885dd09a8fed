/* The inside of a client, for its own files only: qmp_client.c (source on the event thread), qmp_receive.c
 * (what comes), qmp_call.c (commands), and below them qmp_link.c (sending, the end). */
#pragma once

#include "qmp_client.h"
#include "qmp_request.h"
#include "qmp_stream.h"
#include "virthread.h"

/* An answer of more bytes is parsed by the thread that waits for it. libvirt's parser takes 1 us for each
 * value: for the largest answer that is accepted so many seconds that the event thread would hold up all
 * VMs. */
#define QBJ_QMP_LARGE (64 * 1024)

/* Anything of more bytes that nobody waits for is no QMP; QEMU's largest event has some hundred. */
#define QBJ_QMP_UNASKED_MAX (256 * 1024)

/* Bytes that QEMU has not read yet; more is refused: a hung QEMU cannot grow us. */
#define QBJ_QMP_UNSENT_MAX (16 * 1024 * 1024)

typedef enum {
    QBJ_QMP_GREETING,           /* waiting for {"QMP": ...} */
    QBJ_QMP_CAPABILITIES,       /* qmp_capabilities sent */
    QBJ_QMP_ESTABLISHED,
    QBJ_QMP_CLOSED,             /* the end: only what was left unanswered is still called back */
} qbjQmpState;

struct _qbjQmp {
    /* never modified after qbjQmpNew() */
    virQbjPoll *poll;
    qbjQmpCallbacks callbacks;
    void *opaque;
    unsigned int firstId;       /* of qmp_capabilities */

    int users;                  /* atomic: references of callers; the last one closes */
    int refs;                   /* atomic: the callers together have one, the watch has one */

    /* event thread only */
    qbjQmpStream *stream;

    virMutex lock;              /* guards everything below; never held across a callback */
    qbjQmpState state;
    char *reason;               /* why the connection ended; NULL: it has not, or we closed it */
    const char *doom;           /* why the event thread shall end the connection (static text); or NULL */
    int fd;                     /* closed by the event thread only, so that it never polls somebody else's */
    virQbjWatch *watch;         /* NULL once the event thread has taken it down */
    bool wantWrite;
    int sendError;              /* errno of a write that failed although QEMU had not hung up; or 0 */
    GString *unsent;            /* the first `sent` bytes of it are gone */
    size_t sent;
    int passFd;                 /* -1: none; to be sent with the byte at passAt of @unsent; ours to close */
    size_t passAt;
    GString *held;              /* commands that wait for the greeting, or for the capabilities */
    qbjQmpRequestList requests;
    GQueue unheard;             /* of qbjQmpRequest: left by qbjQmpClose() for the event thread to tell */
};

/* Lock not held. */
bool qbjQmpIsState(qbjQmp *qmp, qbjQmpState state);

/* Drops one of @refs. */
void qbjQmpFree(qbjQmp *qmp);

/* Sends what fits into the socket now, leaves the rest to the event thread. Lock held. An error ends the
 * connection, on the event thread. */
void qbjQmpFlush(qbjQmp *qmp);

/* Any thread, lock not held: what came is not QMP; the event thread ends the connection. @reason: static,
 * translated. */
void qbjQmpDoom(qbjQmp *qmp, const char *reason);

/* Event thread, lock not held: takes the connection down and tells everybody. @reason: NULL when
 * qbjQmpClose() was called. May be called again. */
void qbjQmpEnd(qbjQmp *qmp, const char *reason);

/* Event thread, lock not held: reads once and handles what is complete. Returns NULL, or why the
 * connection is to end. */
char *qbjQmpReceive(qbjQmp *qmp);
