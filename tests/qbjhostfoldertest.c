/* host_folder.h against what QEMU's user may put in the place of a folder. */
#include <config.h>

#include "internal.h"
#include "host_folder.h"
#include "virerror.h"
#include "virfile.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct _Fixture Fixture;
struct _Fixture {
    char *root;         /* ours; in it: "open", which others may write to, "victim" with "file" */
    char *folder;       /* root/open/folder */
    char *victim;
    char *inside;       /* root/victim/file */
};

static void
fixtureSetUp(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *parent = NULL;

    fixture->root = g_dir_make_tmp("qbj-folder-XXXXXX", NULL);
    g_assert_nonnull(fixture->root);
    parent = g_build_filename(fixture->root, "open", NULL);
    fixture->folder = g_build_filename(parent, "folder", NULL);
    fixture->victim = g_build_filename(fixture->root, "victim", NULL);
    fixture->inside = g_build_filename(fixture->victim, "file", NULL);
    g_assert_cmpint(mkdir(parent, 0777), ==, 0);
    g_assert_cmpint(chmod(parent, 0777), ==, 0);
    g_assert_cmpint(mkdir(fixture->victim, 0700), ==, 0);
    g_assert_true(g_file_set_contents(fixture->inside, "x", -1, NULL));
}

static void
fixtureTearDown(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    struct stat st;

    g_assert_cmpint(stat(fixture->victim, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    g_assert_cmpint(access(fixture->inside, F_OK), ==, 0);
    g_assert_cmpint(qbjHostFolderRemove(fixture->root), ==, 0);
    g_assert_cmpint(access(fixture->root, F_OK), <, 0);
    g_free(fixture->root);
    g_free(fixture->folder);
    g_free(fixture->victim);
    g_free(fixture->inside);
}

static void
testMakeWrite(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE fd = qbjHostFolderMake(fixture->folder, 0750);
    VIR_AUTOCLOSE file = -1;
    VIR_AUTOCLOSE again = -1;
    g_autofree char *path = g_build_filename(fixture->folder, "key", NULL);
    g_autofree char *text = NULL;
    struct stat st;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(stat(fixture->folder, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0750);
    file = qbjHostFolderWrite(fd, "key", "abc", 3);
    g_assert_cmpint(file, >=, 0);
    again = qbjHostFolderWrite(fd, "key", "abc", 3);
    g_assert_cmpint(again, <, 0);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "abc");

    /* what an earlier run left is not there any more */
    VIR_FORCE_CLOSE(fd);
    fd = qbjHostFolderMake(fixture->folder, 0700);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(access(path, F_OK), <, 0);
}

static void
testMakeOverLink(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE fd = -1;
    struct stat st;

    g_assert_cmpint(symlink(fixture->victim, fixture->folder), ==, 0);
    fd = qbjHostFolderMake(fixture->folder, 0750);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(lstat(fixture->folder, &st), ==, 0);
    g_assert_true(S_ISDIR(st.st_mode));
}

static void
testWriteOverLink(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE fd = qbjHostFolderMake(fixture->folder, 0750);
    VIR_AUTOCLOSE file = -1;
    g_autofree char *link = g_build_filename(fixture->folder, "key", NULL);
    g_autofree char *text = NULL;

    g_assert_cmpint(symlink(fixture->inside, link), ==, 0);
    file = qbjHostFolderWrite(fd, "key", "abc", 3);
    g_assert_cmpint(file, <, 0);
    g_assert_true(g_file_get_contents(fixture->inside, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "x");
}

static void
testRemoveLinks(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *deep = g_build_filename(fixture->folder, "a", "b", NULL);
    g_autofree char *link = g_build_filename(deep, "link", NULL);

    g_assert_cmpint(symlink(fixture->victim, fixture->folder), ==, 0);
    g_assert_cmpint(qbjHostFolderRemove(fixture->folder), ==, 0);

    g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
    g_assert_cmpint(symlink(fixture->victim, link), ==, 0);
    g_assert_cmpint(qbjHostFolderRemove(fixture->folder), ==, 0);
    g_assert_cmpint(access(fixture->folder, F_OK), <, 0);
    g_assert_cmpint(qbjHostFolderRemove(fixture->folder), ==, 0);
    g_assert_cmpint(qbjHostFolderRemove("/nonexistent/a/b"), ==, 0);
}

/* A link above the folder: where others may write it is refused, where only we can it is somebody's wish. */
static void
testParentLink(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autofree char *theirs = g_build_filename(fixture->root, "open", "link", NULL);
    g_autofree char *ours = g_build_filename(fixture->root, "link", NULL);
    g_autofree char *below = g_build_filename(theirs, "file", NULL);
    VIR_AUTOCLOSE fd = -1;

    g_assert_cmpint(symlink(fixture->victim, theirs), ==, 0);
    g_assert_cmpint(symlink(fixture->victim, ours), ==, 0);
    g_assert_cmpint(qbjHostFolderOpen(theirs), <, 0);
    g_assert_cmpint(qbjHostFolderRemove(below), <, 0);
    g_assert_cmpint(qbjHostFolderMake(below, 0700), <, 0);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    fd = qbjHostFolderOpen(ours);
    g_assert_cmpint(fd, >=, 0);
}

static void
testTooDeep(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) deep = g_string_new(fixture->folder);
    g_autofree char *half = NULL;
    unsigned int i;

    for (i = 0; i < 40; i++) {
        g_string_append(deep, "/d");
        if (i == 20)
            half = g_strdup(deep->str);
    }
    g_assert_cmpint(g_mkdir_with_parents(deep->str, 0700), ==, 0);
    g_assert_cmpint(qbjHostFolderRemove(fixture->folder), <, 0);
    g_assert_cmpint(errno, ==, ELOOP);
    g_assert_cmpint(qbjHostFolderRemove(half), ==, 0);
}

static void
quiet(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

#define ADD(name, test) g_test_add("/hostfolder/" name, Fixture, NULL, fixtureSetUp, test, fixtureTearDown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    virSetErrorFunc(NULL, quiet);
    ADD("make-write", testMakeWrite);
    ADD("make-over-link", testMakeOverLink);
    ADD("write-over-link", testWriteOverLink);
    ADD("remove-links", testRemoveLinks);
    ADD("parent-link", testParentLink);
    ADD("too-deep", testTooDeep);
    return g_test_run();
}
