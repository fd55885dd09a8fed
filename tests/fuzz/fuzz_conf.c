/* What stands in qemu.conf. The seeds are files of that kind.
 *
 * Laws: a file that is refused changes nothing; of one that is taken, the lists of keys are sorted and name
 * none twice, and the same text gives the same settings again. */
#include <config.h>

#include "internal.h"
#include "virerror.h"

#include "fuzz_main.h"
#include "virqbjconf.h"

static void
qbjFuzzCheckList(char *const *names)
{
    size_t i;

    for (i = 0; names[i] && names[i + 1]; i++)
        g_assert_cmpstr(names[i], <, names[i + 1]);
}

static char *
qbjFuzzText(const virQbjConf *conf)
{
    g_autofree char *ignored = g_strjoinv(",", conf->ignoredKeys);
    g_autofree char *unknown = g_strjoinv(",", conf->unknownKeys);
    g_autofree char *unsafe = g_strjoinv(",", conf->unsafeKeys);
    g_autofree char *drivers = conf->securityDrivers ? g_strjoinv(",", conf->securityDrivers) : NULL;

    return g_strdup_printf("%u %u %d %d %s %d %d %s %s %u %u %u %u %u %llu %d %d %d %d %d %s [%s] [%s] [%s]",
                           conf->user, conf->group, conf->dynamicOwnership, conf->rememberOwner,
                           NULLSTR(drivers), conf->securityDefaultConfined, conf->securityRequireConfined,
                           NULLSTR(conf->vncListen), NULLSTR(conf->vncPassword), conf->displayPortMin,
                           conf->displayPortMax, conf->maxQueued, conf->maxProcesses, conf->maxFiles, conf->maxCore,
                           conf->dumpGuestCore, conf->setProcessName, conf->logTimestamp, conf->seccompSandbox,
                           conf->stdioHandler, NULLSTR(conf->lockManager), ignored, unknown, unsafe);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(false, NULL);
    g_autofree char *text = g_strndup((const char *) data, size);
    g_autofree char *before = qbjFuzzText(conf);
    g_autofree char *after = NULL;
    g_autofree char *again = NULL;
    int rc;

    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    rc = virQbjConfLoadText(conf, text);
    after = qbjFuzzText(conf);
    if (rc < 0) {
        g_assert_cmpstr(before, ==, after);
        g_assert_nonnull(virGetLastError());
        virResetLastError();
        return 0;
    }

    qbjFuzzCheckList(conf->ignoredKeys);
    qbjFuzzCheckList(conf->unknownKeys);
    qbjFuzzCheckList(conf->unsafeKeys);
    g_assert_cmpint(virQbjConfLoadText(conf, text), ==, 0);
    again = qbjFuzzText(conf);
    g_assert_cmpstr(again, ==, after);
    return 0;
}
