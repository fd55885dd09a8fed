/* The answer to virConnectGetDomainCapabilities: what a definition for this driver may hold. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "domain_capabilities.h"
#include "virerror.h"
#include "virhostcpu.h"
#include "vm_caps.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The four arguments of the API with all defaults filled in. */
typedef struct _qbjVmCapsChoice qbjVmCapsChoice;
struct _qbjVmCapsChoice {
    const qbjVmCaps *caps;
    const qbjVmMachine *machine;
    virDomainVirtType virtType;
};

static const qbjVmCaps *
qbjVmCapsChooseBinary(qbjVmCapsCache *cache, const char *binary, const char *archName)
{
    g_autofree char *found = NULL;
    virArch arch = virArchFromHost();
    const qbjVmCaps *caps;

    if (archName && (arch = virArchFromString(archName)) == VIR_ARCH_NONE) {
        virReportError(VIR_ERR_INVALID_ARG, _("unknown architecture: %s"), archName);
        return NULL;
    }

    if (!binary && !(binary = found = qbjVmCapsFindBinary(arch))) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("No QEMU binary is installed for architecture '%s'."),
                       virArchToString(arch));
        return NULL;
    }

    if (!(caps = qbjVmCapsGet(cache, binary)))
        return NULL;

    if (caps->arch != arch) {
        virReportError(VIR_ERR_INVALID_ARG, _("Emulator '%s' does not support arch '%s'"),
                       binary, virArchToString(arch));
        return NULL;
    }

    return caps;
}

static int
qbjVmCapsChooseType(qbjVmCapsChoice *choice, const char *name)
{
    int type;

    if (!name) {
        choice->virtType = choice->caps->kvm ? VIR_DOMAIN_VIRT_KVM : VIR_DOMAIN_VIRT_QEMU;
        return 0;
    }

    if ((type = virDomainVirtTypeFromString(name)) < 0) {
        virReportError(VIR_ERR_INVALID_ARG, _("unknown virttype: %s"), name);
        return -1;
    }

    if (type == VIR_DOMAIN_VIRT_KVM && !choice->caps->kvm) {
        virReportError(VIR_ERR_INVALID_ARG, _("the accel '%s' is not supported by '%s' on this host"),
                       name, choice->caps->binary);
        return -1;
    }

    if (type != VIR_DOMAIN_VIRT_QEMU && type != VIR_DOMAIN_VIRT_KVM) {
        virReportError(VIR_ERR_INVALID_ARG, _("Emulator '%s' does not support virt type '%s'"),
                       choice->caps->binary, name);
        return -1;
    }

    choice->virtType = type;
    return 0;
}

static int
qbjVmCapsChooseMachine(qbjVmCapsChoice *choice, const char *name)
{
    const char *canonical = name ? qbjVmCapsMachine(choice->caps, name) : NULL;
    size_t i;

    for (i = 0; i < choice->caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(choice->caps->machines, i);

        if ((name ? STREQ_NULLABLE(machine->name, canonical) : machine->isDefault) &&
            (qbjVmMachineIsQ35(machine->name) || qbjVmMachineIsI440fx(machine->name))) {
            choice->machine = machine;
            return 0;
        }
    }

    virReportError(VIR_ERR_INVALID_ARG, _("the machine '%s' is not supported by emulator '%s'"),
                   name ? name : "default", choice->caps->binary);
    return -1;
}

static int
qbjVmCapsMaxVcpus(const qbjVmCapsChoice *choice)
{
    int max = choice->machine->maxCpus;

    if (choice->virtType == VIR_DOMAIN_VIRT_KVM) {
        int host = virHostCPUGetKVMMaxVCPUs();

        if (host > 0 && host < max)
            return host;
    }

    return max;
}

/* Models that both libvirt and QEMU know. Whether the host can run one was asked for the accelerator of
 * the probe. */
static virDomainCapsCPUModels *
qbjVmCapsModels(const qbjVmCapsChoice *choice)
{
    bool asked = choice->caps->kvm == (choice->virtType == VIR_DOMAIN_VIRT_KVM);
    virDomainCapsCPUModels *models;
    g_auto(GStrv) names = NULL;
    int count = virCPUGetModels(choice->caps->arch, &names);
    int i;

    if (count < 0)
        return NULL;

    models = virDomainCapsCPUModelsNew(count);
    for (i = 0; i < count; i++) {
        virDomainCapsCPUModel *known = virDomainCapsCPUModelsGet(choice->caps->cpus, names[i]);

        if (known) {
            virDomainCapsCPUModelsAdd(models, known->name, asked ? known->usable : VIR_DOMCAPS_CPU_USABLE_UNKNOWN,
                                      NULL, known->deprecated, known->vendor);
        }
    }

    return models;
}

static int
qbjVmCapsFillCpu(virDomainCaps *caps, const qbjVmCapsChoice *choice)
{
    if (choice->virtType == VIR_DOMAIN_VIRT_KVM && choice->caps->arch == virArchFromHost()) {
        caps->cpu.hostPassthrough = true;
        caps->cpu.hostPassthroughMigratable.report = true;
        VIR_DOMAIN_CAPS_ENUM_SET(caps->cpu.hostPassthroughMigratable, VIR_TRISTATE_SWITCH_ON, VIR_TRISTATE_SWITCH_OFF);
    }

    caps->cpu.maximum = true;
    caps->cpu.maximumMigratable.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->cpu.maximumMigratable, VIR_TRISTATE_SWITCH_ON, VIR_TRISTATE_SWITCH_OFF);

    if (!(caps->cpu.custom = qbjVmCapsModels(choice)))
        return -1;

    return 0;
}

static void
qbjVmCapsFillDisks(virDomainCaps *caps)
{
    caps->disk.supported = VIR_TRISTATE_BOOL_YES;
    caps->disk.diskDevice.report = true;
    caps->disk.bus.report = true;
    caps->disk.model.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.diskDevice,
                             VIR_DOMAIN_DISK_DEVICE_DISK, VIR_DOMAIN_DISK_DEVICE_CDROM,
                             VIR_DOMAIN_DISK_DEVICE_FLOPPY, VIR_DOMAIN_DISK_DEVICE_LUN);
    VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.bus,
                             VIR_DOMAIN_DISK_BUS_FDC, VIR_DOMAIN_DISK_BUS_SCSI, VIR_DOMAIN_DISK_BUS_VIRTIO,
                             VIR_DOMAIN_DISK_BUS_USB, VIR_DOMAIN_DISK_BUS_SATA);
    if (qbjVmMachineIsI440fx(caps->machine))
        VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.bus, VIR_DOMAIN_DISK_BUS_IDE);
    VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.model,
                             VIR_DOMAIN_DISK_MODEL_VIRTIO, VIR_DOMAIN_DISK_MODEL_VIRTIO_TRANSITIONAL,
                             VIR_DOMAIN_DISK_MODEL_VIRTIO_NON_TRANSITIONAL);
}

static void
qbjVmCapsFillDevices(virDomainCaps *caps)
{
    caps->channel.supported = VIR_TRISTATE_BOOL_YES;
    caps->channel.type.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->channel.type,
                             VIR_DOMAIN_CHR_TYPE_PTY, VIR_DOMAIN_CHR_TYPE_UNIX, VIR_DOMAIN_CHR_TYPE_SPICEVMC);

    caps->graphics.supported = VIR_TRISTATE_BOOL_YES;
    caps->graphics.type.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->graphics.type, VIR_DOMAIN_GRAPHICS_TYPE_VNC);

    caps->video.supported = VIR_TRISTATE_BOOL_YES;
    caps->video.modelType.report = true;
    VIR_DOMAIN_CAPS_ENUM_SET(caps->video.modelType,
                             VIR_DOMAIN_VIDEO_TYPE_VGA, VIR_DOMAIN_VIDEO_TYPE_CIRRUS,
                             VIR_DOMAIN_VIDEO_TYPE_VIRTIO, VIR_DOMAIN_VIDEO_TYPE_NONE);
}

static void
qbjVmCapsFillUnsupported(virDomainCaps *caps)
{
    size_t i;

    caps->memoryBacking.supported = VIR_TRISTATE_BOOL_NO;
    caps->hostdev.supported = VIR_TRISTATE_BOOL_NO;
    caps->rng.supported = VIR_TRISTATE_BOOL_NO;
    caps->filesystem.supported = VIR_TRISTATE_BOOL_NO;
    caps->tpm.supported = VIR_TRISTATE_BOOL_NO;
    caps->redirdev.supported = VIR_TRISTATE_BOOL_NO;
    caps->gic.supported = VIR_TRISTATE_BOOL_NO;

    for (i = 0; i < VIR_DOMAIN_CAPS_FEATURE_LAST; i++)
        caps->features[i] = VIR_TRISTATE_BOOL_NO;
    /* does not exist outside s390, so it is not named at all */
    caps->features[VIR_DOMAIN_CAPS_FEATURE_S390_PV] = VIR_TRISTATE_BOOL_ABSENT;
}

char *
qbjVmCapsDomain(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine, const char *virttype)
{
    g_autoptr(virDomainCaps) caps = NULL;
    qbjVmCapsChoice choice = { NULL };

    if (!(choice.caps = qbjVmCapsChooseBinary(cache, binary, arch)) ||
        qbjVmCapsChooseType(&choice, virttype) < 0 ||
        qbjVmCapsChooseMachine(&choice, machine) < 0)
        return NULL;

    caps = virDomainCapsNew(choice.caps->binary, choice.machine->name, choice.caps->arch, choice.virtType);
    caps->maxvcpus = qbjVmCapsMaxVcpus(&choice);
    caps->os.supported = VIR_TRISTATE_BOOL_YES;
    caps->os.firmware.report = true;
    caps->os.loader.supported = VIR_TRISTATE_BOOL_NO;

    if (qbjVmCapsFillCpu(caps, &choice) < 0)
        return NULL;
    qbjVmCapsFillDisks(caps);
    qbjVmCapsFillDevices(caps);
    qbjVmCapsFillUnsupported(caps);
    caps->features[VIR_DOMAIN_CAPS_FEATURE_BACKING_STORE_INPUT] = VIR_TRISTATE_BOOL_YES;

    return virDomainCapsFormat(caps);
}
