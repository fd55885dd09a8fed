/* Capabilities of QEMU binaries: the answers taken apart, and the cache over fake binaries that are shell
 * scripts. */
#include <config.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "virerror.h"
#include "virstring.h"
#include "virthread.h"
#include "vm_caps_file.h"
#include "vm_caps_probe.h"

#define QBJ_TEST_THREADS 8

static const char *replyFile = QBJ_TEST_DATA "/caps/replies-qemu-7.2.txt";

/* The recorded session as qbjVmCapsParse wants it, without the reply to @leaveOut. */
static GHashTable *
qbjTestReplies(const char *leaveOut)
{
    GHashTable *replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) virJSONValueFree);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t i;

    g_assert_true(g_file_get_contents(replyFile, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_autoptr(virJSONValue) reply = *lines[i] ? virJSONValueFromString(lines[i]) : NULL;
        const char *id = reply ? virJSONValueObjectGetString(reply, "id") : NULL;

        if (id && STRNEQ_NULLABLE(id, leaveOut))
            g_hash_table_insert(replies, g_strdup(id), g_steal_pointer(&reply));
    }

    return replies;
}

static void
qbjTestCheckCaps(const qbjVmCaps *caps)
{
    const virDomainCapsCPUModel *epyc = virDomainCapsCPUModelsGet(caps->tcg->cpus, "EPYC");
    const virDomainCapsCPUModel *base = virDomainCapsCPUModelsGet(caps->tcg->cpus, "qemu64");

    g_assert_cmpint(caps->arch, ==, VIR_ARCH_X86_64);
    g_assert_cmpuint(caps->version, ==, 7002022);
    g_assert_true(g_str_has_prefix(caps->package, "Debian"));
    g_assert_false(caps->kvm);

    g_assert_cmpuint(caps->machines->len, ==, 7);
    g_assert_cmpstr(qbjVmCapsMachine(caps, "q35"), ==, "pc-q35-7.2");
    g_assert_cmpstr(qbjVmCapsMachine(caps, "pc"), ==, "pc-i440fx-7.2");
    g_assert_cmpstr(qbjVmCapsMachine(caps, "pc-q35-7.0"), ==, "pc-q35-7.0");
    g_assert_null(qbjVmCapsMachine(caps, "none"));
    g_assert_null(qbjVmCapsMachine(caps, "q36"));

    g_assert_true(g_strv_contains((const char *const *) caps->cpuModels, "Nehalem-v1"));
    g_assert_nonnull(epyc);
    g_assert_cmpint(epyc->usable, ==, VIR_DOMCAPS_CPU_USABLE_NO);
    g_assert_null(epyc->vendor);        /* libvirt's map of CPUs is not read for it */
    g_assert_nonnull(base);
    g_assert_cmpint(base->usable, ==, VIR_DOMCAPS_CPU_USABLE_YES);
}

static void
qbjTestParse(void)
{
    g_autoptr(GHashTable) replies = qbjTestReplies(NULL);
    g_autoptr(qbjVmCaps) caps = NULL;
    const qbjVmMachine *machine;
    size_t defaults = 0;
    size_t i;

    g_assert_true(qbjVmCapsProbeComplete(replies));
    caps = qbjVmCapsParse("/bin/fake", replies);
    g_assert_nonnull(caps);
    qbjTestCheckCaps(caps);

    for (i = 0; i < caps->machines->len; i++) {
        machine = g_ptr_array_index(caps->machines, i);
        if (machine->isDefault) {
            defaults++;
            g_assert_cmpstr(machine->name, ==, "pc-i440fx-7.2");
        }
        g_assert_cmpint(machine->deprecated, ==, STREQ(machine->name, "pc-i440fx-1.7"));
        g_assert_cmpuint(machine->maxCpus, >, 0);
    }
    g_assert_cmpuint(defaults, ==, 1);
}

/* Each reply is needed: without one, or with an error or nonsense in its place, there are no capabilities. */
static void
qbjTestParseBroken(void)
{
    const char *const commands[] = {
        "query-version", "query-target", "query-kvm", "query-machines", "query-cpu-definitions", "devices", "chardevs",
    };
    const char *const broken[] = {
        "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}",
        "{\"return\":{}}", "{\"return\":[{}]}", "{\"return\":[1]}", "{\"return\":7}", "{\"return\":null}", "{}",
    };
    size_t i;
    size_t j;

    for (i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autoptr(GHashTable) replies = qbjTestReplies(commands[i]);

        g_assert_false(qbjVmCapsProbeComplete(replies));
        g_assert_null(qbjVmCapsParse("/bin/fake", replies));

        for (j = 0; j < G_N_ELEMENTS(broken); j++) {
            virResetLastError();
            g_hash_table_insert(replies, g_strdup(commands[i]), virJSONValueFromString(broken[j]));
            g_assert_null(qbjVmCapsParse("/bin/fake", replies));
            g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        }
    }
}

static void
qbjTestFamilies(void)
{
    g_assert_true(qbjVmMachineIsQ35("q35"));
    g_assert_true(qbjVmMachineIsQ35("pc-q35-7.2"));
    g_assert_true(qbjVmMachineIsI440fx("pc"));
    g_assert_true(qbjVmMachineIsI440fx("pc-i440fx-2.0"));
    g_assert_false(qbjVmMachineIsQ35("pc"));
    g_assert_false(qbjVmMachineIsI440fx("q35"));
    g_assert_false(qbjVmMachineIsI440fx("isapc"));
    g_assert_false(qbjVmMachineIsQ35("microvm"));
    g_assert_false(qbjVmMachineIsQ35(NULL));
    g_assert_false(qbjVmMachineIsI440fx(NULL));
}

/* --- the cache; the fake binary writes a line for each run and then does what @body says
 * ------------------- */

typedef struct _qbjTestFake qbjTestFake;
struct _qbjTestFake {
    char *dir;
    char *binary;
    char *runs;
    qbjVmCapsCache *cache;
};

static void
qbjTestFakeWrite(const qbjTestFake *fake, const char *body)
{
    g_autofree char *text = g_strdup_printf("#!/bin/sh\necho run >>%s\n%s\n", fake->runs, body);

    g_assert_true(g_file_set_contents(fake->binary, text, -1, NULL));
    g_assert_cmpint(g_chmod(fake->binary, 0755), ==, 0);
}

static void
qbjTestFakeStart(qbjTestFake *fake, const char *body)
{
    fake->dir = g_dir_make_tmp("qbjcaps-XXXXXX", NULL);
    g_assert_nonnull(fake->dir);
    fake->binary = g_build_filename(fake->dir, "qemu", NULL);
    fake->runs = g_build_filename(fake->dir, "runs", NULL);
    fake->cache = qbjVmCapsCacheNew(fake->dir, (uid_t) -1, (gid_t) -1);
    g_assert_nonnull(fake->cache);
    qbjTestFakeWrite(fake, body);
}

static void
qbjTestFakeStop(qbjTestFake *fake)
{
    qbjVmCapsCacheFree(fake->cache);
    g_unlink(fake->binary);
    g_unlink(fake->runs);
    g_assert_cmpint(g_rmdir(fake->dir), ==, 0);
    g_free(fake->binary);
    g_free(fake->runs);
    g_free(fake->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjTestFake, qbjTestFakeStop);

static size_t
qbjTestFakeRuns(const qbjTestFake *fake)
{
    g_autofree char *text = NULL;
    size_t length = 0;

    if (!g_file_get_contents(fake->runs, &text, &length, NULL))
        return 0;

    return length / strlen("run\n");
}

/* A good QEMU: answers, then does not end by itself. */
static char *
qbjTestGood(void)
{
    return g_strdup_printf("/bin/sleep 0.2\n/bin/cat %s\nexec /bin/sleep 100", replyFile);
}

static void
qbjTestCacheHit(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *good = qbjTestGood();
    const qbjVmCaps *first;
    const qbjVmCaps *second;
    struct stat before;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000 } };

    qbjTestFakeStart(&fake, good);
    g_assert_cmpint(stat(fake.binary, &before), ==, 0);

    first = qbjVmCapsGet(fake.cache, fake.binary);
    g_assert_nonnull(first);
    qbjTestCheckCaps(first);
    g_assert_cmpstr(first->binary, ==, fake.binary);
    g_assert_true(qbjVmCapsGet(fake.cache, fake.binary) == first);
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 1);

    /* an upgrade of the package: new times; the old answer stays readable for those who hold it */
    g_assert_cmpint(utimensat(AT_FDCWD, fake.binary, times, 0), ==, 0);
    second = qbjVmCapsGet(fake.cache, fake.binary);
    g_assert_nonnull(second);
    g_assert_true(second != first);
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 2);
    qbjTestCheckCaps(first);
}

/* As a daemon that starts finds them. */
static const qbjVmCaps *
qbjTestRestart(qbjTestFake *fake, const char *folder)
{
    qbjVmCapsCacheFree(fake->cache);
    fake->cache = qbjVmCapsCacheNew(fake->dir, (uid_t) -1, (gid_t) -1);
    qbjVmCapsCacheSetFolder(fake->cache, folder);
    return qbjVmCapsGet(fake->cache, fake->binary);
}

/* What a file says of what it depends on is changed, as if it had been written on another host. */
static void
qbjTestChangeFile(const char *path, const char *from, const char *to)
{
    g_autofree char *text = NULL;
    g_autofree char *changed = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, from));
    changed = virStringReplace(text, from, to);
    g_assert_true(g_file_set_contents(path, changed, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
}

/* Answers on disk stand in for a run until the binary, the host's CPU or its kernel is another one. */
static void
qbjTestCacheDisk(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *body = g_strdup_printf("/bin/cat %s\nexec /bin/sleep 100", replyFile);
    g_autofree char *host = qbjVmCapsFileHost();
    g_autofree char *folder = NULL;
    g_autofree char *sum = NULL;
    g_autofree char *path = NULL;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000 } };

    qbjTestFakeStart(&fake, body);
    folder = g_build_filename(fake.dir, "capabilities", NULL);
    sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, fake.binary, -1);
    path = g_strdup_printf("%s/%s.json", folder, sum);

    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 1);
    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 1);

    g_assert_cmpint(utimensat(AT_FDCWD, fake.binary, times, 0), ==, 0);
    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 2);

    qbjTestChangeFile(path, host, "another CPU");
    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 3);

    /* neither half a file nor one that others may write is believed */
    qbjTestChangeFile(path, "cpu-all", "cpu-some");
    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 4);
    g_assert_cmpint(g_chmod(path, 0666), ==, 0);
    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 5);

    qbjTestCheckCaps(qbjTestRestart(&fake, folder));
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 5);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

typedef struct _qbjTestThread qbjTestThread;
struct _qbjTestThread {
    const qbjTestFake *fake;
    const qbjVmCaps *caps;
    int code;
    char *message;
};

static void *
qbjTestThreadMain(void *opaque)
{
    qbjTestThread *thread = opaque;

    thread->caps = qbjVmCapsGet(thread->fake->cache, thread->fake->binary);
    if (!thread->caps) {
        thread->code = virGetLastErrorCode();
        thread->message = g_strdup(virGetLastErrorMessage());
    }
    return NULL;
}

static void
qbjTestThreads(const qbjTestFake *fake, qbjTestThread *threads)
{
    GThread *handles[QBJ_TEST_THREADS];
    size_t i;

    for (i = 0; i < QBJ_TEST_THREADS; i++) {
        threads[i].fake = fake;
        handles[i] = g_thread_new("caps", qbjTestThreadMain, &threads[i]);
    }
    for (i = 0; i < QBJ_TEST_THREADS; i++)
        g_thread_join(handles[i]);
}

static void
qbjTestCacheThreads(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *good = qbjTestGood();
    qbjTestThread threads[QBJ_TEST_THREADS] = { { NULL } };
    size_t i;

    qbjTestFakeStart(&fake, good);
    qbjTestThreads(&fake, threads);

    for (i = 0; i < QBJ_TEST_THREADS; i++) {
        g_assert_nonnull(threads[i].caps);
        g_assert_true(threads[i].caps == threads[0].caps);
    }
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 1);
}

/* One failure is told to all who wait for it, in the same words, and the next call tries again. */
static void
qbjTestCacheThreadsFail(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *good = qbjTestGood();
    qbjTestThread threads[QBJ_TEST_THREADS] = { { NULL } };
    size_t runs;
    size_t i;

    qbjTestFakeStart(&fake, "/bin/sleep 0.5\necho broken library >&2\nexit 1");
    qbjTestThreads(&fake, threads);
    runs = qbjTestFakeRuns(&fake);

    for (i = 0; i < QBJ_TEST_THREADS; i++) {
        g_assert_null(threads[i].caps);
        g_assert_cmpint(threads[i].code, ==, VIR_ERR_INTERNAL_ERROR);
        g_assert_cmpstr(threads[i].message, ==, threads[0].message);
        g_assert_nonnull(strstr(threads[i].message, "broken library"));
    }
    for (i = 0; i < QBJ_TEST_THREADS; i++)
        g_free(threads[i].message);
    g_assert_cmpuint(runs, <, QBJ_TEST_THREADS);

    qbjTestFakeWrite(&fake, good);
    g_assert_nonnull(qbjVmCapsGet(fake.cache, fake.binary));
}

static void
qbjTestCacheMissing(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *missing = NULL;

    qbjTestFakeStart(&fake, "exit 0");
    missing = g_build_filename(fake.dir, "nope", NULL);
    g_assert_null(qbjVmCapsGet(fake.cache, missing));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "Cannot check QEMU binary"));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "No such file or directory"));

    g_assert_cmpint(g_chmod(fake.binary, 0644), ==, 0);
    g_assert_null(qbjVmCapsGet(fake.cache, fake.binary));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpuint(qbjTestFakeRuns(&fake), ==, 0);
}

/* Whatever the binary does, the probe ends with one error, and the process with it. */
static void
qbjTestProbeBad(void)
{
    const struct {
        const char *body;
        const char *text;
    } cases[] = {
        { "exit 0", "ended without an answer" },
        { "echo no such option >&2; exit 1", "no such option" },
        { "exec /bin/true", "ended without an answer" },
        { "echo hello; exec /bin/sleep 100", "not QMP" },
        { "echo '[1,2]'; exec /bin/sleep 100", "not QMP" },
        { "echo '{\"id\":\"query-kvm\",'; exec /bin/sleep 100", "not QMP" },
        { "exec /bin/sleep 100", "did not answer in time" },
        { "printf '{\"QMP\":'; exec /bin/sleep 100", "did not answer in time" },
        { "echo '{}'; while :; do echo '{}'; done", "did not answer in time" },
        { "exec /usr/bin/yes '{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}'", NULL },
        { "exec /bin/cat /dev/zero", "sent too much" },
    };
    g_auto(qbjTestFake) fake = { NULL };
    size_t i;

    qbjTestFakeStart(&fake, "exit 0");
    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        gint64 start = g_get_monotonic_time();
        /* what is told apart by its answer must have the time for it on a busy machine */
        bool late = !cases[i].text || STREQ(cases[i].text, "did not answer in time");

        qbjTestFakeWrite(&fake, cases[i].body);
        virResetLastError();
        g_assert_null(qbjVmCapsProbe(fake.binary, fake.dir, (uid_t) -1, (gid_t) -1, late ? 1 : 60));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INTERNAL_ERROR);
        if (cases[i].text && !strstr(virGetLastErrorMessage(), cases[i].text))
            g_error("case %zu: %s", i, virGetLastErrorMessage());
        if (late)
            g_assert_cmpint(g_get_monotonic_time() - start, <, 60 * G_USEC_PER_SEC);
    }
}

/* A QEMU that complains without end does not fill the daemon's memory nor block on its own complaints. */
static void
qbjTestProbeNoisy(void)
{
    g_auto(qbjTestFake) fake = { NULL };
    g_autofree char *body = g_strdup_printf("/usr/bin/head -c 200000 /dev/zero >&2\n/bin/cat %s\nexec /bin/sleep 100",
                                            replyFile);
    g_autoptr(qbjVmCaps) caps = NULL;

    qbjTestFakeStart(&fake, body);
    caps = qbjVmCapsProbe(fake.binary, fake.dir, (uid_t) -1, (gid_t) -1, 10);
    g_assert_nonnull(caps);
    qbjTestCheckCaps(caps);
}

static void
qbjTestInstalled(void)
{
    g_autofree char *binary = qbjVmCapsFindBinary(VIR_ARCH_X86_64);
    g_autoptr(qbjVmCapsCache) cache = qbjVmCapsCacheNew("/nonexistent", (uid_t) -1, (gid_t) -1);
    const qbjVmCaps *caps;

    if (!binary) {
        g_test_skip("qemu-system-x86_64 is not installed");
        return;
    }

    caps = qbjVmCapsGet(cache, binary);
    g_assert_nonnull(caps);
    g_assert_cmpint(caps->arch, ==, VIR_ARCH_X86_64);
    g_assert_cmpuint(caps->version, >=, 4000000);
    g_assert_true(qbjVmMachineIsQ35(qbjVmCapsMachine(caps, "q35")));
    g_assert_true(g_strv_contains((const char *const *) caps->cpuModels, "qemu64"));
    g_test_message("%s, version %u, kvm %d", binary, caps->version, caps->kvm);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/caps/parse", qbjTestParse);
    g_test_add_func("/caps/parse-broken", qbjTestParseBroken);
    g_test_add_func("/caps/families", qbjTestFamilies);
    g_test_add_func("/caps/cache-hit", qbjTestCacheHit);
    g_test_add_func("/caps/cache-disk", qbjTestCacheDisk);
    g_test_add_func("/caps/cache-threads", qbjTestCacheThreads);
    g_test_add_func("/caps/cache-threads-fail", qbjTestCacheThreadsFail);
    g_test_add_func("/caps/cache-missing", qbjTestCacheMissing);
    g_test_add_func("/caps/probe-bad", qbjTestProbeBad);
    g_test_add_func("/caps/probe-noisy", qbjTestProbeNoisy);
    g_test_add_func("/caps/installed", qbjTestInstalled);

    return g_test_run();
}
