/* Two-phase saving: the target holds the old text or the new one, and nothing else is left in the folder. */
#include <config.h>

#include "internal.h"
#include "savefixture.h"
#include "virerror.h"
#include "virqbjfault.h"
#include "host_save.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The last call failed with @errnum, @here is as it was. */
static void
assertUnchanged(const saveFixture *here, int errnum)
{
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, errnum);
    saveFixtureAssert(here->path, "old");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
    virResetLastError();
}

static void
testPhases(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0640);
    bool renamed = false;
    struct stat st;

    g_assert_nonnull(save);
    saveFixtureAssert(here->path, "old");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 2);

    umask(077);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    umask(022);
    g_assert_true(renamed);
    saveFixtureAssert(here->path, "new");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
    g_assert_cmpint(stat(here->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0640);
}

static void
testCalledOff(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    qbjHostSave *first = qbjHostSavePrepare(here->path, "first", 0600);
    qbjHostSave *second = qbjHostSavePrepare(here->path, "second", 0600);
    bool renamed;

    /* two at once do not share a file */
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 3);
    qbjHostSaveFree(first);
    saveFixtureAssert(here->path, "old");
    g_assert_cmpint(qbjHostSaveCommit(second, &renamed), ==, 0);
    qbjHostSaveFree(second);
    saveFixtureAssert(here->path, "second");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
    qbjHostSaveFree(NULL);
}

static void
testNewFile(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *name = g_strnfill(255, 'n');
    g_autofree char *path = g_build_filename(here->folder, name, NULL);
    g_autofree char *text = g_strnfill(3 * 1024 * 1024, 't');

    /* the longest name there is, and a text that takes several writes */
    g_assert_cmpint(qbjHostSaveFile(path, text, 0600), ==, 0);
    saveFixtureAssert(path, text);
    g_assert_cmpint(qbjHostSaveFile(path, "", 0600), ==, 0);
    saveFixtureAssert(path, "");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 2);
}

static void
testSymlink(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *link = g_build_filename(here->folder, "link.xml", NULL);

    g_assert_cmpint(symlink(here->path, link), ==, 0);
    g_assert_cmpint(qbjHostSaveFile(link, "new", 0600), ==, 0);
    g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    saveFixtureAssert(link, "new");
    saveFixtureAssert(here->path, "old");
}

static void
testFolderAsTarget(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autoptr(saveFixture) other = saveFixtureNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", "vm.xml", NULL);

    g_assert_null(qbjHostSavePrepare(other->folder, "new", 0600));
    assertUnchanged(other, EISDIR);
    g_assert_null(qbjHostSavePrepare(missing, "new", 0600));
    assertUnchanged(here, ENOENT);
}

static void
testIsThere(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
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
    g_assert_cmpint(unlink(here->path), ==, 0);
    g_assert_cmpint(g_mkdir(here->path, 0700), ==, 0);
    g_assert_false(qbjHostSaveIsThere(save));
    g_assert_cmpint(rmdir(here->path), ==, 0);
    g_assert_true(qbjHostSaveIsThere(save));
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    g_assert_false(qbjHostSaveIsThere(save));
}

/* Descriptors of ours for a file at @path that has no name any more. */
static unsigned int
countHeld(const char *path)
{
    g_autofree char *deleted = g_strdup_printf("%s (deleted)", path);
    g_autoptr(GDir) fds = g_dir_open("/proc/self/fd", 0, NULL);
    const char *entry;
    unsigned int n = 0;

    while ((entry = g_dir_read_name(fds))) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%s", entry);
        g_autofree char *target = g_file_read_link(link, NULL);

        n += target && strcmp(target, deleted) == 0;
    }
    return n;
}

/* What is replaced goes away with the save, not within the rename that a guest waits for. */
static void
testReplacedIsHeld(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    qbjHostSave *save = NULL;
    bool renamed;
    int tries;

    g_assert_cmpint(qbjHostSaveFile(here->path, "old", 0600), ==, 0);
    g_assert_cmpuint(countHeld(here->path), ==, 0);
    save = qbjHostSavePrepare(here->path, "new", 0600);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    g_assert_cmpuint(countHeld(here->path), ==, 1);
    qbjHostSaveLetGo(save);
    for (tries = 0; countHeld(here->path) > 0 && tries < 1000; tries++)
        g_usleep(10 * 1000);
    g_assert_cmpuint(countHeld(here->path), ==, 0);
    saveFixtureAssert(here->path, "new");
    qbjHostSaveLetGo(NULL);
}

static void
testFolderMoved(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0600);
    g_autofree char *moved = g_strdup_printf("%s-moved", here->folder);
    bool renamed;

    /* it goes where it was prepared */
    g_assert_cmpint(rename(here->folder, moved), ==, 0);
    g_assert_cmpint(g_mkdir(here->folder, 0700), ==, 0);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 0);
    g_assert_cmpint(rmdir(here->folder), ==, 0);
    g_assert_cmpint(rename(moved, here->folder), ==, 0);
    saveFixtureAssert(here->path, "new");
}

static void
testFileSizeLimit(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
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
runWithMounts(void (*body)(const saveFixture *here))
{
    g_autoptr(saveFixture) here = saveFixtureNew();
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
bodyFull(const saveFixture *here)
{
    g_autofree char *text = g_strnfill(200000, 't');

    if (mount("none", here->folder, "tmpfs", 0, "size=64k") < 0)
        _exit(77);
    g_assert_cmpint(qbjHostSaveFile(here->path, "old", 0600), ==, 0);
    g_assert_null(qbjHostSavePrepare(here->path, text, 0600));
    assertUnchanged(here, ENOSPC);
    g_assert_cmpint(qbjHostSaveFile(here->path, "new", 0600), ==, 0);
    saveFixtureAssert(here->path, "new");
}

static void
bodyReadOnly(const saveFixture *here)
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
    g_autoptr(saveFixture) here = saveFixtureNew();
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
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", NULL);
    g_autofree char *foreign = g_build_filename(here->folder, "foreign.new", NULL);
    pid_t pid = fork();
    int status;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        _exit(qbjHostSavePrepare(here->path, "new", 0600) ? 0 : 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 2);

    g_assert_true(g_file_set_contents(foreign, "", -1, NULL));
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->folder), ==, 0);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 2);
    saveFixtureAssert(foreign, "");
    saveFixtureAssert(here->path, "old");
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(missing), ==, 0);
    g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->path), ==, -1);
}

#ifdef QBJ_DEBUG_CHECKS
static void
testFaultFails(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
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
    saveFixtureAssert(here->path, "new");
    virQbjFaultSet(NULL);
}

/* A process that saves "1", "2", "3" and dies at the wanted point; returns what is in the file then. */
static char *
dieAt(const saveFixture *here, const char *fault)
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
        g_autoptr(saveFixture) here = saveFixtureNew();
        g_autofree char *text = dieAt(here, cases[i].fault);

        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_cmpint(qbjHostSaveRemoveLeftovers(here->folder), ==, 0);
        g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
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
    g_test_add_func("/host/save/replaced-is-held", testReplacedIsHeld);
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
