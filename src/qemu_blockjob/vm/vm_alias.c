/* Aliases of a VM's devices: QEMU's device ids, and the names that clients see in the live XML (11.2,
 * 11.3). */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_alias.h"
#include "vm_def.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The chipset's own controllers have a name in QEMU that cannot be chosen. */
static char *
qbjVmAliasBoardController(const virDomainControllerDef *controller, const virDomainDef *def)
{
    switch (controller->type) {
    case VIR_DOMAIN_CONTROLLER_TYPE_PCI:
        if (controller->model == VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT)
            return g_strdup_printf("pcie.%d", controller->idx);
        return g_strdup_printf("pci.%d", controller->idx);

    case VIR_DOMAIN_CONTROLLER_TYPE_USB:
        return controller->idx == 0 ? g_strdup("usb") : NULL;

    case VIR_DOMAIN_CONTROLLER_TYPE_SATA:
        return controller->idx == 0 && qbjVmMachineIsQ35(def->os.machine) ? g_strdup("ide") : NULL;

    case VIR_DOMAIN_CONTROLLER_TYPE_IDE:
        return controller->idx == 0 ? g_strdup("ide") : NULL;

    default:
        return NULL;
    }
}

static char *
qbjVmAliasController(const virDomainControllerDef *controller, const virDomainDef *def)
{
    char *alias = qbjVmAliasBoardController(controller, def);

    if (alias)
        return alias;

    return g_strdup_printf("%s%d", virDomainControllerTypeToString(controller->type), controller->idx);
}

/* The first console is the first serial port seen again, and has its alias. */
static void
qbjVmAliasSetConsoles(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nconsoles; i++) {
        virDomainChrDef *console = def->consoles[i];

        if (i == 0 && console->targetType == VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL && def->nserials > 0)
            qbjVmAliasSet(&console->info, g_strdup(def->serials[0]->info.alias));
        else
            qbjVmAliasSetNumbered(&console->info, "console", i);
    }
}

static void
qbjVmAliasSetChrs(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nserials; i++)
        qbjVmAliasSetNumbered(&def->serials[i]->info, "serial", i);
    for (i = 0; i < def->nparallels; i++)
        qbjVmAliasSetNumbered(&def->parallels[i]->info, "parallel", i);
    for (i = 0; i < def->nchannels; i++)
        qbjVmAliasSetNumbered(&def->channels[i]->info, "channel", i);

    qbjVmAliasSetConsoles(def);
}

void
qbjVmAliasSetController(const virDomainDef *def, virDomainControllerDef *controller)
{
    qbjVmAliasSet(&controller->info, qbjVmAliasController(controller, def));
}

int
qbjVmDefAssignAliases(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++)
        qbjVmAliasSetController(def, def->controllers[i]);

    for (i = 0; i < def->ndisks; i++) {
        if (qbjVmAliasSetDisk(def, def->disks[i]) < 0)
            return -1;
    }

    qbjVmAliasSetChrs(def);

    for (i = 0; i < def->nnets; i++)
        qbjVmAliasSetNumbered(&def->nets[i]->info, "net", i);
    for (i = 0; i < def->nsounds; i++)
        qbjVmAliasSetNumbered(&def->sounds[i]->info, "sound", i);
    for (i = 0; i < def->nrngs; i++)
        qbjVmAliasSetNumbered(&def->rngs[i]->info, "rng", i);
    for (i = 0; i < def->nredirdevs; i++)
        qbjVmAliasSetNumbered(&def->redirdevs[i]->info, "redir", i);
    if (def->watchdog)
        qbjVmAliasSetNumbered(&def->watchdog->info, "watchdog", 0);
    for (i = 0; i < def->ntpms; i++)
        qbjVmAliasSetNumbered(&def->tpms[i]->info, "tpm", i);
    if (def->vsock)
        qbjVmAliasSetNumbered(&def->vsock->info, "vsock", 0);
    for (i = 0; i < def->ninputs; i++)
        qbjVmAliasSetNumbered(&def->inputs[i]->info, "input", i);
    for (i = 0; i < def->nvideos; i++)
        qbjVmAliasSetNumbered(&def->videos[i]->info, "video", i);
    if (virDomainDefHasMemballoon(def))
        qbjVmAliasSetNumbered(&def->memballoon->info, "balloon", 0);

    return 0;
}
