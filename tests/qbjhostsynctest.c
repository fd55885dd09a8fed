/* host_sync.h: what is flushed, and that nothing is waited for without limit. */
#include <config.h>

#include "internal.h"
#include "savefixture.h"
#include "virerror.h"
#include "virqbjfault.h"
#include "host_sync.h"

#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_MS 30000

static void
testSync(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    g_autofree char *missing = g_build_filename(here->folder, "none", NULL);
    g_autofree char *fifo = g_build_filename(here->folder, "fifo", NULL);

    g_assert_cmpint(qbjHostSyncWithin(here->path, LIMIT_MS), ==, 0);
    saveFixtureAssert(here->path, "old");

    /* nothing that could be waited for, or that is not there: whoever writes it says so */
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_cmpint(qbjHostSyncWithin(fifo, LIMIT_MS), ==, 0);
    g_assert_cmpint(qbjHostSyncWithin(missing, LIMIT_MS), ==, 0);
    g_assert_cmpint(qbjHostSyncWithin("/dev/null", LIMIT_MS), ==, 0);
}

#ifdef QBJ_DEBUG_CHECKS
static void
testSyncFails(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();

    virQbjFaultSet("sync:1");
    g_assert_cmpint(qbjHostSyncWithin(here->path, LIMIT_MS), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
    g_assert_cmpint(virGetLastError()->int1, ==, EIO);
    virQbjFaultSet(NULL);
}

static void
testSyncHangs(void)
{
    g_autoptr(saveFixture) here = saveFixtureNew();
    size_t i;

    virQbjFaultSet("sync-hang:1+");
    for (i = 0; i < 20; i++) {          /* the last ones get no thread any more */
        g_assert_cmpint(qbjHostSyncWithin(here->path, 1), ==, -1);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_TIMEOUT);
        virResetLastError();
    }
    virQbjFaultSet(NULL);
    /* when the disk goes on, those who were given up go */
    while (qbjHostSyncWithin(here->path, LIMIT_MS) < 0)
        g_usleep(1000);
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/host/sync/kinds", testSync);
#ifdef QBJ_DEBUG_CHECKS
    g_test_add_func("/host/sync/fails", testSyncFails);
    g_test_add_func("/host/sync/hangs", testSyncHangs);
#endif
    return g_test_run();
}
