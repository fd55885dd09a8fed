/* usage: statusrewrite FILE: what this driver would save after it has read the status file, on stdout. */
#include <config.h>

#include "internal.h"

#include <stdio.h>

#include "statusfixture.h"
#include "virerror.h"

int
main(int argc, char **argv)
{
    virDomainXMLOption *xmlopt;
    virDomainObj *vm;
    g_autofree char *text = NULL;

    if (argc != 2 || virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()) ||
        !(vm = qbjTestStatusRead(argv[1], xmlopt)) || !(text = qbjTestStatusText(vm, xmlopt))) {
        fprintf(stderr, "statusrewrite: %s\n", argc == 2 ? virGetLastErrorMessage() : "one file, please");
        return 1;
    }

    fputs(text, stdout);
    virDomainObjEndAPI(&vm);
    virObjectUnref(xmlopt);
    return 0;
}
