/* Arguments and environment that the user adds (<qemu:commandline>). They come as they are: whoever may
 * define a domain with them can do all that QEMU can, and the domain is tainted. */

#include <config.h>

#include "internal.h"
#include "virqbjcommandline.h"
#include "vm_args_parts.h"

int
qbjVmArgsAddCustom(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virQbjCommandline *commandline = input->def->namespaceData;
    size_t i;

    if (!commandline)
        return 0;

    for (i = 0; commandline->args[i]; i++)
        virCommandAddArg(cmd, commandline->args[i]);
    for (i = 0; commandline->envNames[i]; i++)
        virCommandAddEnvPair(cmd, commandline->envNames[i], commandline->envValues[i]);

    return 0;
}
