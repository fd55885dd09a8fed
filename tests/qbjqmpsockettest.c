/* The monitor's unix socket. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "qmpfixture.h"
#include "qmp_socket.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static void
assertFailed(int fd, int code, int errnum)
{
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    if (code == VIR_ERR_SYSTEM_ERROR)
        g_assert_cmpint(virGetLastError()->int1, ==, errnum);
    virResetLastError();
}

static void
assertMode(const char *path, unsigned int mode)
{
    struct stat st;

    g_assert_cmpint(lstat(path, &st), ==, 0);
    g_assert_true(S_ISSOCK(st.st_mode));
    g_assert_cmpuint(st.st_mode & 07777, ==, mode);
}

static void
testBothEnds(void)
{
    g_autofree char *path = g_build_filename(folder, "monitor.sock", NULL);
    VIR_AUTOCLOSE listening = qbjQmpListenUnix(path, 0660);
    VIR_AUTOCLOSE client = -1;
    VIR_AUTOCLOSE served = -1;

    g_assert_cmpint(listening, >=, 0);
    assertMode(path, 0660);
    g_assert_true(fcntl(listening, F_GETFD) & FD_CLOEXEC);

    /* at once, although nobody has called accept() */
    client = qbjQmpConnectUnix(path);
    g_assert_cmpint(client, >=, 0);
    g_assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
    g_assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
    served = accept(listening, NULL, NULL);
    g_assert_cmpint(served, >=, 0);
    g_assert_cmpint(send(served, "x", 1, 0), ==, 1);
    g_assert_cmpint(recv(client, &(char) { 0 }, 1, 0), ==, 1);
}

/* Who called listen() last, also after the one who made the socket: QEMU does that with ours. */
static void
testPeer(void)
{
    g_autofree char *path = g_build_filename(folder, "monitor.sock", NULL);
    VIR_AUTOCLOSE listening = qbjQmpListenUnix(path, 0600);
    VIR_AUTOCLOSE client = qbjQmpConnectUnix(path);
    VIR_AUTOCLOSE again = -1;
    pid_t child;

    g_assert_cmpint(qbjQmpSocketPeer(client), ==, getpid());
    if ((child = fork()) == 0)
        _exit(listen(listening, 1) < 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    again = qbjQmpConnectUnix(path);
    g_assert_cmpint(qbjQmpSocketPeer(again), ==, child);
    g_assert_cmpint(qbjQmpSocketPeer(client), ==, getpid());

    g_assert_cmpint(qbjQmpSocketPeer(-1), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    virResetLastError();
}

static void
testQueueFull(void)
{
    g_autofree char *path = g_build_filename(folder, "monitor.sock", NULL);
    VIR_AUTOCLOSE listening = qbjQmpListenUnix(path, 0600);
    int fds[8];
    size_t n = 0;

    g_assert_cmpint(listening, >=, 0);
    /* a QEMU that accepts nobody: an error, not a wait */
    while (n < G_N_ELEMENTS(fds) && (fds[n] = qbjQmpConnectUnix(path)) >= 0)
        n++;
    g_assert_cmpuint(n, <, G_N_ELEMENTS(fds));
    assertFailed(fds[n], VIR_ERR_SYSTEM_ERROR, EAGAIN);
    while (n-- > 0)
        close(fds[n]);
}

static void
testStale(void)
{
    g_autofree char *path = g_build_filename(folder, "monitor.sock", NULL);
    VIR_AUTOCLOSE first = qbjQmpListenUnix(path, 0600);
    VIR_AUTOCLOSE second = -1;
    VIR_AUTOCLOSE client = -1;

    VIR_FORCE_CLOSE(first);
    assertFailed(qbjQmpConnectUnix(path), VIR_ERR_SYSTEM_ERROR, ECONNREFUSED);
    umask(077);
    second = qbjQmpListenUnix(path, 0666);
    umask(022);
    g_assert_cmpint(second, >=, 0);
    assertMode(path, 0666);
    client = qbjQmpConnectUnix(path);
    g_assert_cmpint(client, >=, 0);
}

static void
testRefused(void)
{
    g_autofree char *file = g_build_filename(folder, "file", NULL);
    g_autofree char *link = g_build_filename(folder, "link", NULL);
    g_autofree char *missing = g_build_filename(folder, "none", "monitor.sock", NULL);
    g_autofree char *letters = g_strnfill(108, 'x');
    g_autofree char *text = NULL;

    /* nobody loses a file by a wrong path, nor by a link */
    g_assert_true(g_file_set_contents(file, "text", -1, NULL));
    assertFailed(qbjQmpListenUnix(file, 0600), VIR_ERR_SYSTEM_ERROR, EEXIST);
    g_assert_cmpint(symlink(file, link), ==, 0);
    assertFailed(qbjQmpListenUnix(link, 0600), VIR_ERR_SYSTEM_ERROR, EEXIST);
    assertFailed(qbjQmpListenUnix(folder, 0600), VIR_ERR_SYSTEM_ERROR, EEXIST);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "text");

    assertFailed(qbjQmpListenUnix(missing, 0600), VIR_ERR_SYSTEM_ERROR, ENOENT);
    assertFailed(qbjQmpConnectUnix(missing), VIR_ERR_SYSTEM_ERROR, ENOENT);
    assertFailed(qbjQmpListenUnix(letters, 0600), VIR_ERR_OPERATION_FAILED, 0);
    assertFailed(qbjQmpConnectUnix(letters), VIR_ERR_OPERATION_FAILED, 0);
    assertFailed(qbjQmpConnectUnix(""), VIR_ERR_OPERATION_FAILED, 0);
}

/* 107 bytes and the NUL fill the address. */
static void
testLongestPath(void)
{
    g_autofree char *letters = g_strnfill(107 - strlen(folder) - 1, 'x');
    g_autofree char *path = g_build_filename(folder, letters, NULL);
    VIR_AUTOCLOSE listening = qbjQmpListenUnix(path, 0600);
    VIR_AUTOCLOSE client = qbjQmpConnectUnix(path);

    g_assert_cmpuint(strlen(path), ==, 107);
    g_assert_cmpint(listening, >=, 0);
    g_assert_cmpint(client, >=, 0);
}

/* The monitor reads the command byte by byte, as QEMU does; gives the descriptor that came with it. */
static int
readPassed(qmpFixture *fixture, GString *line)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    int fd = -1;
    char byte = '\0';

    while (byte != '\n') {
        struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room),
        };
        struct cmsghdr *header;

        g_assert_cmpint(recvmsg(fixture->peer, &message, 0), ==, 1);
        if ((header = CMSG_FIRSTHDR(&message))) {
            g_assert_cmpint(fd, ==, -1);
            g_assert_cmpuint(line->len, ==, 0);         /* with the first byte of the command, no other one */
            memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        }
        g_string_append_c(line, byte);
    }
    return fd;
}

static void
passFd(void *opaque)
{
    qmpFixture *fixture = opaque;

    g_assert_cmpint(qbjQmpPassFd(fixture->qmp, "name", fileno(stderr)), ==, 0);
}

static void
testPassFd(void)
{
    g_autoptr(qmpFixture) fixture = qmpFixtureNew(NULL);
    g_autoptr(GString) line = g_string_new(NULL);
    struct stat passed;
    struct stat own;
    virThread thread;
    int fd;

    /* before the capabilities it would go to another command */
    g_assert_cmpint(qbjQmpPassFd(fixture->qmp, "name", fileno(stderr)), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    virResetLastError();

    qmpFixtureGreet(fixture);
    g_assert_cmpint(virThreadCreate(&thread, true, passFd, fixture), ==, 0);
    fd = readPassed(fixture, line);
    g_assert_true(g_str_has_prefix(line->str, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"name\"}"));
    g_assert_true(fstat(fd, &passed) == 0 && fstat(fileno(stderr), &own) == 0);
    g_assert_true(passed.st_ino == own.st_ino && passed.st_dev == own.st_dev);
    close(fd);
    qmpPeerReturn(fixture, atoi(strstr(line->str, "id\":") + 4), "{}");
    virThreadJoin(&thread);
}

int
main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    umask(022);
    folder = g_dir_make_tmp("qbjsock-XXXXXX", NULL);
    g_assert_nonnull(folder);

    g_test_add_func("/qmp/socket/both-ends", testBothEnds);
    g_test_add_func("/qmp/socket/peer", testPeer);
    g_test_add_func("/qmp/socket/queue-full", testQueueFull);
    g_test_add_func("/qmp/socket/stale", testStale);
    g_test_add_func("/qmp/socket/refused", testRefused);
    g_test_add_func("/qmp/socket/longest-path", testLongestPath);
    g_test_add_func("/qmp/socket/pass-fd", testPassFd);
    rc = g_test_run();
    g_assert_cmpint(virFileDeleteTree(folder), ==, 0);
    g_free(folder);
    return rc;
}
