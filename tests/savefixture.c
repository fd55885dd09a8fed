#include <config.h>

#include "internal.h"
#include "savefixture.h"
#include "virfile.h"

saveFixture *
saveFixtureNew(void)
{
    saveFixture *here = g_new0(saveFixture, 1);

    here->folder = g_dir_make_tmp("qbjsave-XXXXXX", NULL);
    g_assert_nonnull(here->folder);
    here->path = g_build_filename(here->folder, "vm.xml", NULL);
    g_assert_true(g_file_set_contents(here->path, "old", -1, NULL));
    return here;
}

void
saveFixtureFree(saveFixture *here)
{
    if (!here)
        return;
    g_assert_cmpint(virFileDeleteTree(here->folder), ==, 0);
    g_free(here->folder);
    g_free(here->path);
    g_free(here);
}

unsigned int
saveFixtureEntries(const char *folder)
{
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    unsigned int n = 0;

    g_assert_nonnull(entries);
    while (g_dir_read_name(entries))
        n++;
    return n;
}

void
saveFixtureAssert(const char *path, const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}
