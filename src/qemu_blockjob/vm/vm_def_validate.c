/* What a definition as a whole must fulfil before it is stored or started. What of it is *implemented* is
 * vm_support.c's business; here are the contradictions. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmDefValidateType(const virDomainDef *def, const qbjVmCaps *caps)
{
    if (def->os.type != VIR_DOMAIN_OSTYPE_HVM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("OS type '%s' is not supported by this driver"),
                       virDomainOSTypeToString(def->os.type));
        return -1;
    }

    if (def->virtType != VIR_DOMAIN_VIRT_QEMU && !(def->virtType == VIR_DOMAIN_VIRT_KVM && caps->kvm)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Emulator '%s' does not support virt type '%s'"),
                       def->emulator, virDomainVirtTypeToString(def->virtType));
        return -1;
    }

    if (def->os.arch != caps->arch) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Emulator '%s' does not support arch '%s'"),
                       def->emulator, virArchToString(def->os.arch));
        return -1;
    }

    return 0;
}

static const qbjVmMachine *
qbjVmDefFindMachine(const virDomainDef *def, const qbjVmCaps *caps)
{
    size_t i;

    for (i = 0; i < caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(caps->machines, i);

        if (STREQ(machine->name, def->os.machine))
            return machine;
    }

    return NULL;
}

static int
qbjVmDefValidateMachine(const virDomainDef *def, const qbjVmCaps *caps)
{
    const qbjVmMachine *machine = qbjVmDefFindMachine(def, caps);

    if (!qbjVmMachineIsQ35(def->os.machine) && !qbjVmMachineIsI440fx(def->os.machine)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Machine type '%s' is not supported by this driver"),
                       def->os.machine);
        return -1;
    }

    if (machine && machine->maxCpus > 0 && virDomainDefGetVcpusMax(def) > machine->maxCpus) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Maximum CPUs greater than specified machine type limit %u"),
                       machine->maxCpus);
        return -1;
    }

    return 0;
}

static int
qbjVmDefValidateTopology(const virDomainDef *def)
{
    unsigned int vcpus = 0;

    if (virDomainDefGetVcpusTopology(def, &vcpus) == 0 && vcpus != virDomainDefGetVcpusMax(def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("CPU topology doesn't match maximum vcpu count"));
        return -1;
    }

    return 0;
}

/* A guest that is told to reboot may well power off: what follows must not depend on how it does it. A stock
 * driver does not read such a definition at all. */
static int
qbjVmDefValidateLifecycle(const virDomainDef *def)
{
    if (def->onPoweroff == VIR_DOMAIN_LIFECYCLE_ACTION_RESTART &&
        def->onReboot == VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("on_poweroff 'restart' cannot be combined with on_reboot 'destroy'"));
        return -1;
    }

    return 0;
}

/* Only the first adapter can be VGA compatible on a PC. */
static int
qbjVmDefValidateVideos(const virDomainDef *def)
{
    size_t i;

    for (i = 1; i < def->nvideos; i++) {
        if (def->videos[i]->type != VIR_DOMAIN_VIDEO_TYPE_VIRTIO &&
            def->videos[i]->type != VIR_DOMAIN_VIDEO_TYPE_QXL) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("video type '%s' is only valid as primary video device"),
                           virDomainVideoTypeToString(def->videos[i]->type));
            return -1;
        }
    }

    return 0;
}

static bool
qbjVmDefHasGraphics(const virDomainDef *def, virDomainGraphicsType type)
{
    size_t i;

    for (i = 0; i < def->ngraphics; i++) {
        if (def->graphics[i]->type == type)
            return true;
    }

    return false;
}

/* What goes through a SPICE server needs one. */
static int
qbjVmDefValidateSpice(const virDomainDef *def)
{
    size_t i;

    if (qbjVmDefHasGraphics(def, VIR_DOMAIN_GRAPHICS_TYPE_SPICE))
        return 0;

    for (i = 0; i < def->naudios; i++) {
        if (def->audios[i]->type == VIR_DOMAIN_AUDIO_TYPE_SPICE) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                           _("Spice audio is not supported without spice graphics"));
            return -1;
        }
    }

    for (i = 0; i < def->nredirdevs; i++) {
        if (def->redirdevs[i]->source->type == VIR_DOMAIN_CHR_TYPE_SPICEVMC) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                           _("chardev 'spicevmc' not supported without spice graphics"));
            return -1;
        }
    }

    return 0;
}

static int
qbjVmDefValidateHugepages(const virDomainDef *def)
{
    if (def->mem.nhugepages == 0)
        return 0;

    if (def->mem.source == VIR_DOMAIN_MEMORY_SOURCE_ANONYMOUS) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("hugepages are not allowed with anonymous memory source"));
        return -1;
    }
    if (def->mem.allocation == VIR_DOMAIN_MEMORY_ALLOCATION_ONDEMAND) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("hugepages are not allowed with memory allocation ondemand"));
        return -1;
    }

    return 0;
}

/* QEMU makes no empty back-end. */
static int
qbjVmDefValidateCells(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < virDomainNumaGetNodeCount(def->numa); i++) {
        if (virDomainNumaGetNodeMemorySize(def->numa, i) == 0) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("NUMA cell %zu has no memory"), i);
            return -1;
        }
    }

    return 0;
}

int
qbjVmDefValidate(const virDomainDef *def, const qbjVmCaps *caps)
{
    if (qbjVmDefValidateType(def, caps) < 0 ||
        qbjVmDefValidateMachine(def, caps) < 0 ||
        qbjVmDefValidateTopology(def) < 0 ||
        qbjVmDefValidateLifecycle(def) < 0 ||
        qbjVmDefValidateCpu(def) < 0)
        return -1;

    if (qbjVmDefValidateFirmware(def) < 0 ||
        qbjVmDefValidateSerials(def) < 0 ||
        qbjVmDefValidateSpice(def) < 0 ||
        qbjVmDefValidateHugepages(def) < 0 ||
        qbjVmDefValidateCells(def) < 0)
        return -1;

    return qbjVmDefValidateVideos(def);
}
