/* Golden status files: each folder of tests/qemublockjobdata/status has status.xml, and result.xml as we write it back. */
#include <config.h>

#include "internal.h"
#include "statusfixture.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

static char *
qbjTestRewrite(const char *path)
{
    virDomainObj *vm = qbjTestStatusRead(path, xmlopt);
    char *text;

    if (!vm)
        g_error("%s: %s", path, virGetLastErrorMessage());

    text = qbjTestStatusText(vm, xmlopt);
    virDomainObjEndAPI(&vm);
    g_assert_nonnull(text);
    return text;
}

static void
qbjTestGolden(const void *opaque)
{
    g_autofree char *in = g_build_filename(opaque, "status.xml", NULL);
    g_autofree char *out = g_build_filename(opaque, "result.xml", NULL);
    g_autofree char *text = qbjTestRewrite(in);
    g_autofree char *again = NULL;

    qbjTestCompareFile(text, out);
    again = qbjTestRewrite(out);
    g_assert_cmpstr(again, ==, text);
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "status", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/status/golden/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestGolden, g_free);
    }

    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
