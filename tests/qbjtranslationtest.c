/* The German catalogue of this build is found by libvirt's _(), and core/ speaks German then. */
#include <config.h>

#include <locale.h>

#include "internal.h"
#include "job.h"

static void
testMessage(void)
{
    g_assert_cmpstr(_("QEMU closed its monitor"), ==, "QEMU hat seinen Monitor geschlossen");
}

static void
testRefusal(void)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    g_assert_cmpint(qbjJobVerbCheck(QBJ_TYPE_ACTIVE_COMMIT, QBJ_STATE_RUNNING, QBJ_VERB_PIVOT,
                                    "commit-vda", "vda", &refusal), ==, -1);
    g_assert_cmpstr(refusal.message, ==, "Der Block-Job »commit-vda« ist noch nicht bereit für den Wechsel");
}

static void
testUnknown(void)
{
    g_assert_cmpstr(_("this message is in no catalogue"), ==, "this message is in no catalogue");
}

int
main(int argc, char **argv)
{
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_setenv("LANGUAGE", "de", TRUE);
    if (!setlocale(LC_ALL, "") || !bindtextdomain(PACKAGE, QBJ_TEST_CATALOGUES) ||
        !bind_textdomain_codeset(PACKAGE, "UTF-8"))
        return 1;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translation/message", testMessage);
    g_test_add_func("/translation/refusal", testRefusal);
    g_test_add_func("/translation/unknown", testUnknown);
    return g_test_run();
}
