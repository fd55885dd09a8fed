/* For LD_PRELOAD: ends or stops the process at a chosen step of what it does to files and sockets. With it
 * any libvirtd, whatever its driver, dies at the same step each time, however fast the machine is.
 *
 * The file that $QBJ_CRASH_FILE names says when, looked at before each step: WORD N SIGNAL [HOW]. The first
 * monitor command with WORD is step 0; each rename, removal and fsync, and each monitor command, adds one. It
 * sends itself the signal, once, before step N + 1: with N = 0 the command with WORD is the last that it has
 * done, with N = -1 it is not sent. HOW "after": as soon as step N + 1 is done; "fails": it lives, and that
 * step fails with EIO, where commands do not count. When WORD is "-", step 1 is the first that is seen with
 * the file there. The step is told in FILE.died. Without the file, or before WORD, nothing happens.
 *
 * Only libvirtd itself counts: not what it has forked, and not QEMU, which it hands the variables on to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t stepLock = PTHREAD_MUTEX_INITIALIZER;
static enum { WAITING, COUNTING, OVER } phase;
static long passed;
static pid_t daemonPid;

/* The last step of this thread. */
static _Thread_local struct {
    long number;
    const char *what;
    char name[256];
} last;

typedef struct {
    char word[64], how[8];
    long steps;
    int sig;
} Wish;

__attribute__((constructor)) static void
begin(void)
{
    if (strcmp(program_invocation_short_name, "libvirtd") == 0)
        daemonPid = getpid();
}

/* Reads what is wanted; false: nothing. */
static bool
wanted(Wish *wish)
{
    const char *path = daemonPid == getpid() ? getenv("QBJ_CRASH_FILE") : NULL;
    int before = errno;
    FILE *file = path ? fopen(path, "re") : NULL;
    int got = 0;

    wish->how[0] = '\0';
    if (file) {
        got = fscanf(file, "%63s %ld %d %7s", wish->word, &wish->steps, &wish->sig, wish->how);
        fclose(file);
    }
    errno = before;
    return got >= 3;
}

static void
tell(const char *what, const char *name)
{
    char path[4096];
    FILE *file;

    phase = OVER;
    snprintf(path, sizeof(path), "%s.died", getenv("QBJ_CRASH_FILE"));
    file = fopen(path, "we");
    if (file) {
        fprintf(file, "%s %s\n", what, name);
        fclose(file);
    }
}

static void
die(const char *what, const char *name, int sig)
{
    tell(what, name);
    kill(getpid(), sig);
}

/* Counts a step, and dies when it is the one after the last. True: that one is to fail instead. */
static bool
step(const char *what, const char *name)
{
    bool fails = false, failing;
    Wish wish;

    pthread_mutex_lock(&stepLock);
    last.number = 0;
    if (phase != OVER && wanted(&wish)) {
        if (strcmp(wish.word, "-") == 0)
            phase = COUNTING;
        failing = strcmp(wish.how, "fails") == 0;
        if (phase == COUNTING && !(failing && strcmp(what, "command") == 0)) {
            last.number = ++passed;
            last.what = what;
            snprintf(last.name, sizeof(last.name), "%s", name);
            fails = failing && passed == wish.steps + 1;
            if (fails)
                tell(what, name);
            else if (passed > wish.steps && !wish.how[0])
                die(what, name, wish.sig);
        }
    }
    pthread_mutex_unlock(&stepLock);
    if (fails)
        errno = EIO;
    return fails;
}

/* Dies when the step of this thread is the last. Returns the @result of what was done. */
static int
stepDone(int result)
{
    Wish wish;

    pthread_mutex_lock(&stepLock);
    if (phase == COUNTING && last.number && wanted(&wish) && strcmp(wish.how, "after") == 0 &&
        last.number > wish.steps)
        die(last.what, last.name, wish.sig);
    last.number = 0;
    pthread_mutex_unlock(&stepLock);
    return result;
}

static bool
fileStep(const char *what, int fd)
{
    char link[64], name[4096];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, name, sizeof(name) - 1);
    name[length > 0 ? length : 0] = '\0';
    return step(what, name);
}

/* Of a monitor command in @data; NULL: there is none. What is written into files may hold some as well. */
static const char *
command(int fd, const char *data, size_t length)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? memmem(data, length, "\"execute\"", 9) : NULL;
}

/* Dies before the first command with WORD. */
static void
neverSent(const char *data, size_t length, const char *name)
{
    Wish wish;

    pthread_mutex_lock(&stepLock);
    if (phase == WAITING && wanted(&wish) && wish.steps < 0 && memmem(data, length, wish.word, strlen(wish.word)))
        die("command", name, wish.sig);
    pthread_mutex_unlock(&stepLock);
}

static void
commandStep(int fd, const char *data, size_t length)
{
    const char *begin = command(fd, data, length);
    char name[128];

    if (!begin)
        return;
    length = data + length - begin;
    snprintf(name, sizeof(name), "%.*s", (int) (length < 100 ? length : 100), begin);
    name[strcspn(name, ",\r\n")] = '\0';
    neverSent(begin, length, name);
    step("command", name);
}

/* After @data has been written. */
static void
written(int fd, const char *data, ssize_t length)
{
    Wish wish;

    if (length <= 0 || phase == OVER || !command(fd, data, length))
        return;
    stepDone(0);
    if (phase != WAITING || !wanted(&wish) || !memmem(data, length, wish.word, strlen(wish.word)))
        return;
    pthread_mutex_lock(&stepLock);
    phase = COUNTING;
    pthread_mutex_unlock(&stepLock);
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

ssize_t
write(int fd, const void *data, size_t length)
{
    ssize_t done;

    commandStep(fd, data, length);
    done = NEXT(write)(fd, data, length);
    written(fd, data, done);
    return done;
}

ssize_t
send(int fd, const void *data, size_t length, int flags)
{
    ssize_t done;

    commandStep(fd, data, length);
    done = NEXT(send)(fd, data, length, flags);
    written(fd, data, done);
    return done;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t done;

    if (message->msg_iovlen)
        commandStep(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
    done = NEXT(sendmsg)(fd, message, flags);
    if (message->msg_iovlen)
        written(fd, message->msg_iov[0].iov_base, done);
    return done;
}

int
rename(const char *from, const char *to)
{
    if (step("rename", to))
        return -1;
    return stepDone(NEXT(rename)(from, to));
}

int
renameat(int fromFolder, const char *from, int toFolder, const char *to)
{
    if (step("rename", to))
        return -1;
    return stepDone(NEXT(renameat)(fromFolder, from, toFolder, to));
}

int
unlink(const char *path)
{
    if (step("unlink", path))
        return -1;
    return stepDone(NEXT(unlink)(path));
}

int
unlinkat(int folder, const char *path, int flags)
{
    if (step("unlink", path))
        return -1;
    return stepDone(NEXT(unlinkat)(folder, path, flags));
}

int
fsync(int fd)
{
    if (fileStep("fsync", fd))
        return -1;
    return stepDone(NEXT(fsync)(fd));
}

int
fdatasync(int fd)
{
    if (fileStep("fdatasync", fd))
        return -1;
    return stepDone(NEXT(fdatasync)(fd));
}
