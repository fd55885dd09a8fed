#include <config.h>

#include "internal.h"
#include "vm_migratable.h"
#include "vm_caps.h"
#include "vm_cpu.h"
#include "vm_def.h"

/* The only controller of @type; -1: there is none, or several. */
static int
qbjVmMigratableOnly(const virDomainDef *def, int type)
{
    int only = -1;
    size_t i;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type != type)
            continue;
        if (only >= 0)
            return -1;
        only = i;
    }
    return only;
}

static bool
qbjVmMigratableIsUsbDefault(const virDomainControllerDef *usb)
{
    return usb->idx == 0 && usb->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX3_UHCI && !usb->info.alias;
}

static bool
qbjVmMigratableIsPciRoot(const virDomainControllerDef *pci)
{
    return pci->idx == 0 && pci->model == VIR_DOMAIN_CONTROLLER_MODEL_PCI_ROOT && !pci->opts.pciopts.pcihole64 &&
           !pci->info.alias;
}

/* @at: -1: none. */
static void
qbjVmMigratableDrop(virDomainDef *def, int at, bool (*is)(const virDomainControllerDef *controller))
{
    if (at >= 0 && is(def->controllers[at]))
        virDomainControllerDefFree(virDomainControllerRemove(def, at));
}

/* The CPU of a VM that runs as it was asked for, without what QEMU said of it; host-model would be another
 * one elsewhere. */
static void
qbjVmMigratableCpu(virDomainDef *def, const virCPUDef *asked)
{
    if (!qbjVmCpuIsHostModel(asked)) {
        virCPUDefFree(def->cpu);
        def->cpu = virCPUDefCopy(asked);
    }
    if (def->cpu->mode == VIR_CPU_MODE_CUSTOM)
        def->cpu->fallback = VIR_CPU_FALLBACK_FORBID;           /* the guest has this one */
}

char *
qbjVmMigratableFormat(virDomainObj *vm, bool next, bool updateCpu, unsigned int flags)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    virDomainDef *from = next && vm->newDef ? vm->newDef : vm->def;
    virDomainXMLOption *xmlopt = priv->driver->xmlopt;
    g_autoptr(virDomainDef) def = virDomainDefCopy(from, xmlopt, NULL, true);

    if (!def)
        return NULL;
    if (from == vm->def && priv->status && priv->status->origCPU)
        qbjVmMigratableCpu(def, priv->status->origCPU);
    if (updateCpu && qbjVmCpuExpand(priv->driver->caps, def) < 0)
        return NULL;
    if (qbjVmMachineIsI440fx(def->os.machine)) {
        qbjVmMigratableDrop(def, qbjVmMigratableOnly(def, VIR_DOMAIN_CONTROLLER_TYPE_USB), qbjVmMigratableIsUsbDefault);
        qbjVmMigratableDrop(def, qbjVmMigratableOnly(def, VIR_DOMAIN_CONTROLLER_TYPE_PCI), qbjVmMigratableIsPciRoot);
    }
    qbjVmDefDropAudio(def);
    return virDomainDefFormat(def, xmlopt, flags | VIR_DOMAIN_DEF_FORMAT_SECURE | VIR_DOMAIN_DEF_FORMAT_INACTIVE |
                              VIR_DOMAIN_DEF_FORMAT_MIGRATABLE);
}
