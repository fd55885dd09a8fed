/* What every definition gets that does not say otherwise: machine, CPU model and the devices of the board, as
 * the stock driver adds them for pc and q35 (11.8). */

#include <config.h>

#include "internal.h"
#include "viralloc.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static const char *
qbjVmDefDefaultMachine(const qbjVmCaps *caps)
{
    size_t i;

    for (i = 0; i < caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(caps->machines, i);

        if (machine->isDefault)
            return machine->name;
    }

    return NULL;
}

/* An alias means another machine after each QEMU update: the definition keeps what it means today. */
static int
qbjVmDefSetMachine(virDomainDef *def, const qbjVmCaps *caps)
{
    const char *machine = def->os.machine ? qbjVmCapsMachine(caps, def->os.machine) : qbjVmDefDefaultMachine(caps);

    if (!machine) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Emulator '%s' does not support machine type '%s'"),
                       caps->binary, NULLSTR(def->os.machine));
        return 1;
    }

    if (STRNEQ_NULLABLE(def->os.machine, machine)) {
        g_free(def->os.machine);
        def->os.machine = g_strdup(machine);
    }

    return 0;
}

/* Whether the host can do what the model says, matters where its CPU runs the guest. */
static virCPUCheck
qbjVmDefCpuCheck(const virDomainDef *def)
{
    if (def->virtType == VIR_DOMAIN_VIRT_KVM &&
        (def->cpu->mode == VIR_CPU_MODE_CUSTOM || def->cpu->mode == VIR_CPU_MODE_HOST_MODEL))
        return VIR_CPU_CHECK_PARTIAL;

    return VIR_CPU_CHECK_NONE;
}

static void
qbjVmDefSetCpu(virDomainDef *def)
{
    if (!def->cpu)
        def->cpu = virCPUDefNew();

    /* no <cpu>, or one that gives a topology only */
    if (def->cpu->mode == VIR_CPU_MODE_CUSTOM && !def->cpu->model) {
        def->cpu->type = VIR_CPU_TYPE_GUEST;
        def->cpu->match = VIR_CPU_MATCH_EXACT;
        def->cpu->check = VIR_CPU_CHECK_NONE;
        def->cpu->fallback = VIR_CPU_FALLBACK_FORBID;
        def->cpu->model = g_strdup(def->os.arch == VIR_ARCH_X86_64 ? "qemu64" : "qemu32");
    }

    if (def->cpu->check == VIR_CPU_CHECK_DEFAULT)
        def->cpu->check = qbjVmDefCpuCheck(def);
    if (def->cpu->mode == VIR_CPU_MODE_HOST_PASSTHROUGH && def->cpu->migratable == VIR_TRISTATE_SWITCH_ABSENT)
        def->cpu->migratable = VIR_TRISTATE_SWITCH_ON;
}

static bool
qbjVmDefHasController(const virDomainDef *def, int type)
{
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == type)
            return true;
    }

    return false;
}

static int
qbjVmDefAddControllers(virDomainDef *def)
{
    bool q35 = qbjVmMachineIsQ35(def->os.machine);

    if (!qbjVmDefHasController(def, VIR_DOMAIN_CONTROLLER_TYPE_USB) &&
        virDomainDefAddUSBController(def, 0, q35 ? VIR_DOMAIN_CONTROLLER_MODEL_USB_QEMU_XHCI :
                                                   VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX3_UHCI) < 0)
        return -1;

    if (q35 &&
        virDomainDefMaybeAddController(def, VIR_DOMAIN_CONTROLLER_TYPE_SATA, 0, -1) < 0)
        return -1;

    if (virDomainDefMaybeAddController(def, VIR_DOMAIN_CONTROLLER_TYPE_PCI, 0,
                                       q35 ? VIR_DOMAIN_CONTROLLER_MODEL_PCIE_ROOT :
                                             VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT) < 0)
        return -1;

    return 0;
}

static void
qbjVmDefAddBalloon(virDomainDef *def)
{
    if (def->memballoon)
        return;

    def->memballoon = g_new0(virDomainMemballoonDef, 1);
    def->memballoon->model = VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO;
}

/* The last server of the definition decides: sound goes with SPICE, not with VNC. */
static virDomainAudioType
qbjVmDefAudioType(const virDomainDef *def)
{
    size_t i = def->ngraphics;

    while (i > 0) {
        int type = def->graphics[--i]->type;

        if (type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            return VIR_DOMAIN_AUDIO_TYPE_SPICE;
        if (type == VIR_DOMAIN_GRAPHICS_TYPE_VNC)
            break;
    }
    return VIR_DOMAIN_AUDIO_TYPE_NONE;
}

static virDomainAudioDef *
qbjVmDefAudioNew(const virDomainDef *def)
{
    virDomainAudioDef *audio = g_new0(virDomainAudioDef, 1);

    audio->type = qbjVmDefAudioType(def);
    audio->id = 1;
    return audio;
}

/* QEMU needs to be told that there is no sound, or it looks for a sound server in its environment. */
static void
qbjVmDefAddAudio(virDomainDef *def)
{
    virDomainAudioDef *audio;

    if (def->naudios > 0)
        return;
    audio = qbjVmDefAudioNew(def);
    VIR_APPEND_ELEMENT(def->audios, def->naudios, audio);
}

void
qbjVmDefDropAudio(virDomainDef *def)
{
    virDomainAudioDef *audio = qbjVmDefAudioNew(def);

    if (def->naudios == 1 && virDomainAudioIsEqual(def->audios[0], audio)) {
        virDomainAudioDefFree(def->audios[0]);
        VIR_DELETE_ELEMENT(def->audios, 0, def->naudios);
    }
    virDomainAudioDefFree(audio);
}

/* The keyboard and mouse of the board. */
static int
qbjVmDefAddInputs(virDomainDef *def)
{
    if (virDomainDefMaybeAddInput(def, VIR_DOMAIN_INPUT_TYPE_MOUSE, VIR_DOMAIN_INPUT_BUS_PS2) < 0 ||
        virDomainDefMaybeAddInput(def, VIR_DOMAIN_INPUT_TYPE_KBD, VIR_DOMAIN_INPUT_BUS_PS2) < 0)
        return -1;

    return 0;
}

/* Guest CPUs that are in no NUMA cell are in the first one, for QEMU too. */
static int
qbjVmDefFillCells(virDomainDef *def)
{
    if (virDomainNumaGetNodeCount(def->numa) == 0)
        return 0;

    return virDomainNumaFillCPUsInNode(def->numa, 0, virDomainDefGetVcpusMax(def));
}

int
qbjVmDefAddDefaults(virDomainDef *def, unsigned int parseFlags G_GNUC_UNUSED,
                    const qbjVmDefContext *context, const qbjVmCaps *caps)
{
    int rc = 0;

    if (caps && (rc = qbjVmDefSetMachine(def, caps)) != 0)
        return rc;

    if (def->os.type != VIR_DOMAIN_OSTYPE_HVM)
        return 0;

    qbjVmDefSetFirmware(def, context);
    qbjVmDefSetCpu(def);
    if (qbjVmDefFillCells(def) < 0)
        return -1;
    qbjVmDefAddBalloon(def);
    qbjVmDefAddAudio(def);

    if (!qbjVmMachineIsQ35(def->os.machine) && !qbjVmMachineIsI440fx(def->os.machine))
        return 0;

    if (qbjVmDefAddControllers(def) < 0)
        return -1;

    return qbjVmDefAddInputs(def);
}
