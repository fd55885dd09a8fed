/* host_target.h: nothing is taken back but what was made. */
#include <config.h>

#include "internal.h"
#include "host_target.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 20
#define TICK_US 20000           /* file systems tell times apart by the kernel's ticks */

typedef struct _Fixture Fixture;
struct _Fixture {
    char *folder;
    char *path;
    char *identity;             /* of an empty file at path */
};

static void
create(const char *path, char **identity)
{
    VIR_AUTOCLOSE fd = -1;

    g_assert_cmpint(qbjHostTargetCreate(path, identity, &fd), ==, 0);
    if (fd >= 0)
        g_assert_cmpint(qbjHostTargetPlace(path, fd), ==, 0);
}

static void
fixtureSetUp(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    fixture->folder = g_dir_make_tmp("qbj-target-XXXXXX", NULL);
    g_assert_nonnull(fixture->folder);
    fixture->path = g_build_filename(fixture->folder, "target", NULL);
    create(fixture->path, &fixture->identity);
}

static void
fixtureTearDown(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    ignore_value(unlink(fixture->path));
    g_assert_cmpint(rmdir(fixture->folder), ==, 0);
    g_free(fixture->folder);
    g_free(fixture->path);
    g_free(fixture->identity);
    virResetLastError();
}

static void
testRemove(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_true(qbjHostTargetIsEmpty(fixture->path, fixture->identity));
    g_assert_cmpint(truncate(fixture->path, 1), ==, 0);
    g_assert_false(qbjHostTargetIsEmpty(fixture->path, fixture->identity));
    g_assert_cmpint(qbjHostTargetRemove(fixture->path, fixture->identity), ==, 0);
    g_assert_cmpint(access(fixture->path, F_OK), <, 0);
    g_assert_cmpint(qbjHostTargetRemove(fixture->path, fixture->identity), ==, 0);
}

static void
testEmpty(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    struct stat st;

    g_assert_cmpint(truncate(fixture->path, 100), ==, 0);
    g_assert_cmpint(qbjHostTargetEmpty(fixture->path, fixture->identity, NULL), ==, 0);
    g_assert_cmpint(stat(fixture->path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 0);
}

/* What the header of an active image says, as QEMU would. */
static void
testGeometry(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *bytes = g_malloc0(4096);
    g_autoptr(virStorageSource) src = virStorageSourceNew();
    qbjCopySize size = { 0 };

    memcpy(bytes, "QFI\xfb", 4);
    bytes[7] = 3;               /* version */
    bytes[23] = 17;             /* bits of a cluster */
    bytes[29] = 16;             /* a MiB */
    bytes[79] = 16;             /* incompatible feature: extended L2 */
    bytes[99] = 4;              /* bits of a reference counter */
    bytes[103] = 104;           /* length of the header */
    g_assert_true(g_file_set_contents(fixture->path, bytes, 4096, NULL));
    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_strdup(fixture->path);
    g_assert_cmpint(qbjHostTargetGeometry(src, &size), ==, 0);
    g_assert_cmpuint(size.capacity, ==, 1024 * 1024);
    g_assert_cmpuint(size.clusterSize, ==, 128 * 1024);
    g_assert_true(size.extendedL2);

    /* what QEMU rounds is asked of QEMU */
    g_assert_true(g_file_set_contents(fixture->path, bytes, 1000, NULL));
    src->format = VIR_STORAGE_FILE_RAW;
    g_assert_cmpint(qbjHostTargetGeometry(src, &size), ==, -1);
    g_assert_cmpuint(size.capacity, ==, 1024 * 1024);
}

/* qbjHostTargetCapacity() where only @more descriptors can be had. */
static int
capacityWithin(virStorageSource *src, unsigned int more, unsigned long long *capacity)
{
    struct rlimit before;
    struct rlimit now;
    int next = open("/dev/null", O_RDONLY);
    int rc;

    g_assert_cmpint(next, >=, 0);
    close(next);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    now = before;
    now.rlim_cur = next + more;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &now), ==, 0);
    rc = qbjHostTargetCapacity(src, capacity);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    return rc;
}

/* Whoever cannot look at an image does not say that it is another one. */
static void
testNoDescriptor(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *bytes = g_malloc0(4096);
    g_autoptr(virStorageSource) src = virStorageSourceNew();
    unsigned long long capacity = 0;

    memcpy(bytes, "QFI\xfb", 4);
    bytes[7] = 2;               /* version */
    bytes[23] = 16;             /* bits of a cluster */
    bytes[29] = 16;             /* a MiB */
    g_assert_true(g_file_set_contents(fixture->path, bytes, 4096, NULL));
    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_strdup(fixture->path);
    g_assert_cmpint(capacityWithin(src, 0, &capacity), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, EMFILE);
    g_assert_cmpint(capacityWithin(src, 1, &capacity), ==, 0);      /* the header is read once */
    g_assert_cmpuint(capacity, ==, 1024 * 1024);
}

/* A file system may give a new file the number of the one that has just gone. */
static void
testReplaced(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    struct stat st;
    size_t i;

    for (i = 0; i < TRIES; i++) {
        g_usleep(TICK_US);
        g_assert_cmpint(unlink(fixture->path), ==, 0);
        g_assert_cmpint(virFileWriteStr(fixture->path, "theirs", 0600), ==, 0);
        g_assert_false(qbjHostTargetIsEmpty(fixture->path, fixture->identity));
        g_assert_cmpint(qbjHostTargetRemove(fixture->path, fixture->identity), ==, 0);
        g_assert_cmpint(qbjHostTargetEmpty(fixture->path, fixture->identity, NULL), ==, 0);
        g_assert_cmpint(stat(fixture->path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, strlen("theirs"));
    }
}

static void
testLink(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *other = g_strdup_printf("%s/other", fixture->folder);
    g_autofree char *link = g_strdup_printf("%s/link", fixture->folder);
    g_autofree char *identity = NULL;
    struct stat st;

    g_assert_cmpint(symlink("other", link), ==, 0);
    create(link, &identity);
    g_assert_cmpint(lstat(other, &st), ==, 0);
    g_assert_cmpint(qbjHostTargetRemove(link, identity), ==, 0);
    g_assert_cmpint(lstat(other, &st), <, 0);
    g_assert_cmpint(unlink(link), ==, 0);
}

static void
testExists(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *identity = NULL;
    VIR_AUTOCLOSE fd = -1;

    g_assert_cmpint(qbjHostTargetCreate(fixture->path, &identity, &fd), <, 0);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_null(identity);
}

/* Until it has its place it is seen by nobody, and it does not take that of another one. */
static void
testNameless(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *identity = NULL;
    g_autofree char *other = g_strdup_printf("%s/other", fixture->folder);
    VIR_AUTOCLOSE fd = -1;

    g_assert_cmpint(qbjHostTargetCreate(other, &identity, &fd), ==, 0);
    if (fd < 0) {
        g_test_skip("the file system has no files without a name");
    } else {
        g_assert_cmpint(access(other, F_OK), <, 0);
        g_assert_cmpint(qbjHostTargetPlace(fixture->path, fd), <, 0);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
        g_assert_true(qbjHostTargetIsEmpty(fixture->path, fixture->identity));
        g_assert_cmpint(qbjHostTargetPlace(other, fd), ==, 0);
        g_assert_true(qbjHostTargetIsEmpty(other, identity));
    }
    g_assert_cmpint(unlink(other), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        return 1;
#define ADD(name, function) g_test_add("/target/" name, Fixture, NULL, fixtureSetUp, function, fixtureTearDown)
    ADD("remove", testRemove);
    ADD("empty", testEmpty);
    ADD("geometry", testGeometry);
    ADD("no-descriptor", testNoDescriptor);
    ADD("replaced", testReplaced);
    ADD("link", testLink);
    ADD("exists", testExists);
    ADD("nameless", testNameless);
#undef ADD
    return g_test_run();
}
