#include <config.h>

#include "internal.h"
#include "vm_caps_devices.h"
#include "virtpm.h"
#include "vm_firmware.h"
#include "vm_support.h"

/* Whether the host can do what the driver can; NULL in a row: always. */
typedef bool (*qbjVmCapsOffer)(const virDomainCaps *domain, const qbjVmCaps *caps, int value);

/* One place of the support table whose words are values of one enum of the capabilities. */
typedef struct _qbjVmCapsEnumRow qbjVmCapsEnumRow;
struct _qbjVmCapsEnumRow {
    size_t supported;           /* offset of the virTristateBool of the element */
    size_t values;              /* offset of the virDomainCapsEnum */
    const char *path;           /* as qbjVmSupportHas() takes it */
    const char *(*name)(int value);
    int last;
    qbjVmCapsOffer offer;
};

static bool
qbjVmCapsOfferBus(const virDomainCaps *domain, const qbjVmCaps *caps G_GNUC_UNUSED, int value)
{
    return value != VIR_DOMAIN_DISK_BUS_IDE || qbjVmMachineIsI440fx(domain->machine);
}

static bool
qbjVmCapsOfferSpice(const qbjVmCaps *caps)
{
    return qbjVmCapsHasDevice(caps, "chardev-spicevmc");
}

static bool
qbjVmCapsOfferGraphics(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value)
{
    return value != VIR_DOMAIN_GRAPHICS_TYPE_SPICE || qbjVmCapsOfferSpice(caps);
}

/* Of all the types that a driver for QEMU supports, only these show up where clients look for them. */
static bool
qbjVmCapsOfferChannel(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value)
{
    return value == VIR_DOMAIN_CHR_TYPE_PTY || value == VIR_DOMAIN_CHR_TYPE_UNIX ||
           (value == VIR_DOMAIN_CHR_TYPE_SPICEVMC && qbjVmCapsOfferSpice(caps));
}

static bool
qbjVmCapsOfferVideo(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value)
{
    switch ((virDomainVideoType) value) {
    case VIR_DOMAIN_VIDEO_TYPE_VGA:
        return qbjVmCapsHasDevice(caps, "VGA");
    case VIR_DOMAIN_VIDEO_TYPE_CIRRUS:
        return qbjVmCapsHasDevice(caps, "cirrus-vga");
    case VIR_DOMAIN_VIDEO_TYPE_VMVGA:
        return qbjVmCapsHasDevice(caps, "vmware-svga");
    case VIR_DOMAIN_VIDEO_TYPE_QXL:
        return qbjVmCapsHasDevice(caps, "qxl-vga");
    case VIR_DOMAIN_VIDEO_TYPE_VIRTIO:
        return qbjVmCapsHasDevice(caps, "virtio-gpu-pci");
    case VIR_DOMAIN_VIDEO_TYPE_BOCHS:
        return qbjVmCapsHasDevice(caps, "bochs-display");
    case VIR_DOMAIN_VIDEO_TYPE_RAMFB:
        return qbjVmCapsHasDevice(caps, "ramfb");
    default:
        return value == VIR_DOMAIN_VIDEO_TYPE_NONE;
    }
}

static bool
qbjVmCapsOfferRng(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value G_GNUC_UNUSED)
{
    return qbjVmCapsHasDevice(caps, "virtio-rng-pci");
}

/* The model is in the binary, what is behind it in programs of its own. */
static bool
qbjVmCapsOfferTpm(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value)
{
    return qbjVmCapsHasDevice(caps, virDomainTPMModelTypeToString(value)) && virTPMHasSwtpm();
}

static bool
qbjVmCapsOfferTpmBackend(const virDomainCaps *domain, const qbjVmCaps *caps G_GNUC_UNUSED, int value G_GNUC_UNUSED)
{
    return domain->tpm.model.values != 0;
}

static bool
qbjVmCapsOfferTpmVersion(const virDomainCaps *domain, const qbjVmCaps *caps G_GNUC_UNUSED, int value)
{
    virTPMSwtpmSetupFeature feature = value == VIR_DOMAIN_TPM_VERSION_1_2 ? VIR_TPM_SWTPM_SETUP_FEATURE_TPM_1_2 :
                                                                           VIR_TPM_SWTPM_SETUP_FEATURE_TPM_2_0;

    return domain->tpm.model.values != 0 && value != VIR_DOMAIN_TPM_VERSION_DEFAULT &&
           virTPMSwtpmSetupCapsGet(feature);
}

static bool
qbjVmCapsOfferRedirdev(const virDomainCaps *domain G_GNUC_UNUSED, const qbjVmCaps *caps, int value G_GNUC_UNUSED)
{
    return qbjVmCapsHasDevice(caps, "usb-redir");
}

#define ROW(element, attribute, where, type, end, condition) \
    { offsetof(virDomainCaps, element.supported), offsetof(virDomainCaps, element.attribute), where, \
      type ## ToString, end, condition }

static const qbjVmCapsEnumRow qbjVmCapsEnumRows[] = {
    ROW(memoryBacking, sourceType, "memoryBacking/source/@type", virDomainMemorySourceType,
        VIR_DOMAIN_MEMORY_SOURCE_LAST, NULL),
    ROW(disk, diskDevice, "devices/disk:", virDomainDiskDeviceType, VIR_DOMAIN_DISK_DEVICE_LAST, NULL),
    ROW(disk, bus, "devices/disk:disk/target/@bus", virDomainDiskBusType, VIR_DOMAIN_DISK_BUS_LAST, qbjVmCapsOfferBus),
    ROW(disk, bus, "devices/disk:floppy/target/@bus", virDomainDiskBusType, VIR_DOMAIN_DISK_BUS_LAST, NULL),
    ROW(disk, model, "%disk/@model", virDomainDiskModelType, VIR_DOMAIN_DISK_MODEL_LAST, NULL),
    ROW(graphics, type, "devices/graphics:", virDomainGraphicsType, VIR_DOMAIN_GRAPHICS_TYPE_LAST,
        qbjVmCapsOfferGraphics),
    ROW(video, modelType, "%video/model:", virDomainVideoType, VIR_DOMAIN_VIDEO_TYPE_LAST, qbjVmCapsOfferVideo),
    ROW(rng, model, "devices/rng/@model", virDomainRNGModelType, VIR_DOMAIN_RNG_MODEL_LAST, qbjVmCapsOfferRng),
    ROW(rng, backendModel, "devices/rng/backend/@model", virDomainRNGBackendType, VIR_DOMAIN_RNG_BACKEND_LAST,
        qbjVmCapsOfferRng),
    ROW(filesystem, driverType, "devices/filesystem/driver/@type", virDomainFSDriverType,
        VIR_DOMAIN_FS_DRIVER_TYPE_LAST, NULL),
    /* the model first: the other two ask for it */
    ROW(tpm, model, "devices/tpm/@model", virDomainTPMModelType, VIR_DOMAIN_TPM_MODEL_LAST, qbjVmCapsOfferTpm),
    ROW(tpm, backendModel, "devices/tpm/backend/@type", virDomainTPMBackendType, VIR_DOMAIN_TPM_TYPE_LAST,
        qbjVmCapsOfferTpmBackend),
    ROW(tpm, backendVersion, "devices/tpm/backend/@version", virDomainTPMVersionType, VIR_DOMAIN_TPM_VERSION_LAST,
        qbjVmCapsOfferTpmVersion),
    ROW(redirdev, bus, "devices/redirdev/@bus", virDomainRedirdevBusType, VIR_DOMAIN_REDIRDEV_BUS_LAST,
        qbjVmCapsOfferRedirdev),
    ROW(channel, type, "devices/channel:", virDomainChrType, VIR_DOMAIN_CHR_TYPE_LAST, qbjVmCapsOfferChannel),
};

static void
qbjVmCapsFillEnum(virDomainCaps *domain, const qbjVmCaps *caps, const qbjVmCapsEnumRow *row)
{
    virTristateBool *supported = (void *) ((char *) domain + row->supported);
    virDomainCapsEnum *values = (void *) ((char *) domain + row->values);
    int value;

    for (value = 0; value < row->last; value++) {
        if (qbjVmSupportHas(row->path, row->name(value)) && (!row->offer || row->offer(domain, caps, value)))
            values->values |= 1U << value;
    }

    values->report = true;
    if (*supported != VIR_TRISTATE_BOOL_YES)
        *supported = virTristateBoolFromBool(values->values != 0);
}

static int
qbjVmCapsFillFirmware(virDomainCapsOS *os, const virDomainCaps *domain)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(g_free);
    bool secure = false;
    size_t i;

    if (qbjVmFirmwareImages(domain->arch, domain->machine, images, &secure) < 0)
        return -1;

    os->supported = VIR_TRISTATE_BOOL_YES;
    os->firmware.report = true;
    if (images->len > 0)
        VIR_DOMAIN_CAPS_ENUM_SET(os->firmware, VIR_DOMAIN_OS_DEF_FIRMWARE_EFI);

    os->loader.supported = VIR_TRISTATE_BOOL_YES;
    os->loader.type.report = os->loader.readonly.report = os->loader.secure.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(os->loader.type, VIR_DOMAIN_LOADER_TYPE_ROM, VIR_DOMAIN_LOADER_TYPE_PFLASH);
    VIR_DOMAIN_CAPS_ENUM_SET(os->loader.readonly, VIR_TRISTATE_BOOL_YES, VIR_TRISTATE_BOOL_NO);
    VIR_DOMAIN_CAPS_ENUM_SET(os->loader.secure, VIR_TRISTATE_BOOL_NO);
    if (secure)
        VIR_DOMAIN_CAPS_ENUM_SET(os->loader.secure, VIR_TRISTATE_BOOL_YES);

    os->loader.values.values = g_new0(char *, images->len);
    for (i = 0; i < images->len; i++)
        os->loader.values.values[os->loader.values.nvalues++] = g_strdup(g_ptr_array_index(images, i));
    return 0;
}

static void
qbjVmCapsFillHyperv(virDomainCaps *domain, unsigned int bits)
{
    size_t i;

    domain->hyperv = g_new0(virDomainCapsFeatureHyperv, 1);
    domain->hyperv->features.report = true;
    for (i = 0; i < VIR_DOMAIN_HYPERV_LAST; i++) {
        g_autofree char *path = g_strconcat("features/hyperv/", virDomainHypervTypeToString(i), NULL);

        if ((bits & (1U << i)) && qbjVmSupportHas(path, ""))
            domain->hyperv->features.values |= 1U << i;
    }
    domain->hyperv->supported = virTristateBoolFromBool(domain->hyperv->features.values != 0);
}

static void
qbjVmCapsFillFeatures(virDomainCaps *domain, const qbjVmCaps *caps)
{
    virTristateBool *features = domain->features;

    features[VIR_DOMAIN_CAPS_FEATURE_IOTHREADS] = virTristateBoolFromBool(qbjVmSupportHas("iothreads", ""));
    features[VIR_DOMAIN_CAPS_FEATURE_VMCOREINFO] =
        virTristateBoolFromBool(qbjVmSupportHas("features/vmcoreinfo", "") && qbjVmCapsHasDevice(caps, "vmcoreinfo"));
    features[VIR_DOMAIN_CAPS_FEATURE_GENID] =
        virTristateBoolFromBool(qbjVmSupportHas("genid", "") && qbjVmCapsHasDevice(caps, "vmgenid"));
    features[VIR_DOMAIN_CAPS_FEATURE_BACKING_STORE_INPUT] =
        virTristateBoolFromBool(qbjVmSupportHas("%disk/backingStore", ""));
    /* not there yet, as an API */
    features[VIR_DOMAIN_CAPS_FEATURE_BACKUP] = VIR_TRISTATE_BOOL_NO;
    /* S390_PV does not exist for a PC, so it is not named at all */
}

int
qbjVmCapsFillParts(virDomainCaps *domain, const qbjVmCaps *caps, const qbjVmCapsAccel *accel)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmCapsEnumRows); i++)
        qbjVmCapsFillEnum(domain, caps, &qbjVmCapsEnumRows[i]);

    domain->hostdev.supported = VIR_TRISTATE_BOOL_NO;
    domain->gic.supported = VIR_TRISTATE_BOOL_NO;
    qbjVmCapsFillFeatures(domain, caps);
    qbjVmCapsFillHyperv(domain, accel->hyperv);
    return qbjVmCapsFillFirmware(&domain->os, domain);
}
