/* What happens at power-on and power-off: -no-shutdown, ACPI, sleep states, -boot, direct kernel boot,
 * boot order. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmArgsAddSleepState(virCommand *cmd, const virDomainDef *def, const char *property, int enabled)
{
    if (enabled == VIR_TRISTATE_BOOL_ABSENT)
        return;

    virCommandAddArg(cmd, "-global");
    virCommandAddArgFormat(cmd, "%s.%s=%d",
                           qbjVmMachineIsQ35(def->os.machine) ? "ICH9-LPC" : "PIIX4_PM",
                           property, enabled == VIR_TRISTATE_BOOL_NO);
}

int
qbjVmArgsAddPower(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;

    /* on_poweroff and on_reboot are carried out by the driver when QEMU's event comes */
    virCommandAddArg(cmd, "-no-shutdown");

    if (def->features[VIR_DOMAIN_FEATURE_ACPI] != VIR_TRISTATE_SWITCH_ON)
        virCommandAddArg(cmd, "-no-acpi");

    qbjVmArgsAddSleepState(cmd, def, "disable_s3", def->pm.s3);
    qbjVmArgsAddSleepState(cmd, def, "disable_s4", def->pm.s4);
    return 0;
}

static void
qbjVmArgsAddBootOptions(virCommand *cmd, const virDomainOSDef *os)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (os->bootmenu != VIR_TRISTATE_BOOL_ABSENT)
        virBufferAsprintf(&buf, "menu=%s,", os->bootmenu == VIR_TRISTATE_BOOL_YES ? "on" : "off");
    if (os->bootmenu == VIR_TRISTATE_BOOL_YES && os->bm_timeout_set)
        virBufferAsprintf(&buf, "splash-time=%u,", os->bm_timeout);
    if (os->bios.rt_set)
        virBufferAsprintf(&buf, "reboot-timeout=%d,", os->bios.rt_delay);
    virBufferAddLit(&buf, "strict=on");

    virCommandAddArgList(cmd, "-boot", virBufferCurrentContent(&buf), NULL);
}

int
qbjVmArgsAddBoot(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainOSDef *os = &input->def->os;

    qbjVmArgsAddBootOptions(cmd, os);

    /* each is one argument of its own: nothing in them is parsed by QEMU's option syntax */
    if (os->kernel)
        virCommandAddArgList(cmd, "-kernel", os->kernel, NULL);
    if (os->initrd)
        virCommandAddArgList(cmd, "-initrd", os->initrd, NULL);
    if (os->cmdline)
        virCommandAddArgList(cmd, "-append", os->cmdline, NULL);
    return 0;
}

static virDomainBootOrder
qbjVmArgsBootKind(const virDomainDiskDef *disk)
{
    switch (disk->device) {
    case VIR_DOMAIN_DISK_DEVICE_CDROM:
        return VIR_DOMAIN_BOOT_CDROM;
    case VIR_DOMAIN_DISK_DEVICE_FLOPPY:
        return VIR_DOMAIN_BOOT_FLOPPY;
    case VIR_DOMAIN_DISK_DEVICE_DISK:
    case VIR_DOMAIN_DISK_DEVICE_LUN:
    case VIR_DOMAIN_DISK_DEVICE_LAST:
    default:
        return VIR_DOMAIN_BOOT_DISK;
    }
}

unsigned int
qbjVmArgsNetBootIndex(const virDomainDef *def, const virDomainNetDef *net)
{
    size_t i;

    if (net->info.bootIndex != 0)
        return net->info.bootIndex;

    for (i = 0; net == def->nets[0] && i < def->os.nBootDevs; i++) {
        if (def->os.bootDevs[i] == VIR_DOMAIN_BOOT_NET)
            return i + 1;
    }

    return 0;
}

unsigned int
qbjVmArgsBootIndex(const virDomainDef *def, const virDomainDiskDef *disk)
{
    virDomainBootOrder kind = qbjVmArgsBootKind(disk);
    size_t i;

    if (disk->info.bootIndex != 0)
        return disk->info.bootIndex;

    /* <os><boot dev> means the first device of the kind only */
    for (i = 0; i < def->ndisks && def->disks[i] != disk; i++) {
        if (qbjVmArgsBootKind(def->disks[i]) == kind)
            return 0;
    }

    for (i = 0; i < def->os.nBootDevs; i++) {
        if (def->os.bootDevs[i] == kind)
            return i + 1;
    }

    return 0;
}
