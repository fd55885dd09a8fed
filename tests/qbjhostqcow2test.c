/* host_qcow2.h beside qemu-img create: the same images, byte by byte but for the names of features. */
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_img.h"
#include "host_qcow2.h"
#include "host_qcow2list.h"
#include "savefixture.h"
#include "virerror.h"
#include "virfile.h"

#define FIELDS 104              /* bytes of the header up to the type of compression */
#define BACKING_OFFSET 8        /* behind the names of features, which we leave out */

typedef struct {
    const char *name;
    const char *capacity;       /* as qemu-img has it */
    qbjHostQcow2 image;
} Case;

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const Case cases[] = {
    { "one-sector", "512", { 512, 0, false, NULL, NULL } },
    { "plain", "64M", { 64 * MIB, 0, false, NULL, NULL } },
    { "odd", "66561K", { 66561 * KIB, 0, false, "/a/b", "raw" } },
    { "backing", "64M", { 64 * MIB, 65536, false, "/nowhere/base image;'\"<&.qcow2", "qcow2" } },
    { "json", "64M", { 64 * MIB, 65536, false, "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\"}}", "raw" } },
    { "luks", "64M", { 64 * MIB, 65536, false, "/nowhere/base", "luks" } },
    { "small-clusters", "1M", { MIB, 512, false, "/b", "qcow2" } },
    { "clusters-4k", "100G", { 100 * GIB, 4096, false, "/b", "qcow2" } },
    { "clusters-2m", "10T", { 10240 * GIB, 2 * MIB, false, "/b", "qcow2" } },
    { "extended", "64M", { 64 * MIB, 65536, true, "/b", "qcow2" } },
    { "extended-16k", "1G", { GIB, 16384, true, "/b", "raw" } },
    { "large", "10T", { 10240 * GIB, 65536, false, "/b", "qcow2" } },
    { "largest", "2P", { 2 * KIB * KIB * GIB, 65536, false, "/b", "qcow2" } },
};

static void
run(const char *const *argv, char **out)
{
    g_autoptr(GError) error = NULL;
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, (char **) (uintptr_t) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, out, NULL,
                               &status, &error));
    g_assert_cmpint(status, ==, 0);
}

static void
makeTheirs(const Case *one, const char *path)
{
    const qbjHostQcow2 *image = &one->image;
    g_autofree char *options = g_strdup_printf("cluster_size=%llu,extended_l2=%s",
                                               image->clusterSize ? image->clusterSize : 65536,
                                               image->extendedL2 ? "on" : "off");
    const char *argv[] = { "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-o", options, path, one->capacity,
                           image->backing ? "-b" : NULL, image->backing, "-F", image->backingFormat, NULL };

    run(argv, NULL);
}

static int
makeOurs(const qbjHostQcow2 *image, const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    return qbjHostQcow2Write(fd, image);
}

/* What the image says of itself, with every name of a file taken out. */
static char *
describe(const char *path)
{
    const char *argv[] = { "qemu-img", "info", "-U", "--output=json", path, NULL };
    g_autofree char *out = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree char *text = NULL;
    char *size;

    run(argv, &out);
    parts = g_strsplit(out, path, -1);
    text = g_strjoinv("PATH", parts);
    /* how much of the file is allocated is the file system's */
    if ((size = strstr(text, "\"actual-size\"")))
        memmove(size, size + strcspn(size, ",\n"), strlen(size + strcspn(size, ",\n")) + 1);
    return g_steal_pointer(&text);
}

/* Everything but the header's cluster is the same. */
static void
assertSameBytes(const char *ours, const char *theirs, unsigned long long cluster)
{
    g_autofree char *skip = g_strdup_printf("%llu", cluster);
    const char *argv[] = { "cmp", "-i", skip, ours, theirs, NULL };
    g_autofree char *one = g_malloc0(FIELDS);
    g_autofree char *other = g_malloc0(FIELDS);
    VIR_AUTOCLOSE a = open(ours, O_RDONLY | O_CLOEXEC);
    VIR_AUTOCLOSE b = open(theirs, O_RDONLY | O_CLOEXEC);

    run(argv, NULL);
    g_assert_cmpint(read(a, one, FIELDS), ==, FIELDS);
    g_assert_cmpint(read(b, other, FIELDS), ==, FIELDS);
    memset(one + BACKING_OFFSET, 0, 8);
    memset(other + BACKING_OFFSET, 0, 8);
    g_assert_cmpmem(one, FIELDS, other, FIELDS);
}

static void
testSame(gconstpointer opaque)
{
    const Case *one = opaque;
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *ours = g_build_filename(here->folder, "image", NULL);
    g_autofree char *theirs = g_build_filename(here->folder, "other", NULL);
    g_autofree char *said = NULL;
    g_autofree char *expected = NULL;
    g_autofree char *alone = g_strdup_printf("json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":"
                                             "{\"driver\":\"file\",\"filename\":\"%s\"}}", ours);
    const char *check[] = { "qemu-img", "check", "-q", alone, NULL };

    makeTheirs(one, theirs);
    g_assert_cmpint(makeOurs(&one->image, ours), ==, 1);
    assertSameBytes(ours, theirs, one->image.clusterSize ? one->image.clusterSize : 65536);
    said = describe(ours);
    expected = describe(theirs);
    g_assert_cmpstr(said, ==, expected);
    run(check, NULL);
}

/* A guest writes at its begin, at its end and over all: it reads that back, and the image is whole. */
static void
testWritten(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *base = g_build_filename(here->folder, "base", NULL);
    g_autofree char *path = g_build_filename(here->folder, "image", NULL);
    qbjHostQcow2 image = { .capacity = 64 * MIB, .backing = base, .backingFormat = "raw" };
    const char *make[] = { "qemu-img", "create", "-q", "-f", "raw", base, "64M", NULL };
    const char *fill[] = { "qemu-io", "-f", "raw", "-c", "write -q -P 7 0 64M", base, NULL };
    const char *use[] = { "qemu-io", "-f", "qcow2", "-c", "write -q -P 1 0 512", "-c", "write -q -P 2 67108352 512",
                          "-c", "read -q -P 7 512 67107840", path, NULL };
    const char *again[] = { "qemu-io", "-f", "qcow2", "-c", "read -q -P 1 0 512", "-c", "read -q -P 2 67108352 512",
                            "-c", "write -q -P 3 0 64M", "-c", "read -q -P 3 0 64M", path, NULL };
    const char *check[] = { "qemu-img", "check", "-q", "-f", "qcow2", path, NULL };
    g_autofree char *out = NULL;
    g_autofree char *more = NULL;

    run(make, NULL);
    run(fill, NULL);
    g_assert_cmpint(makeOurs(&image, path), ==, 1);
    run(use, &out);
    g_assert_cmpstr(out, ==, "");       /* else: "Pattern verification failed" */
    run(again, &more);
    g_assert_cmpstr(more, ==, "");
    run(check, NULL);
}

/* What is left to QEMU: nothing is written. */
static void
testNot(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *path = g_build_filename(here->folder, "image", NULL);
    g_autofree char *name = g_strnfill(1024, 'x');
    g_autofree char *longest = g_strnfill(1023, 'x');
    const qbjHostQcow2 images[] = {
        { .capacity = 0 },
        { .capacity = 513 },
        { .capacity = MIB, .clusterSize = 256 },
        { .capacity = MIB, .clusterSize = 4 * MIB },
        { .capacity = MIB, .clusterSize = 65537 },
        { .capacity = MIB, .clusterSize = 8192, .extendedL2 = true },
        { .capacity = MIB, .backing = name, .backingFormat = "raw" },
        { .capacity = MIB, .clusterSize = 512, .backing = longest, .backingFormat = "raw" },
        { .capacity = 100 * GIB, .clusterSize = 512 },         /* its L1 table takes more reference counts */
        { .capacity = 2 * KIB * KIB * GIB + 512 },              /* or is larger than any may be */
    };
    struct stat st;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(images); i++) {
        g_assert_cmpint(makeOurs(&images[i], path), ==, 0);
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 0);
    }
}

/* --- what is within an image --- */

static GPtrArray *
list(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return qbjHostQcow2List(fd, path);
}

static void
snapshot(const char *option, const char *name, const char *path)
{
    const char *argv[] = { "qemu-img", "snapshot", option, name, path, NULL };

    run(argv, NULL);
}

/* What we read is what qemu-img reads. */
static void
assertSameList(const char *path, size_t n)
{
    g_autoptr(virStorageSource) image = virStorageSourceNew();
    g_auto(qbjHostImgInfo) theirs = { 0 };
    g_auto(qbjHostImgInfo) ours = { 0 };
    size_t i;

    image->type = VIR_STORAGE_TYPE_FILE;
    image->format = VIR_STORAGE_FILE_QCOW2;
    image->path = g_strdup(path);
    g_assert_cmpint(qbjHostImgRead(image, &theirs), ==, 0);
    g_assert_cmpint(qbjHostImgReadInside(image, &ours), ==, 0);
    g_assert_cmpuint(ours.snapshots ? g_strv_length(ours.snapshots) : 0, ==, n);
    g_assert_cmpuint(theirs.snapshots ? g_strv_length(theirs.snapshots) : 0, ==, n);
    for (i = 0; i < n; i++) {
        g_assert_cmpstr(ours.snapshots[i], ==, theirs.snapshots[i]);
        g_assert_cmpstr(ours.ids[i], ==, theirs.ids[i]);
        g_assert_cmpuint(g_array_index(ours.states, unsigned long long, i), ==,
                         g_array_index(theirs.states, unsigned long long, i));
    }
}

/* Big endian. */
static void
patch(const char *path, unsigned long long offset, unsigned long long value, size_t bytes)
{
    VIR_AUTOCLOSE fd = open(path, O_RDWR | O_CLOEXEC);

    while (bytes-- > 0) {
        unsigned char byte = value >> (8 * bytes);

        g_assert_cmpint(pwrite(fd, &byte, 1, offset++), ==, 1);
    }
}

/* Where the list is. */
static unsigned long long
place(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
    guint64 offset;

    g_assert_cmpint(pread(fd, &offset, sizeof(offset), 64), ==, sizeof(offset));
    return GUINT64_FROM_BE(offset);
}

static void
testList(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *path = g_build_filename(here->folder, "image", NULL);
    g_autofree char *longName = g_strnfill(255, 'n');
    qbjHostQcow2 image = { .capacity = MIB };

    g_assert_cmpint(makeOurs(&image, path), ==, 1);
    assertSameList(path, 0);
    snapshot("-c", "first", path);
    assertSameList(path, 1);
    snapshot("-c", longName, path);
    snapshot("-c", "\303\244 '\"<&", path);
    snapshot("-c", "7", path);
    assertSameList(path, 4);
    snapshot("-d", longName, path);
    assertSameList(path, 3);
    patch(path, place(path) + 40, 5 * GIB, 8);          /* the first one's extra data: bytes of memory */
    assertSameList(path, 3);
}

/* A list that goes on behind the file's end, or is larger than QEMU's may be; no image at all. */
static void
testListDamaged(void)
{
    static const struct { unsigned int offset; unsigned long long value; size_t bytes; bool inList; } damages[] = {
        { 0, 0x514649fa, 4, false },            /* the magic number */
        { 60, 65537, 4, false },                /* how many */
        { 60, 65536, 4, false },
        { 64, 1ULL << 40, 8, false },           /* where */
        { 64, G_MAXUINT64, 8, false },
        { 36, 1025, 4, true },                  /* bytes of extra data */
    };
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *path = g_build_filename(here->folder, "image", NULL);
    qbjHostQcow2 image = { .capacity = MIB };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_assert_cmpint(makeOurs(&image, path), ==, 1);
        snapshot("-c", "first", path);
        patch(path, (damages[i].inList ? place(path) : 0) + damages[i].offset, damages[i].value, damages[i].bytes);
        g_assert_null(list(path));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        virResetLastError();
    }
    g_assert_cmpint(truncate(path, 0), ==, 0);
    g_assert_null(list(path));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    virResetLastError();
}

static void
testFails(void)
{
    VIR_AUTOCLOSE fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    qbjHostQcow2 image = { .capacity = MIB };

    g_assert_cmpint(qbjHostQcow2Write(fd, &image), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/host/qcow2/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], testSame);
    }
    g_test_add_func("/host/qcow2/written", testWritten);
    g_test_add_func("/host/qcow2/not", testNot);
    g_test_add_func("/host/qcow2/list", testList);
    g_test_add_func("/host/qcow2/list-damaged", testListDamaged);
    g_test_add_func("/host/qcow2/fails", testFails);
    return g_test_run();
}
