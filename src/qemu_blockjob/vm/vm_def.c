/* The parser's callbacks: which of our functions runs when, and where they get the emulator's capabilities
 * from. */

#include <config.h>

#include "internal.h"
#include "domain_postparse.h"
#include "domain_validate.h"
#include "virerror.h"
#include "vm_addr.h"
#include "vm_def.h"
#include "vm_def_parts.h"
#include "vm_metadata.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Definitions that are parsed for one device only, or whose emulator was missing, come without
 * capabilities. */
static const qbjVmCaps *
qbjVmDefCaps(const virDomainDef *def, const qbjVmDefContext *context, void *parseOpaque)
{
    if (parseOpaque)
        return parseOpaque;

    return qbjVmCapsGet(context->caps, def->emulator);
}

/* The emulator must be known first: everything else is looked up in it. */
static int
qbjVmDefFindEmulator(virDomainDef *def, void *opaque G_GNUC_UNUSED)
{
    if (def->emulator)
        return 0;

    def->emulator = qbjVmCapsFindBinary(def->os.arch);
    if (!def->emulator) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("No emulator found for arch '%s'"),
                       virArchToString(def->os.arch));
        return 1;
    }

    return 0;
}

static int
qbjVmDefFindCaps(const virDomainDef *def, unsigned int parseFlags G_GNUC_UNUSED, void *opaque, void **parseOpaque)
{
    const qbjVmDefContext *context = opaque;
    const qbjVmCaps *caps = qbjVmCapsGet(context->caps, def->emulator);

    if (!caps)
        return 1;

    /* lent, as the callbacks read it only: the cache keeps it */
    *parseOpaque = (void *) (uintptr_t) caps;
    return 0;
}

static void
qbjVmDefDropCaps(void *parseOpaque G_GNUC_UNUSED)
{
}

static int
qbjVmDefPostParse(virDomainDef *def, unsigned int parseFlags, void *opaque, void *parseOpaque)
{
    return qbjVmDefAddDefaults(def, parseFlags, opaque, parseOpaque);
}

static int
qbjVmDefPostParseDevice(virDomainDeviceDef *dev, const virDomainDef *def, unsigned int parseFlags,
                        void *opaque, void *parseOpaque G_GNUC_UNUSED)
{
    return qbjVmDefDeviceDefaults(dev, def, parseFlags, opaque);
}

static int
qbjVmDefAssignAddresses(virDomainDef *def, unsigned int parseFlags G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
                        void *parseOpaque G_GNUC_UNUSED)
{
    qbjVmDefSetScsiModels(def);
    qbjVmDefNumberConsoles(def);
    /* those that add controllers come first: these need PCI addresses */
    if (qbjVmAddrAssignSerial(def) < 0 ||
        qbjVmAddrAssign(def) < 0)
        return -1;

    return qbjVmAddrAssignUSB(def);
}

static int
qbjVmDefValidateAll(const virDomainDef *def, void *opaque, void *parseOpaque)
{
    const qbjVmCaps *caps = qbjVmDefCaps(def, opaque, parseOpaque);

    if (!caps)
        return -1;

    return qbjVmDefValidate(def, caps);
}

static int
qbjVmDefValidateOne(const virDomainDeviceDef *dev, const virDomainDef *def, void *opaque G_GNUC_UNUSED,
                    void *parseOpaque G_GNUC_UNUSED)
{
    return qbjVmDefValidateDevice(dev, def);
}

virDomainDef *
qbjVmDefParse(const char *xml, virDomainXMLOption *xmlopt, unsigned int parseFlags)
{
    g_autoptr(virDomainDef) def = NULL;

    virResetLastError();
    if (qbjVmDefCheckLimits(xml) < 0 || qbjVmDefCheckDistances(xml) < 0)
        return NULL;
    def = virDomainDefParseString(xml, xmlopt, NULL, parseFlags);
    if (!def) {
        if (!virGetLastError() || virGetLastErrorCode() == VIR_ERR_OK)
            virReportError(VIR_ERR_XML_ERROR, "%s", _("The domain XML is incomplete or contradictory."));
        return NULL;
    }

    if (qbjVmMetadataCheck(def) < 0 || qbjVmDefCheckSupported(xml, def, xmlopt) < 0)
        return NULL;

    return g_steal_pointer(&def);
}

int
qbjVmDefCheckStart(virDomainDef *def, virDomainXMLOption *xmlopt)
{
    g_autoptr(virDomainPCIAddressSet) addrs = NULL;

    if (def->postParseFailed) {
        if (virDomainDefPostParse(def, 0, xmlopt, NULL) < 0)
            return -1;
        def->postParseFailed = false;
    }

    if (virDomainDefValidate(def, 0, xmlopt, NULL) < 0 ||
        qbjVmDefCheckSupported(NULL, def, xmlopt) < 0 ||
        qbjVmDefCheckCpu(def) < 0 ||
        !(addrs = qbjVmAddrReserve(def)))
        return -1;

    return 0;
}

void
qbjVmDefFillConfig(virDomainDefParserConfig *config, qbjVmDefContext *context)
{
    static const unsigned char macPrefix[VIR_MAC_PREFIX_BUFLEN] = { 0x52, 0x54, 0x00 };

    config->domainPostParseBasicCallback = qbjVmDefFindEmulator;
    config->domainPostParseDataAlloc = qbjVmDefFindCaps;
    config->domainPostParseDataFree = qbjVmDefDropCaps;
    config->domainPostParseCallback = qbjVmDefPostParse;
    config->devicesPostParseCallback = qbjVmDefPostParseDevice;
    config->assignAddressesCallback = qbjVmDefAssignAddresses;
    config->domainValidateCallback = qbjVmDefValidateAll;
    config->deviceValidateCallback = qbjVmDefValidateOne;

    config->priv = context;
    /* what libvirt refuses by itself when the bit is missing, stays refused */
    config->features = VIR_DOMAIN_DEF_FEATURE_USER_ALIAS | VIR_DOMAIN_DEF_FEATURE_FW_AUTOSELECT |
                        VIR_DOMAIN_DEF_FEATURE_INDIVIDUAL_VCPUS |
                       VIR_DOMAIN_DEF_FEATURE_OFFLINE_VCPUPIN;
    config->netPrefix = "vnet";
    memcpy(config->macPrefix, macPrefix, sizeof(macPrefix));
    config->defArch = virArchFromHost();
}
