/* Processes that are watched and ended through a pidfd. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virprocess.h"
#include "host_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

typedef enum { CHILD_WAITS, CHILD_IGNORES_TERM, CHILD_EXITS } childKind;

static void G_GNUC_NORETURN
childRun(childKind kind, int ready)
{
    if (kind == CHILD_IGNORES_TERM)
        signal(SIGTERM, SIG_IGN);
    ignore_value(safewrite(ready, "", 1));
    if (kind == CHILD_EXITS)
        _exit(0);
    while (true)
        pause();
}

/* Returns a child that is where @kind says. */
static pid_t
childStart(childKind kind)
{
    int ready[2];
    pid_t pid;
    char byte;

    g_assert_cmpint(pipe(ready), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        childRun(kind, ready[1]);
    VIR_FORCE_CLOSE(ready[1]);
    g_assert_cmpint(saferead(ready[0], &byte, 1), ==, 1);
    VIR_FORCE_CLOSE(ready[0]);
    return pid;
}

/* Returns a process whose parent has ended. */
static pid_t
grandchildStart(childKind kind)
{
    int numbers[2];
    pid_t child;
    pid_t pid;

    g_assert_cmpint(pipe(numbers), ==, 0);
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        setsid();
        pid = childStart(kind);
        ignore_value(safewrite(numbers[1], &pid, sizeof(pid)));
        _exit(0);
    }
    g_assert_cmpint(saferead(numbers[0], &pid, sizeof(pid)), ==, sizeof(pid));
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    VIR_FORCE_CLOSE(numbers[0]);
    VIR_FORCE_CLOSE(numbers[1]);
    return pid;
}

/* Waits until the process shows @state in /proc. */
static void
awaitState(pid_t pid, char state)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int) pid);
    gint64 until = g_get_monotonic_time() + PATIENCE_MS * 1000;

    while (true) {
        g_autofree char *text = NULL;

        g_assert_cmpint(virFileReadAll(path, 4096, &text), >, 0);
        if (strrchr(text, ')')[2] == state)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(1000);
    }
}

static void
reap(pid_t pid, int sig)
{
    int status;

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (sig) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, sig);
    }
}

static void
testTerminate(void)
{
    pid_t pid = childStart(CHILD_WAITS);
    VIR_AUTOCLOSE fd = qbjHostProcessOpen(pid, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    g_assert_false(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, PATIENCE_MS, PATIENCE_MS * 2), ==, 0);

    /* nobody has reaped it: gone all the same, and ending it again is fine */
    g_assert_true(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, 100, 200), ==, 0);
    reap(pid, SIGTERM);
    g_assert_true(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, 100, 200), ==, 0);
}

static void
testKill(void)
{
    pid_t pid = childStart(CHILD_IGNORES_TERM);
    VIR_AUTOCLOSE fd = qbjHostProcessOpen(pid, 0);

    g_assert_cmpint(qbjHostProcessEnd(fd, 0, 50), ==, 1);
    g_assert_false(qbjHostProcessGone(fd));
    /* a grace that is longer than the limit: no SIGKILL */
    g_assert_cmpint(qbjHostProcessEnd(fd, 100, 50), ==, 1);
    g_assert_false(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, 50, PATIENCE_MS), ==, 0);
    reap(pid, SIGKILL);
}

static void
testStopped(void)
{
    pid_t pid = childStart(CHILD_WAITS);
    VIR_AUTOCLOSE fd = qbjHostProcessOpen(pid, 0);

    g_assert_cmpint(kill(pid, SIGSTOP), ==, 0);
    awaitState(pid, 'T');
    g_assert_false(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, 0, 50), ==, 1);
    g_assert_cmpint(qbjHostProcessEnd(fd, 50, PATIENCE_MS), ==, 0);
    reap(pid, 0);
}

static void
testGrandchild(void)
{
    pid_t pid;
    VIR_AUTOCLOSE fd = -1;
    unsigned long long start = 0;

    /* its new parent is this program, which does not reap: what a pid 1 that takes its time looks like */
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
    pid = grandchildStart(CHILD_WAITS);
    g_assert_cmpint(virProcessGetStartTime(pid, &start), ==, 0);
    g_assert_cmpuint(start, >, 0);
    fd = qbjHostProcessOpen(pid, start);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(qbjHostProcessEnd(fd, PATIENCE_MS, PATIENCE_MS * 2), ==, 0);
    awaitState(pid, 'Z');
    reap(pid, SIGTERM);
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 0), ==, 0);

    /* and with the real one */
    VIR_FORCE_CLOSE(fd);
    pid = grandchildStart(CHILD_WAITS);
    fd = qbjHostProcessOpen(pid, 0);
    g_assert_cmpint(qbjHostProcessEnd(fd, PATIENCE_MS, PATIENCE_MS * 2), ==, 0);
    g_assert_true(qbjHostProcessGone(fd));
}

static void
testZombie(void)
{
    pid_t pid = childStart(CHILD_EXITS);
    VIR_AUTOCLOSE fd = -1;

    awaitState(pid, 'Z');
    fd = qbjHostProcessOpen(pid, 0);
    g_assert_cmpint(fd, >=, 0);
    /* a process that is 'Z' may have another thread left (TSan's here, QEMU's in life): it is gone when
     * that is */
    g_assert_cmpint(qbjHostProcessEnd(fd, 0, PATIENCE_MS), ==, 0);
    g_assert_true(qbjHostProcessGone(fd));
    g_assert_cmpint(qbjHostProcessEnd(fd, 0, 0), ==, 0);
    reap(pid, 0);
}

static void
assertNotOpened(pid_t pid, unsigned long long start, int errnum)
{
    virResetLastError();
    g_assert_cmpint(qbjHostProcessOpen(pid, start), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, errnum);
}

static void *
threadRun(void *opaque)
{
    pid_t *tid = opaque;
    pid_t self = gettid();

    assertNotOpened(self, 0, ESRCH);
    *tid = self;
    return NULL;
}

static void
testRefused(void)
{
    pid_t pid = childStart(CHILD_WAITS);
    unsigned long long start = 0;
    pid_t tid = 0;
    GThread *thread;

    /* another process has the number now */
    g_assert_cmpint(virProcessGetStartTime(pid, &start), ==, 0);
    assertNotOpened(pid, start + 1, ESRCH);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    reap(pid, SIGKILL);
    assertNotOpened(pid, 0, ESRCH);
    assertNotOpened(pid, start, ESRCH);

    assertNotOpened(0, 0, EINVAL);
    assertNotOpened(-1, 0, EINVAL);

    /* a thread has it */
    thread = g_thread_new("tid", threadRun, &tid);
    g_thread_join(thread);
    g_assert_cmpint(tid, !=, 0);
}

static void
testNoPidfd(void)
{
    g_assert_cmpint(qbjHostProcessEnd(-1, 10, 20), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/host/process/terminate", testTerminate);
    g_test_add_func("/host/process/kill", testKill);
    g_test_add_func("/host/process/stopped", testStopped);
    g_test_add_func("/host/process/grandchild", testGrandchild);
    g_test_add_func("/host/process/zombie", testZombie);
    g_test_add_func("/host/process/refused", testRefused);
    g_test_add_func("/host/process/no-pidfd", testNoPidfd);
    return g_test_run();
}
