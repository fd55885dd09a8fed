/* Two-phase saving: the target holds the old text or the new one, and nothing else is left in the folder. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjfault.h"
#include "host_save.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct _place place;
struct _place {
    char *folder;
    char *path;                 /* folder/vm.xml, holds "old" */
};

static place *
placeNew(void)
{
    place *here = g_new0(place, 1);

    here->folder = g_dir_make_tmp("qbjsave-XXXXXX", NULL);
    g_assert_nonnull(here->folder);
    here->path = g_build_filename(here->folder, "vm.xml", NULL);
    g_assert_true(g_file_set_contents(here->path, "old", -1, NULL));
    return here;
}

static void
placeFree(place *here)
{
    if (!here)
        return;
    g_assert_cmpint(virFileDeleteTree(here->folder), ==, 0);
    g_free(here->folder);
    g_free(here->path);
    g_free(here);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(place, placeFree);

static unsigned int
countEntries(const char *folder)
{
    GDir *entries = g_dir_open(folder, 0, NULL);
    unsigned int n = 0;

    g_assert_nonnull(entries);
    while (g_dir_read_name(entries))
        n++;
    g_dir_close(entries);
    return n;
}

static void
assertText(const char *path, const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

/* The last call failed with @errnum, @here is as it was. */
static void
assertUnchanged(const place *here, int errnum)
{
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, errnum);
    assertText(here->path, "old");
    g_assert_cmpuint(countEntries(here->folder), ==, 1);
    virResetLastError();
}

static void
testPhases(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0640);
    bool renamed = false;
    struct stat st;

    g_assert_nonnull(save);
    assertText(here->path, "old");
    g_assert_cmpuint(countEntries(here->folder), ==, 2);

    umask(077);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    umask(022);
    g_assert_true(renamed);
    assertText(here->path, "new");
    g_assert_cmpuint(countEntries(here->folder), ==, 1);
    g_assert_cmpint(stat(here->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0640);
}

static void
testCalledOff(void)
{
    g_autoptr(place) here = placeNew();
    qbjHostSave *first = qbjHostSavePrepare(here->path, "first", 0600);
    qbjHostSave *second = qbjHostSavePrepare(here->path, "second", 0600);
    bool renamed;

    /* two at once do not share a file */
    g_assert_cmpuint(countEntries(here->folder), ==, 3);
    qbjHostSaveFree(first);
    assertText(here->path, "old");
    g_assert_cmpint(qbjHostSaveCommit(second, &renamed), ==, 0);
    qbjHostSaveFree(second);
    assertText(here->path, "second");
    g_assert_cmpuint(countEntries(here->folder), ==, 1);
    qbjHostSaveFree(NULL);
}

static void
testNewFile(void)
{
    g_autoptr(place) here = placeNew();
    g_autofree char *name = g_strnfill(255, 'n');
    g_autofree char *path = g_build_filename(here->folder, name, NULL);
    g_autofree char *text = g_strnfill(3 * 1024 * 1024, 't');

    /* the longest name there is, and a text that takes several writes */
    g_assert_cmpint(qbjHostSaveFile(path, text, 0600), ==, 0);
    assertText(path, text);
    g_assert_cmpint(qbjHostSaveFile(path, "", 0600), ==, 0);
    assertText(path, "");
    g_assert_cmpuint(countEntries(here->folder), ==, 2);
}

static void
testSymlink(void)
{
    g_autoptr(place) here = placeNew();
    g_autofree char *link = g_build_filename(here->folder, "link.xml", NULL);

    g_assert_cmpint(symlink(here->path, link), ==, 0);
    g_assert_cmpint(qbjHostSaveFile(link, "new", 0600), ==, 0);
    g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    assertText(link, "new");
    assertText(here->path, "old");
}

static void
testFolderAsTarget(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(place) other = placeNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", "vm.xml", NULL);

    g_assert_null(qbjHostSavePrepare(other->folder, "new", 0600));
    assertUnchanged(other, EISDIR);
    g_assert_null(qbjHostSavePrepare(missing, "new", 0600));
    assertUnchanged(here, ENOENT);
}

static void
testIsThere(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0600);
    g_autofree char *moved = g_strdup_printf("%s-moved", here->folder);
    bool renamed;

    g_assert_true(qbjHostSaveIsThere(save));
    g_assert_cmpint(rename(here->folder, moved), ==, 0);
    g_assert_false(qbjHostSaveIsThere(save));
    g_assert_cmpint(g_mkdir(here->folder, 0700), ==, 0);
    g_assert_false(qbjHostSaveIsThere(save));
    g_assert_cmpint(rmdir(here->folder), ==, 0);
    g_assert_cmpint(rename(moved, here->folder), ==, 0);
    g_assert_true(qbjHostSaveIsThere(save));
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    g_assert_false(qbjHostSaveIsThere(save));
}

static void
testFolderMoved(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0600);
    g_autofree char *moved = g_strdup_printf("%s-moved", here->folder);
    bool renamed;

    /* it goes where it was prepared */
    g_assert_cmpint(rename(here->folder, moved), ==, 0);
    g_assert_cmpint(g_mkdir(here->folder, 0700), ==, 0);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    g_assert_cmpuint(countEntries(here->folder), ==, 0);
    g_assert_cmpint(rmdir(here->folder), ==, 0);
    g_assert_cmpint(rename(moved, here->folder), ==, 0);
    assertText(here->path, "new");
}

static void
testFileSizeLimit(void)
{
    g_autoptr(place) here = placeNew();
    g_autofree char *text = g_strnfill(10000, 't');
    struct rlimit old;
    struct rlimit small;

    /* a write that stops in the middle, for everybody */
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
    small = old;
    small.rlim_cur = 5000;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    g_assert_null(qbjHostSavePrepare(here->path, text, 0600));
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    assertUnchanged(here, EFBIG);
}

/* Runs @body in a mount namespace of its own; exit status 77: that cannot be had here. */
static void
runWithMounts(void (*body)(const place *here))
{
    g_autoptr(place) here = placeNew();
    pid_t pid = fork();
    int status;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit(77);
        body(here);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("needs root, and a root folder that is a mount point");
    else
        g_assert_cmpint(status, ==, 0);
}

static void
bodyFull(const place *here)
{
    g_autofree char *text = g_strnfill(200000, 't');

    if (mount("none", here->folder, "tmpfs", 0, "size=64k") < 0)
        _exit(77);
    g_assert_cmpint(qbjHostSaveFile(here->path, "old", 0600), ==, 0);
    g_assert_null(qbjHostSavePrepare(here->path, text, 0600));
    assertUnchanged(here, ENOSPC);
    g_assert_cmpint(qbjHostSaveFile(here->path, "new", 0600), ==, 0);
    assertText(here->path, "new");
}

static void
bodyReadOnly(const place *here)
{
    if (mount(here->folder, here->folder, NULL, MS_BIND, NULL) < 0 ||
        mount("none", here->folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        _exit(77);
    g_assert_null(qbjHostSavePrepare(here->path, "new", 0600));
    assertUnchanged(here, EROFS);
}

static void
testFull(void)
{
    runWithMounts(bodyFull);
}

static void
testReadOnly(void)
{
    runWithMounts(bodyReadOnly);
}

static void
testNoPermission(void)
{
    g_autoptr(place) here = placeNew();
    pid_t pid;
    int status;

    g_assert_cmpint(chmod(here->folder, 0555), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        /* root may write everywhere */
        if (geteuid() == 0)
            g_assert_cmpint(setresuid(65534, 65534, 65534), ==, 0);
        g_assert_null(qbjHostSavePrepare(here->path, "new", 0600));
        assertUnchanged(here, EACCES);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(chmod(here->folder, 0700), ==, 0);
}

static void
testLeftovers(void)
{
    g_autoptr(place) here = placeNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", NULL);
    g_autofree char *foreign = g_build_filename(here->folder, "foreign.new", NULL);
    pid_t pid = fork();
    int status;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        _exit(qbjHostSavePrepare(here->path, "new", 0600) ? 0 : 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpuint(countEntries(here->folder), ==, 2);

    g_assert_true(g_file_set_contents(foreign, "", -1, NULL));
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->folder), ==, 0);
    g_assert_cmpuint(countEntries(here->folder), ==, 2);
    assertText(foreign, "");
    assertText(here->path, "old");
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(missing), ==, 0);
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->path), ==, -1);
}

#ifdef QBJ_DEBUG_CHECKS
static void
testFaultFails(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(qbjHostSave) save = NULL;
    bool renamed = true;

    virQbjFaultSet("save:2,save-write:3+");
    g_assert_cmpint(qbjHostSaveFile(here->path, "old", 0600), ==, 0);
    save = qbjHostSavePrepare(here->path, "new", 0600);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, -1);
    g_assert_false(renamed);
    g_clear_pointer(&save, qbjHostSaveFree);
    assertUnchanged(here, EIO);
    g_assert_null(qbjHostSavePrepare(here->path, "new", 0600));
    assertUnchanged(here, EIO);
    g_assert_null(qbjHostSavePrepare(here->path, "new", 0600));
    g_assert_cmpuint(virQbjFaultGetPasses("save"), ==, 2);
    g_assert_cmpuint(virQbjFaultGetPasses("save-write"), ==, 4);

    /* the folder's sync fails: the new text is there */
    virQbjFaultSet("save-sync:1");
    save = qbjHostSavePrepare(here->path, "new", 0600);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, -1);
    g_assert_true(renamed);
    assertText(here->path, "new");
    virQbjFaultSet(NULL);
}

/* A process that saves "1", "2", "3" and dies at the wanted point; returns what is in the file then. */
static char *
dieAt(const place *here, const char *fault)
{
    pid_t pid = fork();
    char *text = NULL;
    int status;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        virQbjFaultSet(NULL);
        g_setenv("QBJ_FAULT", fault, true);
        if (qbjHostSaveFile(here->path, "1", 0600) < 0 ||
            qbjHostSaveFile(here->path, "2", 0600) < 0 ||
            qbjHostSaveFile(here->path, "3", 0600) < 0)
            _exit(1);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(WEXITSTATUS(status), ==, 9);
    g_assert_true(g_file_get_contents(here->path, &text, NULL, NULL));
    return text;
}

static void
testFaultDies(void)
{
    static const struct { const char *fault; const char *text; } cases[] = {
        { "die-save-write:1", "old" }, { "die-save:1", "old" }, { "die-save-sync:1", "1" },
        { "die-save:2", "1" }, { "die-save:3", "2" }, { "die-save-sync:3", "3" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(place) here = placeNew();
        g_autofree char *text = dieAt(here, cases[i].fault);

        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->folder), ==, 0);
        g_assert_cmpuint(countEntries(here->folder), ==, 1);
    }
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    umask(022);

    g_test_add_func("/host/save/phases", testPhases);
    g_test_add_func("/host/save/called-off", testCalledOff);
    g_test_add_func("/host/save/new-file", testNewFile);
    g_test_add_func("/host/save/symlink", testSymlink);
    g_test_add_func("/host/save/folder-as-target", testFolderAsTarget);
    g_test_add_func("/host/save/is-there", testIsThere);
    g_test_add_func("/host/save/folder-moved", testFolderMoved);
    g_test_add_func("/host/save/file-size-limit", testFileSizeLimit);
    g_test_add_func("/host/save/full", testFull);
    g_test_add_func("/host/save/read-only", testReadOnly);
    g_test_add_func("/host/save/no-permission", testNoPermission);
    g_test_add_func("/host/save/leftovers", testLeftovers);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/host/save/fault-fails", testFaultFails);
    g_test_add_func("/host/save/fault-dies", testFaultDies);
#endif
    return g_test_run();
}
