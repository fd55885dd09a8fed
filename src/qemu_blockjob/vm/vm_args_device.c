/* Small devices: inputs and the memory balloon. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static const char *
qbjVmArgsUSBInputDriver(int type)
{
    switch (type) {
    case VIR_DOMAIN_INPUT_TYPE_MOUSE:
        return "usb-mouse";
    case VIR_DOMAIN_INPUT_TYPE_TABLET:
        return "usb-tablet";
    case VIR_DOMAIN_INPUT_TYPE_KBD:
        return "usb-kbd";
    default:
        return NULL;
    }
}

static int
qbjVmArgsAddInput(virCommand *cmd, const virDomainDef *def, const virDomainInputDef *input)
{
    const char *driver = qbjVmArgsUSBInputDriver(input->type);
    g_autoptr(virJSONValue) props = NULL;

    /* the machine has keyboard and mouse of this kind, so they have no option */
    if (input->bus == VIR_DOMAIN_INPUT_BUS_PS2)
        return 0;

    if (input->bus != VIR_DOMAIN_INPUT_BUS_USB || !driver) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("The type or bus of input device '%s' is not supported."),
                       NULLSTR(input->info.alias));
        return -1;
    }

    if (virJSONValueObjectAdd(&props, "s:driver", driver, "s:id", input->info.alias, NULL) < 0 ||
        qbjVmArgsAddAddress(&props, def, &input->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddInputs(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->ninputs; i++) {
        if (qbjVmArgsAddInput(cmd, input->def, input->def->inputs[i]) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddBalloon(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainMemballoonDef *balloon = input->def->memballoon;
    g_autoptr(virJSONValue) props = NULL;

    if (!balloon || balloon->model == VIR_DOMAIN_MEMBALLOON_MODEL_NONE)
        return 0;

    if (balloon->model != VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO ||
        qbjVmArgsHasVirtioOptions(balloon->virtio)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This model or driver of the memballoon ('%s') is not supported."),
                       virDomainMemballoonModelTypeToString(balloon->model));
        return -1;
    }

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "virtio-balloon-pci",
                              "s:id", balloon->info.alias,
                              "T:deflate-on-oom", balloon->autodeflate,
                              "T:free-page-reporting", balloon->free_page_reporting,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &balloon->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}
