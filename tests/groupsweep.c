#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"
#include "groupfixture.h"
#include "groupsweep.h"

#define PIVOT VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
#define PASSES_MAX 100

static const char *self;

/* ---- one process ---- */

static void
say(const char *what, virDomainPtr domain)
{
    g_autofree char *a = domain ? groupChain(domain, "vda", 0) : NULL;
    g_autofree char *b = domain ? groupChain(domain, "vdb", 0) : NULL;

    printf("%s (%s| %s; last error: %s)\n", what, a ? a : "- ", b ? b : "- ", virGetLastErrorMessage());
    fflush(stdout);
}

/* What is left after a fault is given up, by disk. */
static void
childEnd(virDomainPtr domain)
{
    int tries;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(groupTargets); i++) {
        virDomainBlockJobInfo info;

        for (tries = 0; tries < 1000 && virDomainGetBlockJobInfo(domain, groupTargets[i], &info, 0) == 1; tries++) {
            ignore_value(virDomainBlockJobAbort(domain, groupTargets[i], 0));
            g_usleep(20000);
        }
        if (tries == 1000)
            say("bad: the job does not end", domain);
    }
    if (groupBothAre(domain, GROUP_NEW, "0 "))
        say("end new", domain);
    else if (groupBothAre(domain, GROUP_OLD, "2 "))
        say("end old", domain);
    else
        say("bad: neither old nor new", domain);
    if (!groupDeviceWrite(domain, 0, 21) || !groupDeviceWrite(domain, 1, 22))
        say("bad: the guest cannot write", domain);
    for (i = 0; i < G_N_ELEMENTS(groupTargets); i++) {
        if (virDomainBlockPull(domain, groupTargets[i], 0, 0) < 0 || !groupJobWait(domain, groupTargets[i], false))
            say("bad: the disk does not take the next job", domain);
    }
    ignore_value(virDomainDestroy(domain));
}

static void
childRun(virConnectPtr conn, const char *name, const char *fault)
{
    g_autofree char *xml = groupDomainXML(name);
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (!domain || virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) < 0 ||
        groupCommit(domain, "vda", 0) < 0 || groupCommit(domain, "vdb", 0) < 0 ||
        !embedEventWait("bj2:vda:4:3 ") || !embedEventWait("bj2:vdb:4:3 ") ||
        !groupDeviceWrite(domain, 0, 20) || !groupDeviceWrite(domain, 1, 19)) {
        say("bad: start", domain);
        return;
    }
    embedFault(fault);
    if (groupOf(domain, "vda", "vdb") == 0)
        ignore_value(virDomainBlockJobAbort(domain, "vdb", PIVOT));
    embedFault(NULL);
    childEnd(domain);
    virDomainFree(domain);
}

/* What another process left when it died. */
static void
childRecover(virConnectPtr conn, const char *name, bool gone)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);

    if (!domain) {
        say("bad: the domain is forgotten", NULL);
    } else if (virDomainIsActive(domain) == 1) {
        childEnd(domain);
    } else if (!gone) {
        say("bad: the guest was killed", domain);
    } else {
        say(groupBothAre(domain, "0 ", "0 ") ? "end new" : groupBothAre(domain, "2 ", "2 ") ? "end old" :
            "bad: neither old nor new", domain);
    }
    virDomainFree(domain);
}

int
groupSweepChild(char **argv)
{
    virConnectPtr conn;

    embedRootDir = g_strdup(argv[2]);
    embedImageDir = g_build_filename(embedRootDir, argv[3], NULL);
    if (!(conn = embedOpen())) {
        say("bad: open", NULL);
        return 1;
    }
    embedEventRegister(conn);
    if (STREQ(argv[1], "run"))
        childRun(conn, argv[3], argv[4]);
    else
        childRecover(conn, argv[3], STREQ(argv[1], "recover-gone"));
    embedEventDeregister(conn);
    if (!embedClose(conn))
        say("bad: cleanup", NULL);
    return 0;
}

/* ---- all passes ---- */

typedef struct _Sweep Sweep;
struct _Sweep {
    const char *point;
    bool gone;                  /* QEMU dies with the daemon */
    unsigned int step;          /* to save time; QBJ_SWEEP_STEP=1 in the environment goes to each pass */
    char *root;
    GThread *thread;
    unsigned int faults, old, new, bad;
    bool ended;                 /* there was a pass that did not meet the fault */
};

/* Returns the wait status; @hit: whether the fault was met. */
static int
childSpawn(const Sweep *sweep, const char *what, const char *name, const char *fault, GString *out, bool *hit)
{
    g_autofree char *words = g_strjoin("\n", self, what, sweep->root, name, fault, NULL);
    g_auto(GStrv) argv = g_strsplit(words, "\n", 0);
    g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "LIBVIRT_LOG_OUTPUTS", "3:stderr", TRUE);
    g_autofree char *faults = g_build_filename(sweep->root, "faults", NULL);
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    int status = -1;

    env = g_environ_setenv(env, "QBJ_FAULT_FILE", faults, TRUE);
    if (!g_spawn_sync(NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors, &status, NULL))
        return -1;
    g_string_append(out, output);
    *hit = strstr(errors, "fault at") || (WIFEXITED(status) && WEXITSTATUS(status) == 9);
    unlink(faults);
    return status;
}

static void
qemuKill(const char *root, const char *name)
{
    g_autofree char *command = g_strdup_printf("test ! -e '%s/run/qemu/%s.pid' || kill -9 $(cat '%s/run/qemu/%s.pid')",
                                               root, name, root, name);

    embedRun("sh", "-c", command, NULL);
}

/* All that was written is in image @top of @target. */
static bool
dataThere(const char *images, const char *target, unsigned int top, unsigned int mib)
{
    g_autofree char *command = g_strdup_printf("qemu-io -r -f qcow2 -c 'read -q -P 1 0M 1M' -c 'read -q -P 2 1M 1M' "
                                               "-c 'read -q -P 3 2M 1M' -c 'read -q -P %u %uM 1M' '%s/%s/disk.%u'",
                                               mib, mib, images, target, top);

    return embedRun("sh", "-c", command, NULL);
}

static void
judge(Sweep *sweep, const char *name, const char *fault, const char *output)
{
    g_autofree char *images = g_build_filename(sweep->root, name, NULL);
    unsigned int top = strstr(output, "end new") ? 0 : GROUP_LAYERS - 1;

    sweep->new += top == 0;
    sweep->old += strstr(output, "end old") != NULL;
    if ((strstr(output, "end new") || strstr(output, "end old")) && !strstr(output, "bad") &&
        dataThere(images, "vda", top, 20) && dataThere(images, "vdb", top, 19))
        return;
    printf("# %s: %s\n", fault, output);
    sweep->bad++;
}

/* False when the fault was not met. */
static bool
sweepPass(Sweep *sweep, unsigned int pass)
{
    g_autofree char *name = g_strdup_printf("group-%u", pass);
    g_autofree char *images = g_build_filename(sweep->root, name, NULL);
    g_autofree char *fault = g_strdup_printf("%s:%u", sweep->point, pass);
    g_autoptr(GString) output = g_string_new(NULL);
    bool hit = false, again;
    int status;

    if (!embedRun("cp", "-a", embedImageDir, images, NULL))
        return false;
    status = childSpawn(sweep, "run", name, fault, output, &hit);
    if (sweep->gone)
        qemuKill(sweep->root, name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9) {
        g_string_truncate(output, 0);
        status = childSpawn(sweep, sweep->gone ? "recover-gone" : "recover", name, "-", output, &again);
    }
    if (status != 0)
        g_string_append(output, "bad: the process did not end well\n");
    sweep->faults += hit;
    judge(sweep, name, fault, output->str);
    qemuKill(sweep->root, name);
    return hit;
}

static void *
sweepRun(void *opaque)
{
    Sweep *sweep = opaque;
    const char *wanted = getenv("QBJ_SWEEP_STEP");
    unsigned int step = wanted ? (unsigned int) MAX(atoi(wanted), 1) : sweep->step;
    unsigned int pass;

    for (pass = 1; pass < PASSES_MAX && !sweep->ended; pass += step)
        sweep->ended = !sweepPass(sweep, pass);
    return NULL;
}

void
groupSweep(const char *program)
{
    Sweep sweeps[] = {
        { .point = "save", .step = 1 }, { .point = "qmp-error", .step = 3 },
        { .point = "die-save", .step = 1 }, { .point = "die-save", .step = 1, .gone = true },
        { .point = "die-qmp-send", .step = 2 }, { .point = "die-qmp-send", .step = 2, .gone = true },
    };
    g_autofree char *top = g_strdup(embedRootDir);
    size_t i;

    self = program;
    for (i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        /* libvirt allows one process in a root folder */
        g_free(embedRootDir);
        embedRootDir = g_strdup_printf("%s/%zu", top, i);
        g_mkdir_with_parents(embedRootDir, 0711);
        embedRootPrepare();
        sweeps[i].root = g_strdup(embedRootDir);
        sweeps[i].thread = g_thread_new("sweep", sweepRun, &sweeps[i]);
    }
    g_free(embedRootDir);
    embedRootDir = g_steal_pointer(&top);
    for (i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        g_autofree char *what = NULL;

        g_thread_join(sweeps[i].thread);
        what = g_strdup_printf("%s%s: %u faults, old %u, new %u", sweeps[i].point,
                               sweeps[i].gone ? " and QEMU gone" : "", sweeps[i].faults, sweeps[i].old, sweeps[i].new);
        CHECK(sweeps[i].bad == 0 && sweeps[i].ended && sweeps[i].faults > 0 && sweeps[i].old > 0 && sweeps[i].new > 0,
              what);
        g_free(sweeps[i].root);
    }
}
