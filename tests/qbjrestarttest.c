/* A block job ends while the persistent definition cannot be saved, the status file is saved for another
 * reason, and then the daemon dies: the next one has to settle both definitions all the same. And a record
 * that cannot be understood any more: the job is ended, as old. And calls that come before the new daemon has
 * connected the monitor. TAP output.
 *
 * libvirt allows one embedded driver in a process, so the daemon that dies is this program again. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LAYERS 4
#define TOP (LAYERS - 1)
#define BASE 1

static bool
monitor(virDomainPtr domain, const char *execute)
{
    g_autofree char *text = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":{\"id\":"
                                            "\"commit-vda-libvirt-1-format\"}}", execute);
    char *reply = NULL;
    bool done = virDomainQemuMonitorCommand(domain, text, &reply, 0) == 0 && strstr(reply, "return");

    free(reply);
    return done;
}

static bool
move(const char *from, const char *to)
{
    g_autofree char *oldPath = g_build_filename(embedRootDir, "etc", from, NULL);
    g_autofree char *newPath = g_build_filename(embedRootDir, "etc", to, NULL);

    return rename(oldPath, newPath) == 0;
}

static bool
fileHas(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("%s/%s/qemu/%s.xml", embedRootDir, folder, name);
    g_autofree char *content = NULL;

    return g_file_get_contents(path, &content, NULL, NULL) && strstr(content, text);
}

/* The image's <source>: its bare path could be a part of another one's. */
static char *
sourceOf(unsigned int n)
{
    g_autofree char *path = embedImagePath(n);

    return g_strdup_printf("<source file='%s'", path);
}

/* The whole chain is stated, so that it can be told whether the definition follows the job. */
static char *
statedXML(const char *name)
{
    g_autofree char *plain = embedDomainXML(name, TOP);
    g_autoptr(GString) chain = g_string_new(NULL);
    char *target = strstr(plain, "<target");
    int n;

    for (n = TOP - 1; n >= 0; n--) {
        g_autofree char *source = sourceOf(n);
        g_string_append_printf(chain, "<backingStore type='file'><format type='qcow2'/>%s/>", source);
    }
    g_string_append(chain, "<backingStore/>");
    for (n = TOP - 1; n >= 0; n--)
        g_string_append(chain, "</backingStore>");
    return g_strdup_printf("%.*s%s%s", (int) (target - plain), plain, chain->str, target);
}

/* Its events are lost, and so is the question for them: the record stays behind. */
static bool
activeUnsaved(virDomainPtr domain)
{
    g_autofree char *base = embedImagePath(BASE);
    bool done = false;
    int tries;

    if (virDomainBlockCommit(domain, "vda", base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 ||
        !embedEventWait("bj2:vda:4:3 "))
        return false;
    embedFault("qmp-error:1+,queue:1+");
    if (move("qemu", "away") && monitor(domain, "job-complete")) {
        for (tries = 0; tries < 500 && !(done = monitor(domain, "job-finalize")); tries++)
            g_usleep(10000);
    }
    embedFault(NULL);
    return done;
}

static bool
intermediateUnsaved(virDomainPtr domain)
{
    g_autofree char *base = embedImagePath(BASE);
    g_autofree char *top = embedImagePath(TOP - 1);

    return move("qemu", "away") && virDomainBlockCommit(domain, "vda", base, top, 0, 0) == 0;
}

static bool
activeReady(virDomainPtr domain)
{
    g_autofree char *base = embedImagePath(BASE);

    return virDomainBlockCommit(domain, "vda", base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
        embedEventWait("bj2:vda:4:3 ");
}

/* The record names images that nobody knows: ours is gone, the stock form spoilt. */
static bool
spoil(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/run/qemu/%s.xml", embedRootDir, name);
    g_autofree char *text = NULL;
    char *from;
    char *to;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !(from = strstr(text, "<qbj:jobs ")) || !(to = strstr(from, "</qbj:jobs>")))
        return false;
    memset(from, ' ', to + strlen("</qbj:jobs>") - from);
    if (!(from = strstr(text, "<base node='libvirt-")))
        return false;
    memcpy(from, "<base node='nobody--", strlen("<base node='libvirt-"));
    return g_file_set_contents(path, text, -1, NULL);
}

/* The process that dies. Exit code 9 when it got as far as it should. */
static int
before(const char *name)
{
    virConnectPtr conn = embedOpen();
    g_autofree char *xml = statedXML(name);
    virDomainPtr domain = conn ? virDomainDefineXML(conn, xml) : NULL;
    int tries;

    embedEventRegister(conn);
    if (domain && STREQ(name, "unknown"))
        _exit(virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0 && activeReady(domain) ? 9 : 4);
    if (!domain || virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) < 0 ||
        !(STRPREFIX(name, "active") ? activeUnsaved(domain) : intermediateUnsaved(domain)))
        return 1;
    /* each of these saves the status file */
    for (tries = 0; tries < 500 && !fileHas("run", name, " state='settling'"); tries++) {
        if (virDomainResume(domain) < 0 || virDomainSuspend(domain) < 0)
            return 2;
        g_usleep(20000);
    }
    _exit(tries < 500 ? 9 : 3);
}

/* The process that comes after it. */
static int
after(const char *name)
{
    g_autofree char *cutAway = sourceOf(TOP - 1);
    g_autofree char *stays = sourceOf(BASE);
    virConnectPtr conn = embedOpen();
    virDomainPtr domain = conn ? virDomainLookupByName(conn, name) : NULL;
    virDomainBlockJobInfo info;
    int tries;

    for (tries = 0; tries < 1000 && virDomainIsActive(domain) == 1; tries++) {
        if (virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 0)
            break;
        g_usleep(20000);
    }
    CHECK(tries < 1000, "the job ends");
    CHECK(!fileHas("etc", name, cutAway), "the persistent definition does not name what was committed ...");
    CHECK(fileHas("etc", name, stays), "... and does name what it was committed into");
    if (virDomainIsActive(domain) == 1) {
        CHECK(!embedXMLHas(domain, 0, cutAway) && embedXMLHas(domain, 0, stays), "the live chain is the new one");
        CHECK(virDomainDestroy(domain) == 0, "destroy");
    }
    CHECK(virDomainUndefine(domain) == 0, "undefine");
    virDomainFree(domain);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedFailures ? 1 : 0;
}

/* The process that comes after one whose record was spoilt. */
static int
afterUnknown(const char *name)
{
    g_autofree char *stays = sourceOf(TOP);
    virConnectPtr conn = embedOpen();
    virDomainPtr domain = conn ? virDomainLookupByName(conn, name) : NULL;
    virDomainBlockJobInfo info;
    int tries;

    for (tries = 0; tries < 1000 && virDomainGetBlockJobInfo(domain, "vda", &info, 0) != 0; tries++)
        g_usleep(20000);
    CHECK(tries < 1000, "the job is ended");
    CHECK(embedXMLHas(domain, 0, stays) && fileHas("etc", name, stays), "both definitions name the old chain");
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "destroy, undefine");
    virDomainFree(domain);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedFailures ? 1 : 0;
}

/* --- calls that need a monitor which is not connected yet --- */

static char *
monitorPath(const char *name)
{
    g_autofree char *file = g_strdup_printf("%s/run/qemu/%s.xml", embedRootDir, name);
    g_autofree char *text = NULL;
    const char *path;

    if (!g_file_get_contents(file, &text, NULL, NULL) || !(path = strstr(text, "<monitor path='")))
        return NULL;
    path += strlen("<monitor path='");
    return g_strndup(path, strcspn(path, "'"));
}

static bool
reachInfo(virDomainPtr domain)
{
    virDomainBlockInfo info;

    return virDomainGetBlockInfo(domain, "vda", &info, 0) == 0 && info.capacity > 0;
}

static bool
reachMonitor(virDomainPtr domain)
{
    char *reply = NULL;
    bool good = virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0) == 0 &&
        strstr(reply, "return");

    free(reply);
    return good;
}

static bool
reachControl(virDomainPtr domain)
{
    virDomainControlInfo info;

    return virDomainGetControlInfo(domain, &info, 0) == 0 && info.state != VIR_DOMAIN_CONTROL_ERROR;
}

static bool
reachAll(virDomainPtr domain)
{
    virDomainStatsRecordPtr *records = NULL;
    virDomainPtr domains[] = { domain, NULL };
    bool good = virDomainListGetStats(domains, VIR_DOMAIN_STATS_BLOCK, &records, 0) == 1 &&
        virTypedParamsGet(records[0]->params, records[0]->nparams, "block.0.capacity");

    virDomainStatsRecordListFree(records);
    return good;
}

static bool
reachJob(virDomainPtr domain)
{
    return virDomainResume(domain) == 0 && virDomainSuspend(domain) == 0;
}

/* The guest is asked while nobody can connect: not even the thread may say that it has read nothing. */
static bool
reachLost(virDomainPtr domain)
{
    g_autofree char *path = monitorPath(virDomainGetName(domain));
    g_autofree char *away = g_strdup_printf("%s.away", path);
    virDomainBlockStatsStruct stats;
    bool good = path && rename(path, away) == 0 && virDomainBlockStats(domain, "vda", &stats, sizeof(stats)) < 0 &&
        embedErrorIs(VIR_ERR_OPERATION_FAILED);
    int tries;

    if (!good || rename(away, path) < 0)
        return false;
    for (tries = 0; tries < 500 && virDomainBlockStats(domain, "vda", &stats, sizeof(stats)) < 0; tries++)
        g_usleep(20000);
    return tries < 500;
}

static bool
reachEnd(virDomainPtr domain)
{
    return virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0;
}

static const struct {
    const char *name;
    bool (*call)(virDomainPtr domain);
} reachCalls[] = {
    { "block info", reachInfo },
    { "a monitor command", reachMonitor },
    { "the state of the monitor", reachControl },
    { "all figures", reachAll },
    { "a call that waits for the domain's job", reachJob },
    { "figures of a monitor that cannot be connected", reachLost },
    { "destroy", reachEnd },
};

static int
reachBefore(const char *name)
{
    virConnectPtr conn = embedOpen();
    g_autofree char *xml = embedDomainXML(name, TOP);
    virDomainPtr domain = conn ? virDomainDefineXML(conn, xml) : NULL;

    _exit(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0 ? 9 : 1);
}

/* The thread that connects all monitors leaves it to the call number @which. */
static int
reachAfter(const char *name, size_t which)
{
    virConnectPtr conn;
    virDomainPtr domain;

    embedFault("reach:1+");
    conn = embedOpen();
    domain = conn ? virDomainLookupByName(conn, name) : NULL;
    CHECK(domain && reachCalls[which].call(domain), reachCalls[which].name);
    virDomainFree(domain);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedFailures ? 1 : 0;
}

/* Returns the exit code, or -1. What the process says becomes a comment. */
static int
spawn(const char *self, const char *what, const char *name)
{
    g_auto(GStrv) argv = NULL;
    g_auto(GStrv) lines = NULL;
    g_autofree char *words = g_strdup_printf("%s\n%s\n%s\n%s\n%s", self, what, name, embedRootDir, embedImageDir);
    g_autofree char *output = NULL;
    int status = -1;
    size_t i;

    argv = g_strsplit(words, "\n", 0);
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, NULL))
        return -1;
    lines = g_strsplit(output, "\n", 0);
    for (i = 0; lines[i] && *lines[i]; i++)
        printf("# %s: %s\n", name, lines[i]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
testCase(const char *self, const char *top, const char *name, bool gone)
{
    bool known = STRNEQ(name, "unknown");
    g_autofree char *what = g_strdup_printf("%s: both definitions are %s after the restart", name,
                                            known ? "new" : "old");

    embedRootDir = g_build_filename(top, name, NULL);
    embedImageDir = g_build_filename(embedRootDir, "images", NULL);
    g_mkdir_with_parents(embedImageDir, 0711);
    embedRootPrepare();
    if (CHECK(embedImagesMake(LAYERS) && spawn(self, "before", name) == 9 &&
              (known ? move("away", "qemu") : spoil(name)) &&
              (!gone || embedQemuKill(name)), "a daemon dies before the persistent definition is saved"))
        CHECK(spawn(self, "after", name) == 0, what);
    g_clear_pointer(&embedImageDir, g_free);
    g_clear_pointer(&embedRootDir, g_free);
}

static void
testReach(const char *self, const char *top)
{
    size_t i;

    embedRootDir = g_build_filename(top, "reach", NULL);
    embedImageDir = g_build_filename(embedRootDir, "images", NULL);
    g_mkdir_with_parents(embedImageDir, 0711);
    embedRootPrepare();
    CHECK(embedImagesMake(LAYERS) && spawn(self, "reach", "unreached") == 9, "a daemon dies, its domain runs");
    for (i = 0; i < G_N_ELEMENTS(reachCalls); i++) {
        g_autofree char *what = g_strdup_printf("reach-%zu", i);
        g_autofree char *title = g_strdup_printf("the next one's first call connects the monitor: %s",
                                                 reachCalls[i].name);

        CHECK(spawn(self, what, "unreached") == 0, title);
    }
    g_clear_pointer(&embedImageDir, g_free);
    g_clear_pointer(&embedRootDir, g_free);
}

int
main(int argc, char **argv)
{
    g_autofree char *top = NULL;

    if (argc == 5) {
        embedRootDir = g_strdup(argv[3]);
        embedImageDir = g_strdup(argv[4]);
        if (STREQ(argv[1], "reach"))
            return reachBefore(argv[2]);
        if (STRPREFIX(argv[1], "reach-"))
            return reachAfter(argv[2], atoi(argv[1] + strlen("reach-")));
        if (STREQ(argv[1], "before"))
            return before(argv[2]);
        return STREQ(argv[2], "unknown") ? afterUnknown(argv[2]) : after(argv[2]);
    }
#ifndef QBJ_DEBUG_CHECKS
    printf("1..0 # SKIP needs -Ddebug_checks=true\n");
    return 0;
#endif

    virInitialize();
    top = g_dir_make_tmp("qbj-restart-XXXXXX", NULL);
    embedRun("chmod", "0711", top, NULL);
    testCase(argv[0], top, "active", false);
    testCase(argv[0], top, "active-gone", true);
    testCase(argv[0], top, "between", false);
    testCase(argv[0], top, "between-gone", true);
    testCase(argv[0], top, "unknown", false);
    testReach(argv[0], top);

    embedFilesEnd(top);
    return embedPlan();
}
