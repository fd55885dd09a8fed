/* host_fresh.h beside qemu-img: what it makes is known again, and everything else is somebody's. */
#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "host_fresh.h"
#include "host_target.h"
#include "savefixture.h"
#include "virerror.h"
#include "virfile.h"

#define MIB (1024 * 1024ULL)
#define SECRET "--object", "secret,id=s,data=passphrase"
#define MAX_ARGS 14
#define MAX_TRIES 30
/* What QEMU says when it has measured no processor time while it made a key, as virtual machines do. */
#define UNMEASURED "Unable to get accurate CPU usage"

typedef struct {
    const char *name;
    qbjHostFresh made;
    const char *create[MAX_ARGS];       /* the file's name stands for "PATH"; empty: it stays as it is */
    const char *change[MAX_ARGS];
    bool fresh;
} Case;

#define QCOW2 { .format = VIR_STORAGE_FILE_QCOW2, .capacity = 64 * MIB }
#define OVER { .format = VIR_STORAGE_FILE_QCOW2, .capacity = 64 * MIB, .backing = "/b" }
#define RAW { .format = VIR_STORAGE_FILE_RAW, .capacity = 64 * MIB }
#define LUKS(what) { .format = what, .encrypted = true, .capacity = 64 * MIB }
#define MARKED { .format = VIR_STORAGE_FILE_QCOW2, .bitmaps = true, .capacity = 64 * MIB }
#define ADD_BITMAP { "qemu-img", "bitmap", "--add", "PATH", "b" }
#define CREATE(...) { "qemu-img", "create", "-q", "-u", "-f", "qcow2", __VA_ARGS__ }
/* made once, for a passphrase takes its time */
#define COPY(name) { "cp", "--sparse=always", name, "PATH" }
#define CREATE_LUKS(name, ...) { "qemu-img", "create", "-q", SECRET, name, "64M", "-f", __VA_ARGS__ }
#define WRITE(format, what) { "qemu-io", "-f", format, "-c", what, "PATH" }

static const Case cases[] = {
    { "empty", QCOW2, { NULL }, { NULL }, true },
    { "qcow2", QCOW2, CREATE("PATH", "64M"), { NULL }, true },
    { "clusters", QCOW2, CREATE("-o", "cluster_size=4k", "PATH", "64M"), { NULL }, true },
    { "extended", QCOW2, CREATE("-o", "extended_l2=on", "PATH", "64M"), { NULL }, true },
    { "unfinished", OVER, CREATE("PATH", "0"), { NULL }, true },
    { "over", OVER, CREATE("-b", "/b", "-F", "raw", "PATH", "64M"), { NULL }, true },
    { "not-over", QCOW2, CREATE("-b", "/b", "-F", "raw", "PATH", "64M"), { NULL }, false },
    { "over-another", OVER, CREATE("-b", "/bb", "-F", "raw", "PATH", "64M"), { NULL }, false },
    { "over-nothing-yet", OVER, CREATE("PATH", "64M"), { NULL }, true },
    { "size", QCOW2, CREATE("PATH", "65M"), { NULL }, false },
    { "size-unknown", { .format = VIR_STORAGE_FILE_QCOW2 }, CREATE("PATH", "0"), { NULL }, false },
    { "other-version", QCOW2, CREATE("-o", "compat=0.10", "PATH", "64M"), { NULL }, false },
    { "refcounts", QCOW2, CREATE("-o", "lazy_refcounts=on", "PATH", "64M"), { NULL }, true },
    { "prepared", QCOW2, CREATE("-o", "preallocation=metadata", "PATH", "64M"), { NULL }, false },
    { "written", QCOW2, CREATE("PATH", "64M"), WRITE("qcow2", "write 0 512"), false },
    { "written-at-the-end", QCOW2, CREATE("-o", "cluster_size=512", "PATH", "64M"),
      WRITE("qcow2", "write 67108352 512"), false },
    { "bitmap", MARKED, CREATE("PATH", "64M"), ADD_BITMAP, true },
    { "bitmap-and-data", MARKED, CREATE("PATH", "64M"), WRITE("qcow2", "write 0 512"), false },
    { "bitmap-not-yet", MARKED, CREATE("PATH", "64M"), { NULL }, true },
    { "bitmap-by-others", QCOW2, CREATE("PATH", "64M"), ADD_BITMAP, false },
    { "snapshot", QCOW2, CREATE("PATH", "64M"), { "qemu-img", "snapshot", "-c", "s", "PATH" }, false },
    { "other-format", QCOW2, { "qemu-img", "create", "-q", "-f", "qed", "PATH", "64M" }, { NULL }, false },
    { "text", QCOW2, { "dd", "if=/etc/passwd", "of=PATH", "status=none" }, { NULL }, false },
    { "nothing-written", QCOW2, { "truncate", "-s", "64M", "PATH" }, { NULL }, false },
    { "encrypted", LUKS(VIR_STORAGE_FILE_QCOW2), COPY("qcow2.made"), { NULL }, true },
    { "not-encrypted-yet", LUKS(VIR_STORAGE_FILE_QCOW2), CREATE("PATH", "64M"), { NULL }, true },
    { "encrypted-by-others", QCOW2, COPY("qcow2.made"), { NULL }, false },
    { "raw", RAW, { "qemu-img", "create", "-q", "-f", "raw", "PATH", "64M" }, { NULL }, true },
    { "raw-hole", RAW, { "truncate", "-s", "64M", "PATH" }, { NULL }, true },
    { "raw-first-byte", RAW, { "truncate", "-s", "64M", "PATH" }, WRITE("raw", "write -P 1 0 1"), false },
    { "raw-size", RAW, { "truncate", "-s", "63M", "PATH" }, { NULL }, false },
    { "raw-written", RAW, { "truncate", "-s", "64M", "PATH" }, WRITE("raw", "write -P 1 67108352 512"), false },
    { "raw-qcow2", RAW, CREATE("PATH", "64M"), { "truncate", "-s", "64M", "PATH" }, false },
    { "luks", LUKS(VIR_STORAGE_FILE_RAW), COPY("luks.made"), { NULL }, true },
    { "luks-not-yet", LUKS(VIR_STORAGE_FILE_RAW), { "truncate", "-s", "64M", "PATH" }, { NULL }, true },
    { "luks-by-others", RAW, COPY("luks.made"), { NULL }, false },
    { "luks-written", LUKS(VIR_STORAGE_FILE_RAW), COPY("luks.made"),
      { "qemu-io", SECRET, "-c", "write 1M 512", "--image-opts", "driver=luks,key-secret=s,file.filename=PATH" }, false },
    { "luks-size", LUKS(VIR_STORAGE_FILE_RAW), COPY("luks.made"),
      { "truncate", "-s", "80M", "PATH" }, false },
    { "another-format", { .format = VIR_STORAGE_FILE_QED, .capacity = 64 * MIB },
      { "qemu-img", "create", "-q", "-f", "qed", "PATH", "64M" }, { NULL }, false },
};

static const char *const makeQcow2[] =
    CREATE_LUKS("qcow2.made", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", NULL);
static const char *const makeLuks[] = CREATE_LUKS("luks.made", "luks", "-o", "key-secret=s,iter-time=10", NULL);

static void
run(const char *const *words, const char *path)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    int status = 1;
    int tries;
    size_t i;

    for (i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "PATH", 2);

        g_ptr_array_add(argv, g_strjoinv(NULLSTR(path), parts));
    }
    if (argv->len == 0)
        return;
    g_ptr_array_add(argv, NULL);
    for (tries = 0; tries < MAX_TRIES && status != 0; tries++) {
        g_autofree char *said = NULL;

        g_assert_true(g_spawn_sync(NULL, (char **) argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                                   NULL, NULL, NULL, &said, &status, &error));
        g_assert_true(status == 0 || strstr(said, UNMEASURED));
    }
    g_assert_cmpint(status, ==, 0);
}

/* What is known again becomes empty, and everything else stays, byte by byte. */
static void
testCase(gconstpointer opaque)
{
    const Case *one = opaque;
    g_autoptr(saveFixture) here = saveFixtureNew();
    const char *path = here->path;
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autofree char *identity = NULL;
    size_t length = 0;
    size_t now = 0;

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    run(one->create, path);
    run(one->change, path);
    identity = qbjHostTargetIdentify(path);
    g_assert_nonnull(identity);
    g_assert_true(g_file_get_contents(path, &before, &length, NULL));
    g_assert_cmpint(qbjHostTargetEmpty(path, identity, &one->made), ==, one->fresh ? 0 : -1);
    g_assert_true(g_file_get_contents(path, &after, &now, NULL));
    if (one->fresh) {
        g_assert_cmpuint(now, ==, 0);
    } else {
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        g_assert_cmpmem(after, now, before, length);
    }
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    size_t i;
    int rc;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || chdir(here->folder) < 0)
        return 1;
    run(makeQcow2, NULL);
    run(makeLuks, NULL);
    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("/fresh/%s", cases[i].name);

        g_test_add_data_func(name, &cases[i], testCase);
    }
    rc = g_test_run();
    return chdir("/") < 0 ? 1 : rc;
}
