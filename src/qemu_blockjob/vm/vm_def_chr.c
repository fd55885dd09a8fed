/* Character devices: what their elements leave out, and contradictions. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_chardevs.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmDefSerialModel(int targetType)
{
    switch (targetType) {
    case VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_ISA:
        return VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_ISA_SERIAL;
    case VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_PCI:
        return VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_PCI_SERIAL;
    case VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_USB:
        return VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_USB_SERIAL;
    default:
        return VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_NONE;
    }
}

void
qbjVmDefSetChr(virDomainChrDef *chr, unsigned int parseFlags, const qbjVmDefContext *context)
{
    if (chr->deviceType == VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL) {
        if (chr->targetType == VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_NONE)
            chr->targetType = VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_ISA;
        if (chr->targetModel == VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_NONE)
            chr->targetModel = qbjVmDefSerialModel(chr->targetType);
    }

    /* of the last run: the next one has a folder of its own; the status file is that of this run */
    if (parseFlags & VIR_DOMAIN_DEF_PARSE_INACTIVE && chr->deviceType == VIR_DOMAIN_CHR_DEVICE_TYPE_CHANNEL &&
        chr->source->type == VIR_DOMAIN_CHR_TYPE_UNIX && context->channelDir &&
        qbjVmChardevsIsOwnPath(chr->source->data.nix.path, context->channelDir))
        g_clear_pointer(&chr->source->data.nix.path, g_free);
}

void
qbjVmDefNumberConsoles(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nconsoles; i++)
        def->consoles[i]->target.port = i;
}

bool
qbjVmDefHasSpice(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ngraphics; i++) {
        if (def->graphics[i]->type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            return true;
    }

    return false;
}

int
qbjVmDefValidateChr(const virDomainChrDef *chr, const virDomainDef *def)
{
    if (chr->source->type == VIR_DOMAIN_CHR_TYPE_SPICEVMC && !qbjVmDefHasSpice(def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("chardev 'spicevmc' not supported without spice graphics"));
        return -1;
    }

    if (chr->deviceType == VIR_DOMAIN_CHR_DEVICE_TYPE_CONSOLE && def->nconsoles > 0 && def->consoles[0] != chr &&
        chr->targetType == VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Only the first console can be a serial port"));
        return -1;
    }

    return 0;
}

/* The parser refuses what is contradictory as it stands; ports without a type have become ISA ports since,
 * and what is stored must be read again. */
static int
qbjVmDefValidateSerial(const virDomainDef *def, size_t number)
{
    const virDomainChrDef *chr = def->serials[number];
    size_t i;

    for (i = 0; i < number; i++) {
        if (def->serials[i]->targetType == chr->targetType && def->serials[i]->target.port == chr->target.port) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Two serial ports have the number %d"), chr->target.port);
            return -1;
        }
    }

    return 0;
}

int
qbjVmDefValidateSerials(const virDomainDef *def)
{
    int isa = 0;
    size_t i;

    for (i = 0; i < def->nserials; i++)
        isa += def->serials[i]->targetType == VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_ISA;

    if (isa > VIR_MAX_ISA_SERIAL_PORTS) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Maximum supported number of ISA serial ports is '%d'"),
                       VIR_MAX_ISA_SERIAL_PORTS);
        return -1;
    }

    for (i = 1; i < def->nserials; i++) {
        if (qbjVmDefValidateSerial(def, i) < 0)
            return -1;
    }

    return 0;
}
