/* Prints the command line for a domain XML file, quoted for a shell: qbjargsprint ROOT FILE...
 *
 * One text for each file, ended by a NUL byte; "error: ..." when there is none. With the real binaries'
 * capabilities. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "internal.h"
#include "argsfixture.h"
#include "virerror.h"
#include "virfile.h"

int
main(int argc, char **argv)
{
    g_autoptr(qbjVmCapsCache) cache = qbjVmCapsCacheNew("/nonexistent", (uid_t) -1, (gid_t) -1);
    g_autoptr(virDomainXMLOption) xmlopt = NULL;
    const char *home = geteuid() == 0 ? NULL : argv[1];     /* as the stock driver is started by the test */
    g_autofree char *nvramDir = NULL;
    int i;

    if (virInitialize() < 0 || virFileFindHugeTLBFS(&qbjTestMounts, &qbjTestNmounts) < 0 || !cache || argc < 3)
        return EXIT_FAILURE;

    nvramDir = g_strdup_printf("%s/lib/qemu/nvram", argv[1]);
    qbjTestNvramDir = nvramDir;
    xmlopt = qbjTestArgsXMLOption(cache);
    for (i = 2; i < argc; i++) {
        g_autoptr(virDomainDef) def = qbjTestArgsDefinition(argv[i], xmlopt);
        g_autoptr(virCommand) cmd = def ? qbjTestArgsCommand(def, cache, argv[1], home) : NULL;
        g_autofree char *text = cmd ? virCommandToString(cmd, false) : NULL;

        if (text)
            printf("%s%c", text, '\0');
        else
            printf("error: %s%c", virGetLastErrorMessage(), '\0');
        virResetLastError();
    }

    return EXIT_SUCCESS;
}
