#include <config.h>

#include "internal.h"
#include "api_devicenext.h"
#include "domain_postparse.h"
#include "vm_def.h"
#include "viralloc.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

virDomainDeviceDef *
qbjApiDeviceParse(virDomainObj *vm, const virDomainDef *def, const char *xml, unsigned int parseFlags)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDeviceDef) dev = virDomainDeviceDefParse(xml, def, xmlopt, NULL, parseFlags);

    if (!dev || qbjVmDefCheckDevice(xml, dev, xmlopt) < 0)
        return NULL;
    return g_steal_pointer(&dev);
}

/* --- finding --------------------------------------------------------------------------------------- */

static int
qbjApiDeviceMissing(const char *what, const char *name)
{
    virReportError(VIR_ERR_DEVICE_MISSING, _("no matching %s device was found: %s"), what, NULLSTR_EMPTY(name));
    return -1;
}

/* 09/H2.1: by its target only. */
static int
qbjApiDeviceFindDisk(virDomainDef *def, const virDomainDiskDef *disk, bool live, virDomainDeviceDef *found)
{
    if ((found->data.disk = virDomainDiskByTarget(def, disk->dst)))
        return 0;
    if (live)
        virReportError(VIR_ERR_DEVICE_MISSING, _("disk %s not found"), disk->dst);
    else
        virReportError(VIR_ERR_DEVICE_MISSING, _("no target device %s"), disk->dst);
    return -1;
}

static int
qbjApiDeviceFindController(virDomainDef *def, const virDomainControllerDef *controller, virDomainDeviceDef *found)
{
    int i = virDomainControllerFind(def, controller->type, controller->idx);

    if (i < 0) {
        virReportError(VIR_ERR_DEVICE_MISSING, _("controller %s:%d not found"),
                       virDomainControllerTypeToString(controller->type), controller->idx);
        return -1;
    }
    found->data.controller = def->controllers[i];
    return 0;
}

static int
qbjApiDeviceFindRng(virDomainDef *def, const virDomainRNGDef *rng, virDomainDeviceDef *found)
{
    ssize_t i = virDomainRNGFind(def, (virDomainRNGDef *) (uintptr_t) rng);

    if (i < 0)
        return qbjApiDeviceMissing("rng", rng->info.alias);
    found->data.rng = def->rngs[i];
    return 0;
}

/* An alias or an address that is given must be its own. */
static bool
qbjApiDeviceSameInput(const virDomainInputDef *a, const virDomainInputDef *wanted)
{
    return a->type == wanted->type && a->bus == wanted->bus &&
           (!wanted->info.alias || STREQ_NULLABLE(a->info.alias, wanted->info.alias)) &&
           (wanted->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE ||
            virDomainDeviceInfoAddressIsEqual(&a->info, &wanted->info));
}

static int
qbjApiDeviceFindInput(virDomainDef *def, const virDomainInputDef *input, virDomainDeviceDef *found)
{
    size_t i;

    for (i = 0; i < def->ninputs; i++) {
        if (qbjApiDeviceSameInput(def->inputs[i], input)) {
            found->data.input = def->inputs[i];
            return 0;
        }
    }
    return qbjApiDeviceMissing("input", input->info.alias);
}

int
qbjApiDeviceFind(virDomainDef *def, const virDomainDeviceDef *dev, bool live, virDomainDeviceDef *found)
{
    found->type = dev->type;
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjApiDeviceFindDisk(def, dev->data.disk, live, found);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        return qbjApiDeviceFindController(def, dev->data.controller, found);
    case VIR_DOMAIN_DEVICE_RNG:
        return qbjApiDeviceFindRng(def, dev->data.rng, found);
    case VIR_DOMAIN_DEVICE_INPUT:
        return qbjApiDeviceFindInput(def, dev->data.input, found);
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged out by this driver"),
                       virDomainDeviceTypeToString(dev->type));
        return -1;
    }
}

/* --- adding ---------------------------------------------------------------------------------------- */

static int
qbjApiDeviceNextCheck(virDomainDef *next, virDomainDeviceDef *dev)
{
    if (dev->type == VIR_DOMAIN_DEVICE_DISK) {
        if (virDomainDiskByTarget(next, dev->data.disk->dst)) {
            virReportError(VIR_ERR_OPERATION_INVALID, _("target %s already exists"), dev->data.disk->dst);
            return -1;
        }
        if (dev->data.disk->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_DRIVE &&
            virDomainDefHasDeviceAddress(next, &dev->data.disk->info)) {
            virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("Domain already contains a disk with that address"));
            return -1;
        }
    } else if (dev->type == VIR_DOMAIN_DEVICE_CONTROLLER &&
               virDomainControllerFind(next, dev->data.controller->type, dev->data.controller->idx) >= 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("controller index='%d' already exists"), dev->data.controller->idx);
        return -1;
    }
    return virDomainDefCompatibleDevice(next, dev, NULL, VIR_DOMAIN_DEVICE_ACTION_ATTACH, false);
}

/* @next takes what @dev has. */
static int
qbjApiDeviceNextInsert(virDomainDef *next, virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        virDomainDiskInsert(next, g_steal_pointer(&dev->data.disk));
        break;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        virDomainControllerInsert(next, g_steal_pointer(&dev->data.controller));
        break;
    case VIR_DOMAIN_DEVICE_RNG:
        VIR_APPEND_ELEMENT(next->rngs, next->nrngs, dev->data.rng);
        break;
    case VIR_DOMAIN_DEVICE_INPUT:
        VIR_APPEND_ELEMENT(next->inputs, next->ninputs, dev->data.input);
        break;
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged by this driver"),
                       virDomainDeviceTypeToString(dev->type));
        return -1;
    }
    dev->type = VIR_DOMAIN_DEVICE_NONE;
    return 0;
}

int
qbjApiDeviceNextAttach(virDomainObj *vm, virDomainDef *next, const void *xml)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDeviceDef) dev =
        qbjApiDeviceParse(vm, next, xml, VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE);

    if (!dev || qbjApiDeviceNextCheck(next, dev) < 0 || qbjApiDeviceNextInsert(next, dev) < 0)
        return -1;
    return virDomainDefPostParse(next, 0, xmlopt, NULL);
}

/* --- taking off ------------------------------------------------------------------------------------ */

int
qbjApiDeviceNextRemove(virDomainDef *next, virDomainDeviceDef *found)
{
    size_t i;

    switch (found->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        virDomainDiskDefFree(virDomainDiskRemoveByName(next, found->data.disk->dst));
        break;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        i = virDomainControllerFind(next, found->data.controller->type, found->data.controller->idx);
        virDomainControllerDefFree(virDomainControllerRemove(next, i));
        break;
    case VIR_DOMAIN_DEVICE_RNG:
        for (i = 0; next->rngs[i] != found->data.rng;)
            i++;
        virDomainRNGDefFree(virDomainRNGRemove(next, i));
        break;
    case VIR_DOMAIN_DEVICE_INPUT:
        for (i = 0; next->inputs[i] != found->data.input;)
            i++;
        VIR_DELETE_ELEMENT(next->inputs, i, next->ninputs);
        virDomainInputDefFree(found->data.input);
        break;
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged out by this driver"),
                       virDomainDeviceTypeToString(found->type));
        return -1;
    }
    return 0;
}

int
qbjApiDeviceNextDetach(virDomainObj *vm, virDomainDef *next, const void *xml)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };
    g_autoptr(virDomainDeviceDef) dev =
        virDomainDeviceDefParse(xml, next, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL,
                                VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);

    if (!dev || qbjApiDeviceFind(next, dev, false, &found) < 0)
        return -1;
    return qbjApiDeviceNextRemove(next, &found);
}
