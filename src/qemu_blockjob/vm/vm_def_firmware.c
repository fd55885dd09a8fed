/* Firmware images that a definition names, and what goes with them. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"
#include "vm_firmware.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_DEF_NVRAM_DIR "/var/lib/libvirt/qemu/nvram"

void
qbjVmDefSetFirmware(virDomainDef *def, const qbjVmDefContext *context)
{
    const char *dir = context && context->nvramDir ? context->nvramDir : QBJ_VM_DEF_NVRAM_DIR;
    virDomainLoaderDef *loader = def->os.loader;

    if (!loader || loader->nvram || !virDomainDefHasOldStyleROUEFI(def) ||
        loader->stateless == VIR_TRISTATE_BOOL_YES)
        return;

    loader->nvram = virStorageSourceNew();
    loader->nvram->type = VIR_STORAGE_TYPE_FILE;
    loader->nvram->format = VIR_STORAGE_FILE_RAW;
    loader->nvram->path = qbjVmFirmwareNvramPath(dir, def->name);
}

/* Only code in system management mode can be kept from writing the variables. */
static int
qbjVmDefValidateSecure(const virDomainDef *def)
{
    if (!qbjVmMachineIsQ35(def->os.machine)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("Secure boot is supported with q35 machine types only"));
        return -1;
    }

    if (def->os.firmware == VIR_DOMAIN_OS_DEF_FIRMWARE_NONE &&
        def->features[VIR_DOMAIN_FEATURE_SMM] != VIR_TRISTATE_SWITCH_ON) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Secure boot requires SMM feature enabled"));
        return -1;
    }

    return 0;
}

int
qbjVmDefValidateFirmware(const virDomainDef *def)
{
    const virDomainLoaderDef *loader = def->os.loader;

    if (loader && loader->secure == VIR_TRISTATE_BOOL_YES && qbjVmDefValidateSecure(def) < 0)
        return -1;

    if ((virDomainDefHasOldStyleUEFI(def) || def->os.firmware == VIR_DOMAIN_OS_DEF_FIRMWARE_EFI) &&
        def->features[VIR_DOMAIN_FEATURE_ACPI] != VIR_TRISTATE_SWITCH_ON) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("UEFI requires ACPI on this architecture"));
        return -1;
    }

    return 0;
}
