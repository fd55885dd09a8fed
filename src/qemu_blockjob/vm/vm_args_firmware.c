/* The firmware's image and its variables: two flash chips, or a ROM. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static bool
qbjVmArgsHasFlash(const virDomainDef *def)
{
    return def->os.loader && def->os.loader->type == VIR_DOMAIN_LOADER_TYPE_PFLASH;
}

static int
qbjVmArgsAddFlash(virCommand *cmd, const char *name, const char *path, bool readonly)
{
    g_autoptr(virJSONValue) storage = NULL;
    g_autoptr(virJSONValue) format = NULL;
    g_autofree char *storageName = g_strdup_printf("libvirt-%s-storage", name);
    g_autofree char *formatName = g_strdup_printf("libvirt-%s-format", name);

    if (virJSONValueObjectAdd(&storage,
                              "s:driver", "file",
                              "s:filename", path,
                              "s:node-name", storageName,
                              "b:auto-read-only", true,
                              "s:discard", "unmap",
                              NULL) < 0 ||
        virJSONValueObjectAdd(&format,
                              "s:node-name", formatName,
                              "b:read-only", readonly,
                              "s:driver", "raw",
                              "s:file", storageName,
                              NULL) < 0 ||
        qbjVmArgsAddJSON(cmd, "-blockdev", storage) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-blockdev", format);
}

static int
qbjVmArgsCheckFirmware(const virDomainDef *def)
{
    if (def->os.firmware != VIR_DOMAIN_OS_DEF_FIRMWARE_NONE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Firmware '%s' was not chosen, or is not supported."),
                       virDomainOsDefFirmwareTypeToString(def->os.firmware));
        return -1;
    }

    if (def->os.loader && def->os.loader->nvram && def->os.loader->nvram->type != VIR_STORAGE_TYPE_FILE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("The nvram must be a file."));
        return -1;
    }

    return 0;
}

int
qbjVmArgsAddFirmware(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainLoaderDef *loader = input->def->os.loader;

    if (qbjVmArgsCheckFirmware(input->def) < 0)
        return -1;
    if (!qbjVmArgsHasFlash(input->def))
        return 0;

    if (qbjVmArgsAddFlash(cmd, "pflash0", loader->path, loader->readonly == VIR_TRISTATE_BOOL_YES) < 0)
        return -1;

    return loader->nvram ? qbjVmArgsAddFlash(cmd, "pflash1", loader->nvram->path, false) : 0;
}

void
qbjVmArgsAppendFlash(virBuffer *buf, const virDomainDef *def)
{
    if (!qbjVmArgsHasFlash(def))
        return;

    virBufferAddLit(buf, ",pflash0=libvirt-pflash0-format");
    if (def->os.loader->nvram)
        virBufferAddLit(buf, ",pflash1=libvirt-pflash1-format");
}

int
qbjVmArgsAddSecureFlash(virCommand *cmd, const qbjVmArgsInput *input)
{
    /* only code in system management mode may write the variables */
    if (qbjVmArgsHasFlash(input->def) && input->def->os.loader->secure == VIR_TRISTATE_BOOL_YES)
        virCommandAddArgList(cmd, "-global", "driver=cfi.pflash01,property=secure,value=on", NULL);
    return 0;
}

int
qbjVmArgsAddRom(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainLoaderDef *loader = input->def->os.loader;

    if (loader && loader->path && !qbjVmArgsHasFlash(input->def))
        virCommandAddArgList(cmd, "-bios", loader->path, NULL);
    return 0;
}
