/* Prints capabilities as the API calls answer: qbjcapsprint host | qbjcapsprint domain BINARY ARCH MACHINE
 * VIRTTYPE
 *
 * "-" stands for an argument that is not given. On an error its text follows "error: " on the standard
 * output. */
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

int
main(int argc, char **argv)
{
    g_autoptr(qbjVmCapsCache) cache = qbjVmCapsCacheNew("/nonexistent", (uid_t) -1, (gid_t) -1);
    g_autoptr(virCaps) host = NULL;
    g_autofree char *text = NULL;

    if (virInitialize() < 0 || !cache)
        return EXIT_FAILURE;

    if (argc == 2 && STREQ(argv[1], "host")) {
        if ((host = qbjVmCapsHost(cache)))
            text = virCapabilitiesFormatXML(host);
    } else if (argc == 6 && STREQ(argv[1], "domain")) {
        text = qbjVmCapsDomain(cache, qbjTestArgument(argv[2]), qbjTestArgument(argv[3]),
                               qbjTestArgument(argv[4]), qbjTestArgument(argv[5]));
    } else {
        return EXIT_FAILURE;
    }

    if (text)
        puts(text);
    else
        printf("error: %s\n", virGetLastErrorMessage());
    return EXIT_SUCCESS;
}
