/* The QMP client with the QEMU that is installed, which has no disk and no guest here. Skipped without
 * one. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vircommand.h"
#include "virqbjpoll.h"
#include "virfile.h"
#include "virqbjcond.h"
#include "virutil.h"
#include "host_process.h"
#include "qmp_client.h"
#include "qmp_socket.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"
#define PATIENCE_MS 60000

static virQbjPoll *poll;
static char *folder;
static char *socketPath;
static virCommand *command;
static int pidfd = -1;

typedef struct _session session;
struct _session {
    qbjQmp *qmp;
    virMutex lock;
    virCond changed;
    bool established;
    bool closed;
    bool released;
    unsigned int stops;
};

static void
sessionNote(session *this, bool *flag)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    *flag = true;
    virCondBroadcast(&this->changed);
}

static void
sessionAwait(session *this, const bool *flag)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);
    gint64 until = g_get_monotonic_time() + PATIENCE_MS * 1000;

    while (!*flag)
        g_assert_cmpint(virQbjCondWaitUntil(&this->changed, &this->lock, until), ==, 0);
}

static void
onEvent(qbjQmp *qmp G_GNUC_UNUSED, virJSONValue *event, void *opaque)
{
    session *this = opaque;
    VIR_LOCK_GUARD lock = virLockGuardLock(&this->lock);

    if (STREQ(virJSONValueObjectGetString(event, "event"), "STOP"))
        this->stops++;
}

static void
onEstablished(qbjQmp *qmp G_GNUC_UNUSED, void *opaque)
{
    session *this = opaque;

    sessionNote(this, &this->established);
}

static void
onClosed(qbjQmp *qmp G_GNUC_UNUSED, const char *reason G_GNUC_UNUSED, void *opaque)
{
    session *this = opaque;

    sessionNote(this, &this->closed);
}

static void
onRelease(void *opaque)
{
    session *this = opaque;

    sessionNote(this, &this->released);
}

static session *
sessionNew(void)
{
    static const qbjQmpCallbacks callbacks = { onEvent, onEstablished, onClosed, onRelease };
    session *this = g_new0(session, 1);
    int fd = qbjQmpConnectUnix(socketPath);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(virMutexInit(&this->lock), ==, 0);
    g_assert_cmpint(virQbjCondInit(&this->changed), ==, 0);
    this->qmp = qbjQmpNew(fd, poll, &callbacks, this);
    g_assert_nonnull(this->qmp);
    return this;
}

static void
sessionFree(session *this)
{
    if (!this)
        return;
    qbjQmpUnref(this->qmp);
    sessionAwait(this, &this->released);
    virCondDestroy(&this->changed);
    virMutexDestroy(&this->lock);
    g_free(this);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(session, sessionFree);

/* A failed assertion must not leave it behind. */
static int
dieWithParent(void *opaque G_GNUC_UNUSED)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The socket is made before QEMU is: connecting needs no waiting. */
static void
startQemu(void)
{
    int listening = qbjQmpListenUnix(socketPath, 0600);
    pid_t pid = -1;

    command = virCommandNew(QEMU);
    g_assert_cmpint(listening, >=, 0);
    virCommandAddArgList(command, "-machine", "none", "-nodefaults", "-display", "none", "-S",
                         "-mon", "chardev=monitor,mode=control", "-chardev", NULL);
    virCommandAddArgFormat(command, "socket,id=monitor,fd=%d,server=on,wait=off", listening);
    virCommandPassFD(command, listening, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    virCommandSetPreExecHook(command, dieWithParent, NULL);
    g_assert_cmpint(virCommandRunAsync(command, &pid), ==, 0);
    pidfd = qbjHostProcessOpen(pid, 0);
    g_assert_cmpint(pidfd, >=, 0);
}

static void
testCommands(void)
{
    g_autoptr(session) this = sessionNew();
    g_autoptr(virJSONValue) reply = NULL;
    g_autoptr(virJSONValue) schema = NULL;
    g_autoptr(virJSONValue) answer = NULL;
    g_autoptr(virJSONValue) arguments = NULL;

    /* not even established yet */
    g_assert_cmpint(qbjQmpCall(this->qmp, "query-status", NULL, &reply), ==, 0);
    g_assert_cmpstr(virJSONValueObjectGetString(reply, "status"), ==, "prelaunch");
    sessionAwait(this, &this->established);

    g_assert_cmpint(qbjQmpCall(this->qmp, "query-qmp-schema", NULL, &schema), ==, 0);
    g_assert_cmpuint(virJSONValueArraySize(schema), >, 500);
    g_assert_cmpint(qbjQmpPassthrough(this->qmp, "{\"execute\":\"query-name\",\"id\":\"mine\"}", &answer), ==, 0);
    g_assert_nonnull(virJSONValueObjectGetObject(answer, "return"));

    g_assert_cmpint(virJSONValueObjectAdd(&arguments, "s:device", "no-job", NULL), ==, 1);
    g_assert_cmpint(qbjQmpCall(this->qmp, "block-job-cancel", arguments, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpint(qbjQmpCall(this->qmp, "x-nonsense", NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
}

static void
testEvents(void)
{
    g_autoptr(session) this = sessionNew();
    g_auto(qbjQmpCommand) go = { .execute = "cont" };
    g_auto(qbjQmpCommand) stop = { .execute = "stop" };

    /* the event comes before the answer: it has been handled when the call returns */
    g_assert_cmpint(qbjQmpRun(this->qmp, &go, 1, PATIENCE_MS), ==, 0);
    g_assert_cmpint(qbjQmpRun(this->qmp, &stop, 1, PATIENCE_MS), ==, 0);
    g_assert_cmpuint(this->stops, ==, 1);
}

/* A client that asks for more than fits into its socket, and goes without reading it. */
static void
leaveAnswerBehind(void)
{
    static const char commands[] = "{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-qmp-schema\",\"id\":17}";
    int fd = qbjQmpConnectUnix(socketPath);
    char byte = 0;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(virSetBlocking(fd, true), ==, 0);
    while (byte != '\n')
        g_assert_cmpint(saferead(fd, &byte, 1), ==, 1);
    g_assert_cmpint(safewrite(fd, commands, strlen(commands)), ==, strlen(commands));
    /* the answer to the first one; the second one follows in this time, or this round shows less */
    for (byte = 0; byte != '\n';)
        g_assert_cmpint(saferead(fd, &byte, 1), ==, 1);
    g_usleep(30000);
    VIR_FORCE_CLOSE(fd);
}

/* The next client gets that answer, behind the greeting, and must not take it for one to itself. */
static void
testAnswerToAnother(void)
{
    unsigned int i;

    for (i = 0; i < 5; i++) {
        g_autoptr(session) this = NULL;
        g_autoptr(virJSONValue) reply = NULL;

        leaveAnswerBehind();
        this = sessionNew();
        g_assert_cmpint(qbjQmpCall(this->qmp, "query-status", NULL, &reply), ==, 0);
        g_assert_nonnull(virJSONValueObjectGetString(reply, "status"));
        g_assert_false(this->closed);
    }
}

/* It hangs, and comes to itself again. */
static void
testHung(void)
{
    g_autoptr(session) this = sessionNew();
    g_auto(qbjQmpCommand) status = { .execute = "query-status" };
    unsigned int i;

    sessionAwait(this, &this->established);
    g_assert_cmpint(pidfd_send_signal(pidfd, SIGSTOP, NULL, 0), ==, 0);
    for (i = 0; i < 3; i++) {
        g_assert_cmpint(qbjQmpRun(this->qmp, &status, 1, 50), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_TIMEOUT);
    }
    g_assert_cmpint(pidfd_send_signal(pidfd, SIGCONT, NULL, 0), ==, 0);
    g_assert_cmpint(qbjQmpRun(this->qmp, &status, 1, PATIENCE_MS), ==, 0);
    g_assert_nonnull(virJSONValueObjectGetString(status.reply, "status"));
    g_assert_false(this->closed);
}

static void
testKilled(void)
{
    g_autoptr(session) this = sessionNew();

    sessionAwait(this, &this->established);
    g_assert_cmpint(qbjHostProcessEnd(pidfd, PATIENCE_MS, PATIENCE_MS), ==, 0);
    sessionAwait(this, &this->closed);
    g_assert_cmpint(qbjQmpCall(this->qmp, "query-status", NULL, NULL), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_cmpint(qbjQmpConnectUnix(socketPath), ==, -1);
}

int
main(int argc, char **argv)
{
    g_autofree char *qemu = g_find_program_in_path(QEMU);
    int rc;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    if (!qemu) {
        printf("1..0 # SKIP no " QEMU " here\n");
        return 0;
    }
    folder = g_dir_make_tmp("qbjqmplive-XXXXXX", NULL);
    socketPath = g_build_filename(folder, "monitor.sock", NULL);
    g_assert_nonnull(poll = virQbjPollNew("qmp"));
    startQemu();

    g_test_add_func("/qmp/live/commands", testCommands);
    g_test_add_func("/qmp/live/events", testEvents);
    g_test_add_func("/qmp/live/answer-to-another", testAnswerToAnother);
    g_test_add_func("/qmp/live/hung", testHung);
    g_test_add_func("/qmp/live/killed", testKilled);
    rc = g_test_run();

    g_assert_cmpint(qbjHostProcessEnd(pidfd, 1000, PATIENCE_MS), ==, 0);
    VIR_FORCE_CLOSE(pidfd);
    virCommandFree(command);
    g_clear_pointer(&poll, virQbjPollUnref);
    g_assert_cmpint(virFileDeleteTree(folder), ==, 0);
    g_free(folder);
    g_free(socketPath);
    return rc;
}
