/* What one device gets that its element does not say (11.8). */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_DEF_QXL_VGAMEM (16 * 1024)    /* KiB */

static void
qbjVmDefSetController(virDomainControllerDef *controller, const virDomainDef *def)
{
    bool q35 = qbjVmMachineIsQ35(def->os.machine);

    if (controller->type == VIR_DOMAIN_CONTROLLER_TYPE_USB &&
        controller->model == VIR_DOMAIN_CONTROLLER_MODEL_USB_DEFAULT)
        controller->model = q35 ? VIR_DOMAIN_CONTROLLER_MODEL_USB_QEMU_XHCI :
                                  VIR_DOMAIN_CONTROLLER_MODEL_USB_PIIX3_UHCI;
}

static void
qbjVmDefSetVideo(virDomainVideoDef *video)
{
    if (video->type == VIR_DOMAIN_VIDEO_TYPE_DEFAULT)
        video->type = VIR_DOMAIN_VIDEO_TYPE_CIRRUS;

    if (video->type == VIR_DOMAIN_VIDEO_TYPE_QXL && video->vgamem == 0)
        video->vgamem = QBJ_VM_DEF_QXL_VGAMEM;
}

static void
qbjVmDefSetNet(virDomainNetDef *net)
{
    /* never virtio: an old guest must be able to use it */
    if (net->model == VIR_DOMAIN_NET_MODEL_UNKNOWN && !net->modelstr)
        net->model = VIR_DOMAIN_NET_MODEL_RTL8139;
}

static void
qbjVmDefSetTpm(virDomainTPMDef *tpm)
{
    if (tpm->model == VIR_DOMAIN_TPM_MODEL_DEFAULT)
        tpm->model = VIR_DOMAIN_TPM_MODEL_TIS;

    if (tpm->type == VIR_DOMAIN_TPM_TYPE_EMULATOR && tpm->data.emulator.version == VIR_DOMAIN_TPM_VERSION_DEFAULT)
        tpm->data.emulator.version = tpm->model == VIR_DOMAIN_TPM_MODEL_CRB ? VIR_DOMAIN_TPM_VERSION_2_0 :
                                                                            VIR_DOMAIN_TPM_VERSION_1_2;
}

static void
qbjVmDefSetPanic(virDomainPanicDef *panic)
{
    if (panic->model == VIR_DOMAIN_PANIC_MODEL_DEFAULT)
        panic->model = VIR_DOMAIN_PANIC_MODEL_ISA;
}

static void
qbjVmDefSetVsock(virDomainVsockDef *vsock)
{
    if (vsock->model == VIR_DOMAIN_VSOCK_MODEL_DEFAULT)
        vsock->model = VIR_DOMAIN_VSOCK_MODEL_VIRTIO;
}

int
qbjVmDefDeviceDefaults(virDomainDeviceDef *dev, const virDomainDef *def, unsigned int parseFlags,
                       const qbjVmDefContext *context)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        qbjVmDefSetDisk(dev->data.disk);
        break;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        qbjVmDefSetController(dev->data.controller, def);
        break;
    case VIR_DOMAIN_DEVICE_CHR:
        qbjVmDefSetChr(dev->data.chr, parseFlags, context);
        break;
    case VIR_DOMAIN_DEVICE_VIDEO:
        qbjVmDefSetVideo(dev->data.video);
        break;
    case VIR_DOMAIN_DEVICE_NET:
        qbjVmDefSetNet(dev->data.net);
        break;
    case VIR_DOMAIN_DEVICE_TPM:
        qbjVmDefSetTpm(dev->data.tpm);
        break;
    case VIR_DOMAIN_DEVICE_PANIC:
        qbjVmDefSetPanic(dev->data.panic);
        break;
    case VIR_DOMAIN_DEVICE_VSOCK:
        qbjVmDefSetVsock(dev->data.vsock);
        break;
    default:
        break;
    }

    return 0;
}
