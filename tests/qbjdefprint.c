/* Prints the XML that each of the given definitions would show when it runs, with the aliases of a start; a
 * NUL behind each.
 * Used by definestocktest.py. */
#include <config.h>

#include <stdio.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "virerror.h"
#include "vm_def.h"

static void
qbjTestPrint(const char *path, virDomainXMLOption *xmlopt)
{
    g_autofree char *xml = NULL;
    g_autofree char *text = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!g_file_get_contents(path, &xml, NULL, NULL))
        g_error("cannot read %s", path);

    if (!(def = qbjTestDefine(xml, xmlopt)) || qbjVmDefAssignAliases(def) < 0 ||
        !(text = virDomainDefFormat(def, xmlopt, 0)))
        g_error("%s: %s", path, virGetLastErrorMessage());

    fputs(text, stdout);
    putchar('\0');
}

int
main(int argc, char **argv)
{
    g_autoptr(qbjVmCapsCache) cache = qbjTestCapsCache();
    virDomainXMLOption *xmlopt = NULL;
    int i;

    if (virInitialize() < 0 || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());

    for (i = 1; i < argc; i++)
        qbjTestPrint(argv[i], xmlopt);

    virObjectUnref(xmlopt);
    return 0;
}
