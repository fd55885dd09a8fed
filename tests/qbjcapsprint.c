/* Prints capabilities as the API calls answer:
 *   qbjcapsprint host
 *   qbjcapsprint domain BINARY ARCH MACHINE VIRTTYPE
 *   qbjcapsprint compare BINARY ARCH MACHINE VIRTTYPE FLAGS FILE
 *   qbjcapsprint baseline BINARY ARCH MACHINE VIRTTYPE FLAGS FILE...
 * FLAGS are letters: f fail, v validate, e expand, m migratable. The answer to "compare" is a number.
 *
 * What QEMU says is kept in the folder that QBJ_CAPS_FOLDER in the environment names. "-" stands for an
 * argument that is not given. On an error its text follows "error: " on the standard output. */
#include <config.h>

#include <stdio.h>

#include "internal.h"
#include "virerror.h"
#include "vm_caps.h"

static const char *
qbjTestArgument(const char *text)
{
    return STREQ(text, "-") ? NULL : text;
}

static char *
qbjTestRead(const char *path)
{
    char *text;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        g_error("cannot read %s", path);
    return text;
}

/* @argv: from BINARY on */
static char *
qbjTestCompare(qbjVmCapsCache *cache, char **argv)
{
    g_autofree char *xml = qbjTestRead(argv[5]);
    int result = qbjVmCapsCompareCpu(cache, qbjTestArgument(argv[0]), qbjTestArgument(argv[1]),
                                     qbjTestArgument(argv[2]), qbjTestArgument(argv[3]), xml,
                                     strchr(argv[4], 'f'), strchr(argv[4], 'v'));

    return result < 0 ? NULL : g_strdup_printf("%d", result);
}

static char *
qbjTestBaseline(qbjVmCapsCache *cache, char **argv)
{
    unsigned int count = g_strv_length(argv + 5);
    g_auto(GStrv) xmls = g_new0(char *, count + 1);
    size_t i;

    for (i = 0; i < count; i++)
        xmls[i] = qbjTestRead(argv[5 + i]);
    return qbjVmCapsBaselineCpu(cache, qbjTestArgument(argv[0]), qbjTestArgument(argv[1]), qbjTestArgument(argv[2]),
                                qbjTestArgument(argv[3]), (void *) xmls, count, strchr(argv[4], 'e'),
                                strchr(argv[4], 'm'));
}

int
main(int argc, char **argv)
{
    g_autoptr(qbjVmCapsCache) cache = qbjVmCapsCacheNew("/nonexistent", (uid_t) -1, (gid_t) -1);
    const char *folder = g_getenv("QBJ_CAPS_FOLDER");
    g_autoptr(virCaps) host = NULL;
    g_autofree char *text = NULL;

    if (virInitialize() < 0 || !cache)
        return EXIT_FAILURE;
    if (folder)
        qbjVmCapsCacheSetFolder(cache, folder);

    if (argc == 2 && STREQ(argv[1], "host")) {
        if ((host = qbjVmCapsHost(cache)))
            text = virCapabilitiesFormatXML(host);
    } else if (argc == 6 && STREQ(argv[1], "domain")) {
        text = qbjVmCapsDomain(cache, qbjTestArgument(argv[2]), qbjTestArgument(argv[3]),
                               qbjTestArgument(argv[4]), qbjTestArgument(argv[5]));
    } else if (argc == 8 && STREQ(argv[1], "compare")) {
        text = qbjTestCompare(cache, argv + 2);
    } else if (argc > 7 && STREQ(argv[1], "baseline")) {
        text = qbjTestBaseline(cache, argv + 2);
    } else {
        return EXIT_FAILURE;
    }

    if (text)
        puts(text);
    else
        printf("error: %s\n", virGetLastErrorMessage());
    return EXIT_SUCCESS;
}
