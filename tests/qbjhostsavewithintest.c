/* Saving that is waited for only so long. */
#include <config.h>

#include "internal.h"
#include "savefixture.h"
#include "virerror.h"
#include "virqbjfault.h"
#include "host_save_within.h"

#define LIMIT_MS 30000

/* The file of @save, in the place of @here's. */
static void
assertSaves(const saveFixture *here, qbjHostSave *save, const char *text)
{
    bool renamed = false;

    g_assert_nonnull(save);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    saveFixtureAssert(here->path, text);
}

static void
testWithin(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autoptr(saveFixture) other = saveFixtureNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", "vm.xml", NULL);
    qbjHostSave *kept = qbjHostSavePrepare(here->path, "kept", 0600);
    qbjHostSaveWish wishes[] = {
        { .path = here->path, .text = "kept", .save = kept },
        { .path = other->path, .text = "new" },
    };

    /* what is right already is used */
    g_assert_cmpint(qbjHostSaveWithin(wishes, 2, LIMIT_MS), ==, 0);
    g_assert_true(wishes[0].save == kept);
    assertSaves(other, wishes[1].save, "new");
    g_clear_pointer(&wishes[1].save, qbjHostSaveFree);

    /* another text is written anew, and none removes the file */
    wishes[0].text = "later";
    g_assert_cmpint(qbjHostSaveWithin(wishes, 1, LIMIT_MS), ==, 0);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 2);
    wishes[0].text = NULL;
    g_assert_cmpint(qbjHostSaveWithin(wishes, 1, LIMIT_MS), ==, 0);
    g_assert_null(wishes[0].save);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);

    /* one that cannot be written takes the others with it */
    wishes[0].text = "new";
    wishes[1].path = missing;
    g_assert_cmpint(qbjHostSaveWithin(wishes, 2, LIMIT_MS), ==, -1);
    g_assert_null(wishes[0].save);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, ENOENT);
    saveFixtureAssert(here->path, "old");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
}

/* The two halves: what is wished for may change meanwhile, and a folder is made. */
static void
testHalves(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *folder = g_build_filename(here->folder, "new", NULL);
    g_autofree char *path = g_build_filename(folder, "vm.xml", NULL);
    g_autofree char *text = g_strdup("text");
    qbjHostSaveWish wishes[] = {
        { .path = here->path, .text = NULL },
        { .path = path, .text = text, .folder = true },
    };
    qbjHostSaveTasks *tasks = qbjHostSaveWithinBegin(wishes, 2);
    bool renamed = false;

    memset(text, 'x', strlen(text));
    g_assert_cmpint(qbjHostSaveWithinEnd(tasks, wishes, LIMIT_MS), ==, 0);
    g_assert_null(wishes[0].save);
    g_assert_cmpint(qbjHostSaveCommit(wishes[1].save, &renamed), ==, 0);
    saveFixtureAssert(path, "text");
    g_clear_pointer(&wishes[1].save, qbjHostSaveFree);

    wishes[1].folder = false;
    wishes[1].path = "/nowhere/vm.xml";
    g_assert_cmpint(qbjHostSaveWithinEnd(qbjHostSaveWithinBegin(wishes, 2), wishes, LIMIT_MS), ==, -1);
    g_assert_null(wishes[1].save);
}

/* Without a sync; @save is renamed once. */
static void
testRename(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autoptr(qbjHostSave) save = qbjHostSavePrepare(here->path, "new", 0600);

    g_assert_cmpint(qbjHostSaveRename(save), ==, 0);
    saveFixtureAssert(here->path, "new");
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, 1);
}

#ifdef QBJ_DEBUG_CHECKS
static void
assertGivenUp(qbjHostSaveWish *wish)
{
    g_assert_cmpint(qbjHostSaveWithin(wish, 1, 1), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_TIMEOUT);
    virResetLastError();
}

static void
waitForEntries(const saveFixture *here, unsigned int n)
{
    unsigned int left;

    for (left = LIMIT_MS; left > 0 && saveFixtureEntries(here->folder) != n; left--)
        g_usleep(1000);
    g_assert_cmpuint(saveFixtureEntries(here->folder), ==, n);
}

/* A disk that hangs: whoever waits gives up, and what was begun is removed when the disk goes on. */
static void
testWithinHangs(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    qbjHostSaveWish wish = { .path = here->path, .text = "new", .save = qbjHostSavePrepare(here->path, "other", 0600) };

    virQbjFaultSet("save-hang:1+");
    assertGivenUp(&wish);
    g_assert_null(wish.save);
    while (virQbjFaultGetPasses("save-hang") == 0)
        g_usleep(1000);
    waitForEntries(here, 2);
    virQbjFaultSet(NULL);
    waitForEntries(here, 1);
    saveFixtureAssert(here->path, "old");
}

/* Threads that wait for such a disk do not get more and more. */
static void
testWithinStuck(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    qbjHostSave *kept = qbjHostSavePrepare(here->path, "kept", 0600);
    qbjHostSaveWish wish = { .path = here->path, .text = "new" };
    size_t i;

    virQbjFaultSet("save-hang:1+");
    for (i = 0; i < 16; i++)
        assertGivenUp(&wish);
    waitForEntries(here, 2 + 16);
    wish.save = kept;
    assertGivenUp(&wish);
    g_assert_true(wish.save == kept);
    qbjHostSaveFree(kept);
    virQbjFaultSet(NULL);
    waitForEntries(here, 1);
    saveFixtureAssert(here->path, "old");
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/host/save-within/phases", testWithin);
    g_test_add_func("/host/save-within/halves", testHalves);
    g_test_add_func("/host/save-within/rename", testRename);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/host/save-within/hangs", testWithinHangs);
    g_test_add_func("/host/save-within/stuck", testWithinStuck);
#endif
    return g_test_run();
}
