#include <config.h>

#include "internal.h"
#include "vm_native.h"
#include "blocknode.h"
#include "vm_args.h"
#include "vm_chardevs.h"
#include "vm_cpu.h"
#include "vm_def.h"
#include "vm_firmware.h"
#include "vm_disks.h"

static void
qbjVmNativePrepare(virDomainDef *def, const char *channelDir)
{
    g_autoptr(virQbjStatus) status = virQbjStatusNew();
    size_t i;

    qbjVmDisksNumberStated(def, status);
    for (i = 0; i < def->ndisks; i++)
        qbjBlockNodeInheritModes(def->disks[i]);
    qbjVmChardevsSetPaths(def, channelDir);
}

char *
qbjVmNativeFormat(qbjDriver *driver, const char *xml)
{
    g_autoptr(virDomainDef) def =
        qbjVmDefParse(xml, driver->xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE);
    g_autofree char *name = def ? virDomainDefGetShortName(def) : NULL;
    g_autofree char *libDir = g_strdup_printf("%s/domain-%s", driver->conf->libDir, NULLSTR_EMPTY(name));
    g_autofree char *channelDir =
        g_strdup_printf("%s/domain-%s", driver->conf->channelTargetDir, NULLSTR_EMPTY(name));
    g_autofree char *monitorPath = g_strdup_printf("%s/monitor.sock", libDir);
    g_auto(qbjVmMemoryPlaces) memory = { .ramDir = NULL };
    g_autoptr(virCommand) cmd = NULL;
    qbjVmArgsInput input = {
        .def = def, .libDir = libDir, .monitorPath = monitorPath, .monitorFd = -1, .memory = &memory,
    };

    if (!name || qbjVmFirmwareSelect(def, driver->conf->nvramDir) < 0 || qbjVmDefAssignAliases(def) < 0)
        return NULL;

    qbjVmNativePrepare(def, channelDir);
    qbjVmArgsSettings(&input, driver->conf);
    if (!(input.caps = qbjVmCapsGet(driver->caps, def->emulator)) ||
        qbjVmCpuExpand(driver->caps, def) < 0 ||
        qbjVmMemoryPlacesFind(driver->conf, def, &memory) < 0 ||
        !(cmd = qbjVmArgsBuild(&input)))
        return NULL;

    return virCommandToString(cmd, false);
}
