/* qmp_client.h: an asynchronous QMP client for one QEMU.
 *
 * All clients share one event thread (the virQbjPoll given to qbjQmpNew); none has a thread of its own.
 * Commands may be sent from any thread except the event thread's callbacks waiting for a reply: a blocking
 * call there would wait for itself. Replies are matched by id, may be of any size up to QBJ_QMP_REPLY_MAX
 * and arrive split anywhere.
 *
 * The greeting is awaited and qmp_capabilities sent by the client itself; commands sent before that is
 * done wait.
 *
 * Locking: the client has its own virMutex. No caller's lock may be held across a blocking call; callbacks
 * are called without the client's lock. */
#pragma once

#include "internal.h"
#include "virjson.h"
#include "virqbjpoll.h"

/* Largest single message accepted from QEMU; more ends the connection with an error (a monitor cannot grow
 * us). */
#define QBJ_QMP_REPLY_MAX (64 * 1024 * 1024)

/* A client answers within this time in normal life; callers that know better give their own
 * (milliseconds). */
#define QBJ_QMP_DEADLINE_MS 30000

typedef struct _qbjQmp qbjQmp;

typedef struct _qbjQmpCallbacks qbjQmpCallbacks;
struct _qbjQmpCallbacks {
    /* An event from QEMU, in order, on the event thread. @event is borrowed: {"event": ..., "data": ...,
     * "timestamp": ...}. None comes before established(): who is told that asks for the state anyway. */
    void (*event)(qbjQmp *qmp, virJSONValue *event, void *opaque);
    /* Greeting and qmp_capabilities are done: commands are answered from now on. On the event thread,
     * once. */
    void (*established)(qbjQmp *qmp, void *opaque);
    /* The connection has ended: EOF, an I/O error, or something that is not QMP. Once, on the event
     * thread, after all waiting calls have been failed; not called after qbjQmpClose(). @reason is
     * borrowed, for people. */
    void (*closed)(qbjQmp *qmp, const char *reason, void *opaque);
    /* Drops @opaque; called exactly once, when no callback can run any more: on whichever thread lets go
     * last. May be NULL. */
    void (*release)(void *opaque);
};

/* One command to send, and what came back. The out fields are zero or left from an earlier call: they are
 * cleared first. */
typedef struct _qbjQmpCommand qbjQmpCommand;
struct _qbjQmpCommand {
    const char *execute;        /* borrowed */
    virJSONValue *arguments;    /* borrowed; an object or NULL */
    bool failed;                /* out: QEMU answered with an error */
    virJSONValue *reply;        /* out: the value of "return" (free it), NULL when failed */
    char *errorClass;           /* out, when failed: e.g. GenericError, DeviceNotActive */
    char *errorText;            /* out, when failed: QEMU's desc */
};

void qbjQmpCommandClear(qbjQmpCommand *command);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjQmpCommand, qbjQmpCommandClear);

/* @fd: connected socket, owned by the client from here on, also on failure. @poll: borrowed, must
 * outlive the client. Callbacks may begin before this returns. Returns a reference, NULL with an error
 * reported; release() is not called then. */
qbjQmp *qbjQmpNew(int fd, virQbjPoll *poll, const qbjQmpCallbacks *callbacks, void *opaque);
qbjQmp *qbjQmpRef(qbjQmp *qmp);
/* Without a reference left, the connection is closed. Callable anywhere, in callbacks too. */
void qbjQmpUnref(qbjQmp *qmp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjQmp, qbjQmpUnref);

/* Ends the connection; waiting calls fail at once. Callable from any thread, any number of times, in
 * callbacks too. Called from another thread, a callback that had begun may still be running when this
 * returns; what follows on the event thread are the qbjQmpDone calls of unanswered commands, and
 * release(). */
void qbjQmpClose(qbjQmp *qmp);

/* Sends @n independent commands in one write and waits for all replies, @deadlineMs at most. Returns 0
 * when each has an answer (which may be an error: look at .failed); -1 with an error reported when not:
 *   VIR_ERR_OPERATION_TIMEOUT   no answer in time; the command may still be carried out (its reply is
 *   dropped) VIR_ERR_OPERATION_FAILED    the connection has ended; or QEMU owes so many answers, or has so
 *   many bytes to read,
 *                               that nothing was sent
 *   VIR_ERR_INTERNAL_ERROR      called on the event thread; a name or argument that cannot be sent */
int qbjQmpRun(qbjQmp *qmp, qbjQmpCommand *commands, size_t n, unsigned int deadlineMs);

/* The two halves of qbjQmpRun(), so that one thread can ask many QEMUs at once: first sends @n independent
 * commands, later waits for their replies. @commands is borrowed until then. qbjQmpBegin() returns NULL with
 * an error reported as above; each begun call must be collected, which frees it. */
typedef struct _qbjQmpBegun qbjQmpBegun;
qbjQmpBegun *qbjQmpBegin(qbjQmp *qmp, qbjQmpCommand *commands, size_t n);
int qbjQmpCollect(qbjQmpBegun *begun, unsigned int deadlineMs);

/* In the place of qbjQmpCollect(): the answers are dropped. */
void qbjQmpAbandon(qbjQmpBegun *begun);

/* Whether QEMU has owed an answer, to anybody, for @ms. It answers in order: who would wait no longer than
 * that need not ask. */
bool qbjQmpIsBehind(qbjQmp *qmp, unsigned int ms);

/* One command; an error answer is reported as 00-conventions says (INTERNAL_ERROR "unable to execute QEMU
 * command 'CMD': DESC"; DeviceNotActive on job commands: OPERATION_INVALID "No active block job 'ID'") and
 * gives -1. @arguments is borrowed. @reply may be NULL; it is set only on success and then belongs to the
 * caller. */
int qbjQmpCall(qbjQmp *qmp, const char *execute, virJSONValue *arguments, virJSONValue **reply);

/* What qbjQmpCall() makes of the answer to @command, which was run. */
int qbjQmpTake(qbjQmpCommand *command, virJSONValue **reply);

/* Gives QEMU a copy of the descriptor @fd under @name ("getfd"), for commands that take such a name.
 * Returns 0, -1 with an error reported as by qbjQmpCall(); VIR_ERR_OPERATION_FAILED also when the
 * connection is not established yet, or another descriptor is on its way. */
int qbjQmpPassFd(qbjQmp *qmp, const char *name, int fd);

/* Reports the error answer of @command as qbjQmpCall() would. */
void qbjQmpReportError(const qbjQmpCommand *command);

/* Reports the first of @n commands that has failed. Returns 0 when none has, -1 with that error reported. */
int qbjQmpReportFirst(const qbjQmpCommand *commands, size_t n);

/* Sends without waiting; @done (may be NULL) is called on the event thread with the filled-in command, or
 * with command->failed and errorClass NULL when the connection ended first. There is no deadline. For
 * answers of many KB use qbjQmpRun(): they are parsed by the thread that waits, here by the event thread.
 * Returns 0, -1 with an error reported. */
typedef void (*qbjQmpDone)(qbjQmp *qmp, const qbjQmpCommand *command, void *opaque);
int qbjQmpSend(qbjQmp *qmp, const char *execute, virJSONValue *arguments, qbjQmpDone done, void *opaque);

/* Sends @text (one JSON object as a person typed it; its id is replaced) and waits; @reply is the whole
 * answer object, error answers included. For virDomainQemuMonitorCommand. VIR_ERR_INTERNAL_ERROR "cannot
 * parse json ..." for bad text. */
int qbjQmpPassthrough(qbjQmp *qmp, const char *text, virJSONValue **reply);
