/* Each save of each kind of block job fails once, or the daemon dies there, at every pass in turn
 * (virqbjfault.h); and QEMU refuses a command. Whatever happens: the definitions name the old chain or the
 * new one, all data is in what the persistent definition names, the disk takes the next job, and nothing is
 * left behind. TAP output; each line is one kind of fault on one kind of job, all its passes.
 *
 * Every pass is a process of its own, this program again, with QBJ_FAULT in its environment. A process that
 * is to die leaves its QEMU alive for the next one, which recovers; or QEMU is killed as well ("gone").
 * sweepchild.h tells what such a process says.
 *
 * QBJ_SWEEP_POINTS in the environment gives other points: those of virqbjfault.h, or gone-POINT, where QEMU
 * is killed too. QBJ_SWEEP_STEP goes only to each N-th pass. */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"
#include "sweepchild.h"

#define PASSES_MAX 200

static const char *const kindNames[] = { "active commit and pivot", "intermediate commit", "active commit and abort",
                                         "pull", "rebase", "copy and pivot",
                                         "pivot of a guest that stops" };

static const char *self;

typedef struct _Tally Tally;
struct _Tally {
    unsigned int hits;
    unsigned int old;
    unsigned int new;
    unsigned int bad;
};

/* Returns the wait status; @out is appended. @fault NULL: none. */
static int
childSpawn(const char *root, const char *what, const char *name, sweepKind kind, const char *fault,
           GString *out, bool *hit)
{
    g_autofree char *words = g_strdup_printf("%s\n%s\n%s\n%s\n%d", self, what, root, name, kind);
    g_auto(GStrv) argv = NULL;
    g_auto(GStrv) env = g_get_environ();
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    int status = -1;

    argv = g_strsplit(words, "\n", 0);
    env = fault ? g_environ_setenv(env, "QBJ_FAULT", fault, TRUE) : g_environ_unsetenv(env, "QBJ_FAULT");
    env = g_environ_setenv(env, "LIBVIRT_LOG_OUTPUTS", "3:stderr", TRUE);
    if (!g_spawn_sync(NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors, &status, NULL))
        return -1;
    g_string_append(out, output);
    *hit = strstr(errors, "fault at") || (WIFEXITED(status) && WEXITSTATUS(status) == 9);
    if (strstr(output, "bad ") || !WIFEXITED(status))
        printf("# %s\n", g_strdelimit(errors, "\n", '|'));
    return status;
}

/* Ends the QEMU of @name by its pid file, if it is there, as a power cut would. */
static void
qemuKill(const char *root, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/run/qemu/%s.pid", root, name);
    g_autofree char *text = NULL;
    g_autofree char *link = NULL;
    g_autofree char *exe = NULL;
    pid_t pid;
    int tries;

    if (!g_file_get_contents(path, &text, NULL, NULL) || (pid = atoi(text)) <= 1)
        return;
    link = g_strdup_printf("/proc/%d/exe", pid);
    if (!(exe = g_file_read_link(link, NULL)) || !strstr(exe, "qemu"))
        return;
    kill(pid, SIGKILL);
    for (tries = 0; tries < 500 && g_file_test(link, G_FILE_TEST_EXISTS); tries++)
        g_usleep(10000);
}

/* All that was written is in image @top: each layer's MiB, and what the device wrote. */
static bool
dataThere(const char *images, char top, const char *output)
{
    g_autofree char *path = g_strdup_printf("%s/disk.%c", images, top);
    g_autoptr(GString) command = g_string_new("qemu-io -r -f qcow2");
    g_autofree char *quoted = g_shell_quote(path);
    const char *next;
    unsigned int i;

    for (i = 0; i < SWEEP_LAYERS; i++)
        g_string_append_printf(command, " -c 'read -q -P %u %uM 1M'", i + 1, i);
    for (next = output; (next = strstr(next, "wrote ")); next++)
        g_string_append_printf(command, " -c 'read -q -P %d %dM 1M'", atoi(next + 6), atoi(next + 6));
    g_string_append_printf(command, " %s", quoted);
    return embedRun("sh", "-c", command->str, NULL);
}

static bool
leftBehind(const char *root, const char *name)
{
    g_autofree char *command = g_strdup_printf("! find '%s/etc' '%s/run' -name '%s*' -o -name '.qbj-*' | grep -q .",
                                               root, root, name);

    return !embedRun("sh", "-c", command, NULL);
}

static void
complain(Tally *tally, const char *fault, const char *what)
{
    printf("# %s: %s\n", fault, what);
    tally->bad++;
}

static void
judge(Tally *tally, const char *root, const char *name, const char *fault, const char *output)
{
    g_autofree char *images = g_build_filename(root, name, NULL);
    const char *top = strstr(output, "top ");
    const char *end = strstr(output, "end ");
    const char *wrong;

    for (wrong = output; (wrong = strstr(wrong, "bad ")); wrong++) {
        g_autofree char *line = g_strndup(wrong, strcspn(wrong, "\n"));
        complain(tally, fault, line);
    }
    if (end)
        *(end[4] == '1' ? &tally->new : &tally->old) += 1;
    if (!top)
        complain(tally, fault, "no end was reached");
    else if (top[4] != '-' && !dataThere(images, top[4], output))
        complain(tally, fault, "data is not there through the chain that the persistent definition names");
    if (leftBehind(root, name))
        complain(tally, fault, "files are left behind");
}

/* One kind of fault on one kind of job, in a thread and a root folder of its own. */
typedef struct _Sweep Sweep;
struct _Sweep {
    sweepKind kind;
    const char *point;
    bool gone;
    unsigned int step;
    char *root;
    GThread *thread;
    Tally tally;
    bool ended;         /* there was a pass that did not meet the fault */
    double seconds;
};

/* The process that goes on where the first one died. */
static void
sweepRecover(Sweep *sweep, const char *name, const char *fault, GString *output)
{
    /* what was to be destroyed has to go by itself, and what has gone has to be seen as such */
    const char *what = sweep->gone ? "recover-gone" : strstr(output->str, "destroying") ? "recover-end" : "recover";
    bool again;

    if (sweep->gone)
        qemuKill(sweep->root, name);
    g_string_append_c(output, '\n');
    if (childSpawn(sweep->root, what, name, sweep->kind, NULL, output, &again) != 0)
        complain(&sweep->tally, fault, "the recovering process did not end well");
}

/* One pass; false when the fault was not met. */
static bool
sweepPass(Sweep *sweep, unsigned int pass)
{
    g_autofree char *name = g_strdup_printf("sweep-%u-", pass);
    g_autofree char *images = g_build_filename(sweep->root, name, NULL);
    g_autofree char *fault = g_strdup_printf("%s:%u", sweep->point, pass);
    g_autoptr(GString) output = g_string_new(NULL);
    bool hit = false;
    int status;

    if (!embedRun("cp", "-a", embedImageDir, images, NULL)) {
        complain(&sweep->tally, fault, "the images cannot be copied");
        return false;
    }
    status = childSpawn(sweep->root, "run", name, sweep->kind, fault, output, &hit);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
        sweepRecover(sweep, name, fault, output);
    else if (status != 0)
        complain(&sweep->tally, fault, "the process did not end well");
    sweep->tally.hits += hit;
    judge(&sweep->tally, sweep->root, name, fault, output->str);
    qemuKill(sweep->root, name);
    if (sweep->tally.bad == 0)
        embedRun("rm", "-rf", images, NULL);
    return hit;
}

static void *
sweepRun(void *opaque)
{
    Sweep *sweep = opaque;
    const char *wanted = getenv("QBJ_SWEEP_STEP");
    unsigned int step = wanted ? (unsigned int) MAX(atoi(wanted), 1) : sweep->step;
    gint64 start = g_get_monotonic_time();
    unsigned int pass;

    for (pass = 1; pass < PASSES_MAX && !sweep->ended; pass += step)
        sweep->ended = !sweepPass(sweep, pass);
    sweep->seconds = (g_get_monotonic_time() - start) / 1e6;
    return NULL;
}

static void
sweepEnd(Sweep *sweep)
{
    const Tally *tally = &sweep->tally;
    g_autofree char *what = NULL;

    g_thread_join(sweep->thread);
    what = g_strdup_printf("%s, %s%s: %u faults, old %u, new %u", kindNames[sweep->kind], sweep->point,
                           sweep->gone ? " and QEMU gone" : "", tally->hits, tally->old, tally->new);
    /* the last pass is the one without a fault: it has to be what was asked for */
    CHECK(tally->bad == 0 && sweep->ended && tally->hits > 0 &&
          (sweep->kind == SWEEP_KIND_ABORT ? tally->new == 0 : tally->new > 0), what);
    printf("# %.1f s\n", sweep->seconds);
    fflush(stdout);
}

/* libvirt allows one process in a root folder. */
static char *
rootMake(const char *point, bool gone, sweepKind kind)
{
    g_autofree char *conf = NULL;
    g_autofree char *top = g_steal_pointer(&embedRootDir);
    char *root;

    embedRootDir = g_strdup_printf("%s/%s-%s-%d", top, point, gone ? "gone" : "alive", kind);
    g_mkdir_with_parents(embedRootDir, 0711);
    embedRootPrepare();
    conf = g_strdup_printf("echo blockjob_pivot_stop_guest = 1 >> '%s/etc/qemu.conf'", embedRootDir);
    if (kind == SWEEP_KIND_STOPPED)
        embedRun("sh", "-c", conf, NULL);
    root = embedRootDir;
    embedRootDir = g_steal_pointer(&top);
    return root;
}

/* Kinds from @first to @last. */
static void
sweepPoint(const char *point, bool gone, sweepKind first, sweepKind last)
{
    Sweep sweeps[SWEEP_KIND_LAST] = { 0 };
    sweepKind kind;

    for (kind = first; kind <= last; kind++) {
        sweeps[kind].kind = kind;
        sweeps[kind].point = point;
        sweeps[kind].gone = gone;
        /* to save time; three in a row are one batch of nodes that go */
        sweeps[kind].step = STREQ(point, "die-hold") ? 1 : gone ? 2 : STREQ(point, "qmp-error") ? 3 : 1;
        sweeps[kind].root = rootMake(point, gone, kind);
        sweeps[kind].thread = g_thread_new("sweep", sweepRun, &sweeps[kind]);
    }
    for (kind = first; kind <= last; kind++) {
        sweepEnd(&sweeps[kind]);
        g_free(sweeps[kind].root);
    }
}

static void
sweepAll(void)
{
    const char *wanted = getenv("QBJ_SWEEP_POINTS");
    g_auto(GStrv) points = g_strsplit(wanted ? wanted : "save,die-save,gone-save,queue,qmp-error,die-hold,gone-hold",
                                       ",", 0);
    size_t i;

    for (i = 0; points[i]; i++) {
        bool gone = STRPREFIX(points[i], "gone-");
        g_autofree char *point = gone ? g_strdup_printf("die-%s", points[i] + strlen("gone-")) : g_strdup(points[i]);

        /* "hold" is around stop and cont */
        if (STREQ(point, "die-hold"))
            sweepPoint(point, gone, SWEEP_KIND_STOPPED, SWEEP_KIND_STOPPED);
        else
            sweepPoint(point, gone, SWEEP_KIND_PIVOT, SWEEP_KIND_COPY);
    }
}

int
main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 5)
        return sweepChildMain(argv);
#ifndef QBJ_DEBUG_CHECKS
    printf("1..0 # SKIP needs -Ddebug_checks=true\n");
    return 0;
#endif

    virInitialize();
    embedBegin("qbj-sweep-XXXXXX", "template");
    if (CHECK(embedImagesMake(SWEEP_LAYERS), "images"))
        sweepAll();
    return embedEnd();
}
