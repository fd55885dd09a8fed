/* For LD_PRELOAD, with crashcalls.c: ends or stops the process at a chosen step of what it does to files and
 * sockets, or has that step fail. With it any libvirtd, whatever its driver, dies at the same step each time,
 * however fast the machine is.
 *
 * The file that $QBJ_CRASH_FILE names says when, looked at before each step: WORD N SIGNAL SERIAL [HOW KIND
 * ERRNO]. The first monitor command with WORD is step 0; each rename, removal and fsync, and each monitor
 * command, adds one. It sends itself the signal, once, before step N + 1: with N = 0 the command with WORD is
 * the last that it has done, with N = -1 it is not sent. When WORD is "-", step 1 is the first that is seen
 * with the file there. The step is told in FILE.died. Without the file, or before WORD, nothing happens;
 * another SERIAL begins anew.
 *
 * HOW "after": as soon as step N + 1 is done; "-": before it. With any other it lives, only steps of KIND
 * count, and step N + 1
 *   fails      with ERRNO
 *   short      writes half
 *   full       writes half, and the next write of that thread fails with ERRNO
 *   refused    is a command that QEMU does not know
 *   cut        is a command after which the connection breaks, so that no answer comes
 *   no-connect is a command that finds the connection broken; the next attempt to connect fails with ERRNO
 *   hangs      is a command before which the QEMU that it is for is stopped
 *
 * Only libvirtd itself counts, and what it has forked for owners and rights: not QEMU, which it hands the
 * variables on to. */
#define _GNU_SOURCE
#include "crashpoint.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Also for processes that were forked. */
typedef struct {
    enum { WAITING, COUNTING, OVER } phase;
    long passed;
    int serial;
    bool connectToo;    /* the next connect() fails */
} Count;

static pthread_mutex_t stepLock = PTHREAD_MUTEX_INITIALIZER;
static Count *count;
static pid_t daemonPid;

/* The last step of this thread. */
static _Thread_local struct {
    long number;
    const char *what;
    char name[256];
    int nextError;      /* of the next write */
} last;

static _Thread_local char changed[65536];       /* a command instead of another */

typedef struct {
    char word[64], how[16], kind[16];
    long steps;
    int sig, serial, error;
} Wish;

__attribute__((constructor)) static void
begin(void)
{
    if (strcmp(program_invocation_short_name, "libvirtd") != 0)
        return;
    count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count != MAP_FAILED)
        daemonPid = getpid();
}

/* @kinds of it count in this process. */
static bool
counts(int kinds)
{
    return daemonPid && (daemonPid == getpid() || kinds & OWN);
}

/* One that was forked has one thread, and may have got a lock that nobody gives back. */
static bool
lockSteps(void)
{
    return daemonPid == getpid() && pthread_mutex_lock(&stepLock) == 0;
}

static void
unlockSteps(bool locked)
{
    if (locked)
        pthread_mutex_unlock(&stepLock);
}

static FILE *
openReally(const char *path, const char *mode)
{
    return ((__typeof__(&fopen)) dlsym(RTLD_NEXT, "fopen"))(path, mode);
}

static bool
isHow(const Wish *wish, const char *how)
{
    return strcmp(wish->how, how) == 0;
}

/* It is to live. */
static bool
failing(const Wish *wish)
{
    return wish->how[0] && !isHow(wish, "after");
}

/* Reads what is wanted; false: nothing. */
static bool
wanted(Wish *wish)
{
    const char *path = getenv("QBJ_CRASH_FILE");
    int before = errno;
    FILE *file = path ? openReally(path, "re") : NULL;
    int got = 0;

    memset(wish, 0, sizeof(*wish));
    if (file) {
        got = fscanf(file, "%63s %ld %d %d %15s %15s %d", wish->word, &wish->steps, &wish->sig, &wish->serial,
                     wish->how, wish->kind, &wish->error);
        fclose(file);
    }
    errno = before;
    if (isHow(wish, "-"))
        wish->how[0] = '\0';
    if (got >= 4 && count->serial != wish->serial)
        *count = (Count) { .serial = wish->serial };
    return got >= 4;
}

static void
tell(const char *what, const char *name)
{
    char path[4096];
    FILE *file;

    count->phase = OVER;
    snprintf(path, sizeof(path), "%s.died", getenv("QBJ_CRASH_FILE"));
    file = openReally(path, "we");
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

static int
kindsOf(const Wish *wish)
{
    static const struct { const char *name; int kinds; } all[] = {
        { "change", CHANGE }, { "command", COMMAND }, { "create", CREATE }, { "open", OPEN }, { "write", WRITE },
        { "own", OWN },
    };
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(wish->kind, all[i].name) == 0)
            return all[i].kinds;
    }
    return CHANGE | COMMAND;
}

/* Counts a step, and dies when it is the one after the last. True: that one is to go wrong, by @wish. */
static bool
passes(int kinds, const char *what, const char *name, Wish *wish)
{
    bool wrong = false;

    last.number = 0;
    if (!counts(kinds) || !wanted(wish) || count->phase == OVER)
        return false;
    if (strcmp(wish->word, "-") == 0)
        count->phase = COUNTING;
    if (count->phase != COUNTING || !(kinds & kindsOf(wish)))
        return false;
    last.number = ++count->passed;
    last.what = what;
    snprintf(last.name, sizeof(last.name), "%s", name);
    wrong = failing(wish) && count->passed == wish->steps + 1;
    if (wrong)
        tell(what, name);
    else if (count->passed > wish->steps && !wish->how[0])
        die(what, name, wish->sig);
    return wrong;
}

bool
step(int kinds, const char *what, const char *name)
{
    bool locked, wrong;
    Wish wish;

    if (!counts(kinds))
        return false;
    locked = lockSteps();
    wrong = passes(kinds, what, name, &wish);
    unlockSteps(locked);
    if (wrong)
        errno = wish.error;
    return wrong;
}

/* Dies when the step of this thread is the last. */
int
stepDone(int result)
{
    bool locked;
    Wish wish;

    if (!counts(CHANGE))
        return result;
    locked = lockSteps();
    if (last.number && wanted(&wish) && count->phase == COUNTING && isHow(&wish, "after") &&
        last.number > wish.steps)
        die(last.what, last.name, wish.sig);
    last.number = 0;
    unlockSteps(locked);
    return result;
}

static void
nameOf(int fd, char *name, size_t size)
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, name, size - 1);
    name[length > 0 ? length : 0] = '\0';
}

bool
fileStep(int kinds, const char *what, int fd)
{
    char name[4096];

    if (!counts(kinds))
        return false;
    nameOf(fd, name, sizeof(name));
    return step(kinds, what, name);
}

/* The daemon's own log says nothing of its work. */
static bool
isLog(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".log") == 0;
}

ssize_t
writeStep(int fd, size_t length)
{
    struct stat status;
    char name[4096];
    bool locked, wrong;
    Wish wish;

    if (!counts(WRITE) || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return length;
    nameOf(fd, name, sizeof(name));
    if (isLog(name))
        return length;
    if (last.nextError) {
        errno = last.nextError;
        last.nextError = 0;
        return -1;
    }
    locked = lockSteps();
    wrong = passes(WRITE, "write", name, &wish);
    unlockSteps(locked);
    if (!wrong)
        return length;
    if (isHow(&wish, "fails")) {
        errno = wish.error;
        return -1;
    }
    if (isHow(&wish, "full"))
        last.nextError = wish.error;
    return (length + 1) / 2;
}

bool
connectFails(void)
{
    bool locked, wrong;
    Wish wish;

    if (!counts(CHANGE))
        return false;
    locked = lockSteps();
    wrong = wanted(&wish) && count->connectToo;
    if (wrong)
        count->connectToo = false;
    unlockSteps(locked);
    if (wrong)
        errno = wish.error;
    return wrong;
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
    bool locked = lockSteps();
    Wish wish;

    if (wanted(&wish) && count->phase == WAITING && wish.steps < 0 &&
        memmem(data, length, wish.word, strlen(wish.word)))
        die("command", name, wish.sig);
    unlockSteps(locked);
}

/* The commands from @begin on, @length bytes of *@data, get names that QEMU does not know. */
static void
refuse(const char **data, const char *begin, size_t length)
{
    static const char mark[] = "\"execute\":\"";
    size_t offset = begin - *data;
    char *next = changed + offset;

    if (offset + length > sizeof(changed))
        return;
    memcpy(changed, *data, offset + length);
    while ((next = memmem(next, changed + offset + length - next, mark, sizeof(mark) - 1))) {
        next += sizeof(mark) - 1;
        *next = 'X';
    }
    *data = changed;
}

/* Whose socket the other end is, of a daemon in system mode; 0: nobody's. */
static int
qemuOf(int fd)
{
    struct sockaddr_un peer = { .sun_family = AF_UNIX };
    socklen_t length = sizeof(peer) - 1;
    char name[128], path[256];
    const char *folder;
    FILE *file = NULL;
    int pid = 0;

    if (getpeername(fd, (struct sockaddr *) &peer, &length) == 0 && peer.sun_family == AF_UNIX &&
        (folder = strstr(peer.sun_path, "/domain-")) && sscanf(folder, "/domain-%*d-%127[^/]", name) == 1) {
        snprintf(path, sizeof(path), "/run/libvirt/qemu/%s.pid", name);
        file = openReally(path, "re");
    }
    if (file) {
        if (fscanf(file, "%d", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    return pid;
}

bool
commandStep(int fd, const char **data, size_t length, bool *cut)
{
    const char *begin = counts(COMMAND) ? command(fd, *data, length) : NULL;
    bool locked, wrong;
    char name[128];
    Wish wish;
    int qemu;

    *cut = false;
    if (!begin)
        return true;
    length = *data + length - begin;
    snprintf(name, sizeof(name), "%.*s", (int) (length < 100 ? length : 100), begin);
    name[strcspn(name, ",\r\n")] = '\0';
    neverSent(begin, length, name);
    locked = lockSteps();
    wrong = passes(COMMAND, "command", name, &wish);
    if (wrong)
        count->connectToo = isHow(&wish, "no-connect");
    unlockSteps(locked);
    if (!wrong)
        return true;
    if (isHow(&wish, "refused"))
        refuse(data, begin, length);
    else if (isHow(&wish, "hangs") && (qemu = qemuOf(fd)) > 1)
        kill(qemu, SIGSTOP);
    *cut = isHow(&wish, "cut");
    errno = isHow(&wish, "fails") ? wish.error : EPIPE;
    return !(isHow(&wish, "fails") || isHow(&wish, "no-connect"));
}

void
commandDone(int fd, const char *data, ssize_t length, bool cut)
{
    bool locked;
    Wish wish;

    if (length <= 0 || !counts(COMMAND) || !command(fd, data, length))
        return;
    if (cut)
        shutdown(fd, SHUT_RDWR);
    stepDone(0);
    locked = lockSteps();
    if (wanted(&wish) && count->phase == WAITING && memmem(data, length, wish.word, strlen(wish.word)))
        count->phase = COUNTING;
    unlockSteps(locked);
}
