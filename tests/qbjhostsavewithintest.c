/* Saving that is waited for only so long. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjfault.h"
#include "host_save_within.h"

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

#define LIMIT_MS 30000

/* The file of @save, in the place of @here's. */
static void
assertSaves(const place *here, qbjHostSave *save, const char *text)
{
    bool renamed = false;

    g_assert_nonnull(save);
    g_assert_cmpint(qbjHostSaveCommit(save, &renamed), ==, 0);
    assertText(here->path, text);
}

static void
testWithin(void)
{
    g_autoptr(place) here = placeNew();
    g_autoptr(place) other = placeNew();
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
    g_assert_cmpuint(countEntries(here->folder), ==, 2);
    wishes[0].text = NULL;
    g_assert_cmpint(qbjHostSaveWithin(wishes, 1, LIMIT_MS), ==, 0);
    g_assert_null(wishes[0].save);
    g_assert_cmpuint(countEntries(here->folder), ==, 1);

    /* one that cannot be written takes the others with it */
    wishes[0].text = "new";
    wishes[1].path = missing;
    g_assert_cmpint(qbjHostSaveWithin(wishes, 2, LIMIT_MS), ==, -1);
    g_assert_null(wishes[0].save);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, ENOENT);
    assertText(here->path, "old");
    g_assert_cmpuint(countEntries(here->folder), ==, 1);
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
waitForEntries(const place *here, unsigned int n)
{
    unsigned int left;

    for (left = LIMIT_MS; left > 0 && countEntries(here->folder) != n; left--)
        g_usleep(1000);
    g_assert_cmpuint(countEntries(here->folder), ==, n);
}

/* A disk that hangs: whoever waits gives up, and what was begun is removed when the disk goes on. */
static void
testWithinHangs(void)
{
    g_autoptr(place) here = placeNew();
    qbjHostSaveWish wish = { .path = here->path, .text = "new", .save = qbjHostSavePrepare(here->path, "other", 0600) };

    virQbjFaultSet("save-hang:1+");
    assertGivenUp(&wish);
    g_assert_null(wish.save);
    while (virQbjFaultGetPasses("save-hang") == 0)
        g_usleep(1000);
    waitForEntries(here, 2);
    virQbjFaultSet(NULL);
    waitForEntries(here, 1);
    assertText(here->path, "old");
}

/* Threads that wait for such a disk do not get more and more. */
static void
testWithinStuck(void)
{
    g_autoptr(place) here = placeNew();
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
    assertText(here->path, "old");
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/host/save-within/phases", testWithin);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/host/save-within/hangs", testWithinHangs);
    g_test_add_func("/host/save-within/stuck", testWithinStuck);
#endif
    return g_test_run();
}
