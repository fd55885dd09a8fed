/* The pieces of the controllers' options. Only vm_args_*controller.c, vm_args_*ctl.c and
 * vm_args_plug.c include this. */
#pragma once

#include "vm_args_parts.h"

/* vm_args_ctl.c: reports VIR_ERR_CONFIG_UNSUPPORTED, returns -1. @what: model, index, ... */
int qbjVmArgsRefuseController(const virDomainControllerDef *controller, const char *what);
/* Adds the address to @props, then -device. */
int qbjVmArgsAddController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller,
                           virJSONValue **props);

/* vm_args_pcictl.c */
int qbjVmArgsAddPCIController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller);

/* vm_args_usbctl.c */
int qbjVmArgsAddUSBController(virCommand *cmd, const qbjVmArgsInput *input, const virDomainControllerDef *controller);

/* vm_args_storagectl.c: scsi, sata, ide, fdc, virtio-serial */
int qbjVmArgsAddStorageController(virCommand *cmd, const qbjVmArgsInput *input,
                                  const virDomainControllerDef *controller);
/* The one of floppy drives, which is there when they are. */
int qbjVmArgsAddFloppyController(virCommand *cmd, const qbjVmArgsInput *input);
