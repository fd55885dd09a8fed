/* Input devices: keyboards, mice and tablets. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* "keyboard", which QEMU calls kbd on USB. */
static const char *
qbjVmArgsInputName(int type, bool usb)
{
    switch (type) {
    case VIR_DOMAIN_INPUT_TYPE_MOUSE:
        return "mouse";
    case VIR_DOMAIN_INPUT_TYPE_TABLET:
        return "tablet";
    case VIR_DOMAIN_INPUT_TYPE_KBD:
        return usb ? "kbd" : "keyboard";
    default:
        return NULL;
    }
}

static int
qbjVmArgsStartInput(virJSONValue **props, const virDomainInputDef *input)
{
    bool usb = input->bus == VIR_DOMAIN_INPUT_BUS_USB;
    const char *name = qbjVmArgsInputName(input->type, usb);
    g_autofree char *driver = NULL;

    if (!name || (!usb && input->bus != VIR_DOMAIN_INPUT_BUS_VIRTIO) ||
        (input->model != VIR_DOMAIN_INPUT_MODEL_DEFAULT && input->model != VIR_DOMAIN_INPUT_MODEL_VIRTIO)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("The type or bus of input device '%s' is not supported."),
                       NULLSTR(input->info.alias));
        return -1;
    }

    driver = g_strdup_printf("%s-%s", usb ? "usb" : "virtio", name);
    if (usb)
        return virJSONValueObjectAdd(props, "s:driver", driver, NULL);

    return qbjVmArgsStartVirtio(props, driver, QBJ_VM_ARGS_VIRTIO_BOTH, input->virtio);
}

int
qbjVmArgsAddInput(virCommand *cmd, const virDomainDef *def, const virDomainInputDef *input)
{
    g_autoptr(virJSONValue) props = NULL;

    /* the machine has keyboard and mouse of this kind, so they have no option */
    if (input->bus == VIR_DOMAIN_INPUT_BUS_PS2)
        return 0;

    if (qbjVmArgsStartInput(&props, input) < 0 ||
        virJSONValueObjectAdd(&props, "s:id", input->info.alias, NULL) < 0 ||
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
