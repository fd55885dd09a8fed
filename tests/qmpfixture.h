/* A client on one end of a socket pair, a scripted monitor on the other, and a list of all that the client
 * called back.
 *
 * The test's own thread plays the monitor. Blocking calls of the client run in threads of their own
 * (qmpCall). */
#pragma once

#include "internal.h"
#include "virerror.h"
#include "virqbjpoll.h"
#include "virthread.h"
#include "qmp_client.h"

#define QMP_GREETING "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},\"package\":\"\"}," \
                     "\"capabilities\":[\"oob\"]}}\r\n"

/* Everything that is waited for comes within this time, or the test fails. Much, because of valgrind. */
#define QMP_PATIENCE_MS 60000

typedef struct _qmpFixture qmpFixture;
struct _qmpFixture {
    virQbjPoll *poll;
    qbjQmp *qmp;
    int peer;                   /* the monitor's end */
    GString *input;             /* of the monitor, not yet taken */

    virMutex lock;
    virCond changed;
    GString *log;               /* "established;event STOP;closed TEXT;released;done query-status ok;" */
    void (*onEvent)(qmpFixture *fixture, virJSONValue *event);      /* on the event thread, after the log */
    void (*onClosed)(qmpFixture *fixture);
};

/* @poll: shared by several fixtures, or NULL: one of its own. */
qmpFixture *qmpFixtureNew(virQbjPoll *poll);
/* @type: SOCK_STREAM, or SOCK_SEQPACKET, on which each write of the client is one read of the monitor. */
qmpFixture *qmpFixtureNewType(virQbjPoll *poll, int type);
/* Closes, waits for the release and frees. */
void qmpFixtureFree(qmpFixture *fixture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qmpFixture, qmpFixtureFree);

/* The monitor: greets, answers qmp_capabilities, and waits until the client is established. */
void qmpFixtureGreet(qmpFixture *fixture);

/* Ends the monitor's side. */
void qmpFixtureHangUp(qmpFixture *fixture);

/* The caller's reference goes; waits until everything has been released. */
void qmpFixtureRelease(qmpFixture *fixture);

void qmpFixtureLog(qmpFixture *fixture, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Waits until the log contains @text @times times. */
void qmpFixtureAwait(qmpFixture *fixture, const char *text, unsigned int times);
unsigned int qmpFixtureCount(qmpFixture *fixture, const char *text);
char *qmpFixtureGetLog(qmpFixture *fixture);

/* For qbjQmpSend(): writes "done COMMAND ok", "done COMMAND error CLASS", or "done COMMAND lost" to the
 * log. */
void qmpFixtureDone(qbjQmp *qmp, const qbjQmpCommand *command, void *opaque);

/* The monitor writes, blocking. */
void qmpPeerWrite(qmpFixture *fixture, const char *text);
void qmpPeerWriteBytes(qmpFixture *fixture, const char *bytes, size_t n);
/* The monitor reads the next command; its name and id. NULL at the end of the connection. */
char *qmpPeerRead(qmpFixture *fixture, unsigned int *id);
/* The whole line of it. */
char *qmpPeerReadLine(qmpFixture *fixture);
/* Reads the next command, which must be @execute, and answers it with {"return": @value}. */
void qmpPeerAnswer(qmpFixture *fixture, const char *execute, const char *value);

/* Answers the request @id with {"return": @value}. */
void qmpPeerReturn(qmpFixture *fixture, unsigned int id, const char *value);

/* A blocking call in a thread of its own. */
typedef struct _qmpCall qmpCall;
struct _qmpCall {
    qbjQmp *qmp;
    qbjQmpCommand commands[3];
    size_t n;
    unsigned int deadlineMs;
    virThread thread;
    int rc;
    virErrorNumber code;        /* VIR_ERR_OK when rc is 0 */
    char *message;
    gint64 tookMs;
};

/* @names: up to three, NULL at the end. */
qmpCall *qmpCallStart(qbjQmp *qmp, unsigned int deadlineMs, const char *name1, const char *name2, const char *name3);
/* Waits for its end. */
void qmpCallJoin(qmpCall *call);
void qmpCallFree(qmpCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qmpCall, qmpCallFree);

/* The text of the answer's JSON, compact. */
char *qmpReplyText(const qbjQmpCommand *command);
