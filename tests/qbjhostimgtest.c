/* host_img.h, with the real qemu-img: data, headers and bitmaps are looked at with qemu-io and qemu-img
 * themselves. */
#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_img.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_NONE

typedef struct _Fixture Fixture;
struct _Fixture {
    char *folder;
    virStorageSource *base;
    virStorageSource *overlay;
};

static bool G_GNUC_PRINTF(1, 2)
run(const char *format, ...)
{
    g_autofree char *line = NULL;
    g_autofree char *out = NULL;
    int status = 0;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    return g_spawn_command_line_sync(line, &out, NULL, &status, NULL) && status == 0 &&
           !strstr(out, "Pattern verification failed");
}

static virStorageSource *
image(const Fixture *fixture, const char *name)
{
    virStorageSource *src = virStorageSourceNew();

    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = VIR_STORAGE_FILE_QCOW2;
    src->path = g_build_filename(fixture->folder, name, NULL);
    return src;
}

static bool
holds(virStorageSource *src, unsigned int pattern, const char *where)
{
    return run("qemu-io -r -f qcow2 -c 'read -q -P %u %s 64k' %s", pattern, where, src->path);
}

/* As those do it who make overlays. */
static int
makeOverlay(const char *path, virStorageSource *base)
{
    g_autofree char *identity = NULL;
    VIR_AUTOCLOSE fd = -1;

    return qbjHostImgCreate(path, &identity, &fd) < 0 ? -1 : qbjHostImgFill(path, fd, base);
}

static void
fixtureSetUp(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    fixture->folder = g_dir_make_tmp("qbj-img-XXXXXX", NULL);
    fixture->base = image(fixture, "base.qcow2");
    fixture->overlay = image(fixture, "over lay;$(touch x).qcow2");
    g_assert_true(run("qemu-img create -q -f qcow2 %s 8M", fixture->base->path));
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 1 0 64k' -c 'write -q -P 1 1M 64k' %s", fixture->base->path));
    g_assert_cmpint(makeOverlay(fixture->overlay->path, fixture->base), ==, 0);
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 2 1M 64k' '%s'", fixture->overlay->path));
}

static void
fixtureTearDown(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virFileDeleteTree(fixture->folder), ==, 0);
    virObjectUnref(fixture->base);
    virObjectUnref(fixture->overlay);
    g_free(fixture->folder);
}

static void
assertError(int rc, virErrorNumber code)
{
    g_assert_cmpint(rc, ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, code);
    g_assert_null(strstr(virGetLastErrorMessage(), "<null>"));
    virResetLastError();
}

static void
testCreate(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    struct stat st;

    g_assert_cmpint(stat(fixture->overlay->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);       /* 08/S10.7 */
    g_assert_cmpint(qbjHostImgRead(fixture->overlay, &info), ==, 0);
    g_assert_cmpint(info.size, ==, 8 * 1024 * 1024);
    g_assert_cmpstr(info.backing, ==, fixture->base->path);
    assertError(makeOverlay(fixture->overlay->path, fixture->base), VIR_ERR_SYSTEM_ERROR);
    g_assert_true(run("qemu-io -r -f qcow2 -c 'read -q -P 2 1M 64k' '%s'", fixture->overlay->path));
}

static void
testCreateFails(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) absent = image(fixture, "absent");
    g_autofree char *path = g_build_filename(fixture->folder, "new", NULL);

    assertError(makeOverlay(path, absent), VIR_ERR_OPERATION_FAILED);
    unlink(path);
    absent->type = VIR_STORAGE_TYPE_NETWORK;
    assertError(makeOverlay(path, absent), VIR_ERR_CONFIG_UNSUPPORTED);
}

static void
testCommit(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(qbjHostImgMayCommit(fixture->overlay, fixture->base), ==, 0);
    g_assert_cmpint(qbjHostImgCommit(fixture->overlay, fixture->base, NULL, NULL), ==, 0);
    g_assert_true(holds(fixture->base, 1, "0"));
    g_assert_true(holds(fixture->base, 2, "1M"));
    g_assert_cmpint(qbjHostImgIsSame(fixture->overlay, fixture->base, NULL, NULL), ==, 0);
    /* the overlay has all that it had: a chain that still names it reads the same */
    g_assert_true(run("qemu-io -r -f qcow2 -c 'read -q -P 2 1M 64k' '%s'", fixture->overlay->path));
    g_assert_cmpint(qbjHostImgCommit(fixture->overlay, fixture->base, NULL, NULL), ==, 0);
    g_assert_true(holds(fixture->base, 2, "1M"));
}

static int
never(void *opaque G_GNUC_UNUSED)
{
    virReportError(VIR_ERR_OPERATION_ABORTED, "%s", "never");
    return -1;
}

static void
testCommitRefused(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) other = image(fixture, "other.qcow2");

    assertError(qbjHostImgIsSame(fixture->overlay, fixture->base, NULL, NULL), VIR_ERR_OPERATION_FAILED);
    g_assert_true(run("qemu-img create -q -f qcow2 %s 8M", other->path));
    assertError(qbjHostImgMayCommit(fixture->overlay, other), VIR_ERR_OPERATION_UNSUPPORTED);
    assertError(qbjHostImgMayCommit(other, fixture->base), VIR_ERR_OPERATION_UNSUPPORTED);
    g_assert_true(run("qemu-img resize -q %s 16M", fixture->base->path));
    assertError(qbjHostImgMayCommit(fixture->overlay, fixture->base), VIR_ERR_OPERATION_UNSUPPORTED);
    g_assert_true(holds(fixture->base, 1, "1M"));
}

/* Makes the header's extension with the backing format one that nobody knows. */
static void
forgetFormat(const char *path)
{
    static const char known[] = { '\xe2', '\x79', '\x2a', '\xca' };
    g_autofree char *data = NULL;
    char *found;
    gsize n;

    g_assert_true(g_file_get_contents(path, &data, &n, NULL));
    found = memmem(data, n, known, sizeof(known));
    g_assert_nonnull(found);
    found[3] = '\xcb';
    g_assert_true(g_file_set_contents(path, data, n, NULL));
}

/* What a header does not state qemu-img would find out by what a guest may have written. */
static void
testCommitFormats(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) deep = image(fixture, "deep.qcow2");
    g_autoptr(virStorageSource) middle = image(fixture, "middle.qcow2");
    g_autoptr(virStorageSource) top = image(fixture, "top.qcow2");

    g_assert_true(run("qemu-img create -q -f qcow2 %s 8M", deep->path));
    g_assert_cmpint(makeOverlay(middle->path, deep), ==, 0);
    g_assert_cmpint(makeOverlay(top->path, middle), ==, 0);
    g_assert_cmpint(qbjHostImgMayCommit(top, middle), ==, 0);
    middle->format = VIR_STORAGE_FILE_RAW;
    assertError(qbjHostImgMayCommit(top, middle), VIR_ERR_OPERATION_UNSUPPORTED);
    middle->format = VIR_STORAGE_FILE_QCOW2;
    forgetFormat(middle->path);
    assertError(qbjHostImgMayCommit(top, middle), VIR_ERR_OPERATION_UNSUPPORTED);
}

/* @base <- @overlay <- above: above is put onto base with the data in between. */
static void
testMove(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) above = image(fixture, "above.qcow2");
    g_autoptr(virStorageSource) other = image(fixture, "other.qcow2");
    g_auto(qbjHostImgInfo) info = { 0 };

    g_assert_true(run("qemu-img create -q -f qcow2 %s 8M", other->path));
    g_assert_cmpint(makeOverlay(above->path, fixture->overlay), ==, 0);
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 3 2M 64k' '%s'", above->path));
    assertError(qbjHostImgMayMove(above, other, fixture->base, true, false), VIR_ERR_OPERATION_UNSUPPORTED);
    g_assert_cmpint(qbjHostImgMayMove(above, fixture->overlay, fixture->base, true, false), ==, 0);
    g_assert_cmpint(qbjHostImgMove(above, fixture->base, NULL, NULL), ==, 0);
    g_assert_cmpint(qbjHostImgRead(above, &info), ==, 0);
    g_assert_cmpstr(info.backing, ==, fixture->base->path);
    g_assert_true(run("rm '%s'", fixture->overlay->path));
    g_assert_true(run("qemu-io -r -f qcow2 -c 'read -q -P 1 0 64k' -c 'read -q -P 2 1M 64k' -c 'read -q -P 3 2M 64k' "
                      "'%s'", above->path));
    g_assert_cmpint(qbjHostImgMayMove(above, fixture->overlay, fixture->base, true, true), ==, 1);
    assertError(qbjHostImgMayMove(above, fixture->overlay, fixture->base, true, false), VIR_ERR_OPERATION_UNSUPPORTED);
}

/* QEMU 7.2's rebase does not come to an end with one that is larger than what it stands on. */
static void
testMoveRefused(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) above = image(fixture, "above.qcow2");

    g_assert_cmpint(makeOverlay(above->path, fixture->overlay), ==, 0);
    g_assert_true(run("qemu-img resize -q %s +1M", above->path));
    assertError(qbjHostImgMayMove(above, fixture->overlay, fixture->base, true, false), VIR_ERR_OPERATION_UNSUPPORTED);
    g_assert_cmpint(qbjHostImgMayMove(above, fixture->overlay, fixture->base, false, false), ==, 0);
    forgetFormat(fixture->overlay->path);
    assertError(qbjHostImgMayMove(above, fixture->overlay, fixture->base, false, false), VIR_ERR_OPERATION_UNSUPPORTED);
}

/* There is so little to do that it may end before anybody asks, unless it is held; base and overlay are whole
 * either way. */
static void
testCommitCalledOff(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    int rc;

    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 3 2M 4M' '%s'", fixture->overlay->path));
#ifdef QBJ_DEBUG_CHECKS
    virQbjFaultSet("img-hang:1");
    rc = qbjHostImgCommit(fixture->overlay, fixture->base, never, NULL);
    virQbjFaultSet(NULL);
    assertError(rc, VIR_ERR_OPERATION_ABORTED);
#endif
    rc = qbjHostImgCommit(fixture->overlay, fixture->base, never, NULL);
    if (rc < 0)
        assertError(rc, VIR_ERR_OPERATION_ABORTED);
    g_assert_true(run("qemu-io -r -f qcow2 -c 'read -q -P 3 2M 4M' -c 'read -q -P 2 1M 64k' "
                      "-c 'read -q -P 1 0 64k' '%s'", fixture->overlay->path));
    g_assert_cmpint(qbjHostImgCommit(fixture->overlay, fixture->base, NULL, NULL), ==, 0);
    g_assert_true(holds(fixture->base, 3, "5M"));
}

static void
testRebase(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(virStorageSource) above = image(fixture, "above.qcow2");
    g_auto(qbjHostImgInfo) info = { 0 };

    g_assert_cmpint(makeOverlay(above->path, fixture->overlay), ==, 0);
    g_assert_cmpint(qbjHostImgCommit(fixture->overlay, fixture->base, NULL, NULL), ==, 0);
    g_assert_cmpint(qbjHostImgRebase(above, fixture->base), ==, 0);
    g_assert_cmpint(unlink(fixture->overlay->path), ==, 0);
    g_assert_cmpint(qbjHostImgRead(above, &info), ==, 0);
    g_assert_cmpstr(info.backing, ==, fixture->base->path);
    g_assert_true(holds(above, 2, "1M"));
    g_assert_true(holds(above, 1, "0"));
}

static const qbjHostImgBitmap *
bitmapOf(const qbjHostImgInfo *info, const char *name)
{
    size_t i;

    for (i = 0; info->bitmaps && i < info->bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info->bitmaps, i);

        if (STREQ(bitmap->name, name))
            return bitmap;
    }
    g_error("no bitmap %s", name);
    g_assert_not_reached();
}

static void
testBitmaps(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) after = { 0 };
    g_autofree char *quoted = g_shell_quote(fixture->overlay->path);

    g_assert_true(run("qemu-img bitmap --add %s c1", quoted));
    g_assert_true(run("qemu-img bitmap --add --disable %s off", quoted));
    g_assert_cmpint(qbjHostImgRead(fixture->overlay, &info), ==, 0);
    g_assert_cmpint(info.bitmaps->len, ==, 2);
    g_assert_true(bitmapOf(&info, "c1")->usable);
    g_assert_false(bitmapOf(&info, "off")->usable);
    g_assert_cmpint(qbjHostImgMergeBitmap(fixture->overlay, fixture->base, bitmapOf(&info, "c1"), true), ==, 0);
    g_assert_cmpint(qbjHostImgMergeBitmap(fixture->overlay, fixture->base, bitmapOf(&info, "c1"), false), ==, 0);
    g_assert_cmpint(qbjHostImgRead(fixture->base, &after), ==, 0);
    g_assert_true(bitmapOf(&after, "c1")->usable);
}

/* Names that are options. */
static void
testBitmapNames(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    const char *names[] = { "--remove", "-f", "--", "a b" };
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) after = { 0 };
    g_auto(qbjHostImgInfo) none = { 0 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_strdup(names[i]);
        qbjHostImgBitmap bitmap = { .name = name, .granularity = 65536 };

        g_assert_cmpint(qbjHostImgAddBitmap(fixture->overlay, &bitmap), ==, 0);
    }
    g_assert_cmpint(qbjHostImgRead(fixture->overlay, &info), ==, 0);
    g_assert_cmpint(info.bitmaps->len, ==, G_N_ELEMENTS(names));
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        const qbjHostImgBitmap *bitmap = bitmapOf(&info, names[i]);

        g_assert_cmpint(qbjHostImgMergeBitmap(fixture->overlay, fixture->base, bitmap, true), ==, 0);
        g_assert_cmpint(qbjHostImgMergeBitmap(fixture->overlay, fixture->base, bitmap, false), ==, 0);
    }
    g_assert_cmpint(qbjHostImgRead(fixture->base, &after), ==, 0);
    g_assert_cmpint(after.bitmaps->len, ==, G_N_ELEMENTS(names));
    g_assert_cmpint(qbjHostImgRemoveBitmaps(fixture->overlay, &info), ==, 0);
    g_assert_cmpint(qbjHostImgRead(fixture->overlay, &none), ==, 0);
    g_assert_null(none.bitmaps);
}

static void
testSnapshots(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) after = { 0 };

    g_assert_cmpint(qbjHostImgSnapshot(fixture->base, "-c", "a b"), ==, 0);
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 9 0 64k' %s", fixture->base->path));
    g_assert_cmpint(qbjHostImgRead(fixture->base, &info), ==, 0);
    g_assert_cmpint(g_strv_length(info.snapshots), ==, 1);
    g_assert_cmpstr(info.snapshots[0], ==, "a b");
    g_assert_cmpint(qbjHostImgApply(fixture->base, &info, "a b"), ==, 0);
    g_assert_true(holds(fixture->base, 1, "0"));
    g_assert_cmpint(qbjHostImgSnapshot(fixture->base, "-d", "a b"), ==, 0);
    g_assert_cmpint(qbjHostImgRead(fixture->base, &after), ==, 0);
    g_assert_null(after.snapshots);
    assertError(qbjHostImgApply(fixture->base, &after, "a b"), VIR_ERR_OPERATION_FAILED);
}

/* A name that is another one's id. */
static void
testSnapshotIds(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) twice = { 0 };

    g_assert_cmpint(qbjHostImgSnapshot(fixture->base, "-c", "2"), ==, 0);
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 9 0 64k' %s", fixture->base->path));
    g_assert_cmpint(qbjHostImgSnapshot(fixture->base, "-c", "1"), ==, 0);
    g_assert_true(run("qemu-io -f qcow2 -c 'write -q -P 7 0 64k' %s", fixture->base->path));
    g_assert_cmpint(qbjHostImgRead(fixture->base, &info), ==, 0);
    g_assert_cmpstr(info.ids[0], ==, info.snapshots[1]);
    g_assert_cmpint(qbjHostImgApply(fixture->base, &info, "1"), ==, 0);
    g_assert_true(holds(fixture->base, 9, "0"));
    g_assert_cmpint(qbjHostImgApply(fixture->base, &info, "2"), ==, 0);
    g_assert_true(holds(fixture->base, 1, "0"));
    g_assert_true(run("qemu-img snapshot -c 2 %s", fixture->base->path));
    g_assert_cmpint(qbjHostImgRead(fixture->base, &twice), ==, 0);
    assertError(qbjHostImgApply(fixture->base, &twice, "2"), VIR_ERR_OPERATION_FAILED);
}

#define ADD(name, function) g_test_add("/hostimg/" name, Fixture, NULL, fixtureSetUp, function, fixtureTearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    virInitialize();
    ADD("create", testCreate);
    ADD("create-fails", testCreateFails);
    ADD("commit", testCommit);
    ADD("commit-refused", testCommitRefused);
    ADD("commit-formats", testCommitFormats);
    ADD("commit-called-off", testCommitCalledOff);
    ADD("rebase", testRebase);
    ADD("move", testMove);
    ADD("move-refused", testMoveRefused);
    ADD("bitmaps", testBitmaps);
    ADD("bitmap names", testBitmapNames);
    ADD("snapshots", testSnapshots);
    ADD("snapshot-ids", testSnapshotIds);
    return g_test_run();
}
