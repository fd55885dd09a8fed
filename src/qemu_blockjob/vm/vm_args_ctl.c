#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_controller.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmArgsRefuseController(const virDomainControllerDef *controller, const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("This %s of the %s controller with index %d is not supported."),
                   what, virDomainControllerTypeToString(controller->type), controller->idx);
    return -1;
}

int
qbjVmArgsAddController(virCommand *cmd, const qbjVmArgsInput *input,
                       const virDomainControllerDef *controller, virJSONValue **props)
{
    if (qbjVmArgsAddAddress(props, input->def, &controller->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", *props);
}
