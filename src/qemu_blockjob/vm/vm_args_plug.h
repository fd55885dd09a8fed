/* One device as the commands that plug it into a running QEMU: what a start would have put on the command
 * line for it. Pure. */
#pragma once

#include "vm_args.h"

/* One command; its arguments are what -object, -blockdev and -device take. */
typedef struct _qbjVmArgsPlugged qbjVmArgsPlugged;
struct _qbjVmArgsPlugged {
    const char *execute;        /* object-add, blockdev-add, device_add; static */
    virJSONValue *arguments;
};
void qbjVmArgsPluggedFree(qbjVmArgsPlugged *one);

/* The commands that plug in @dev, a disk, rng, input device or SCSI controller, in the order in which QEMU
 * must get them: each needs those before it. input->def is the running domain, which @dev is no part of;
 * alias, address, node names and modes of @dev are set. An empty drive has no blockdev-add. Returns an
 * array of qbjVmArgsPlugged, NULL with an error reported: VIR_ERR_CONFIG_UNSUPPORTED names what cannot be
 * expressed, VIR_ERR_OPERATION_UNSUPPORTED a type of device. */
GPtrArray *qbjVmArgsPlug(const qbjVmArgsInput *input, const virDomainDeviceDef *dev);

/* The blockdev-add of a medium alone: as above, without a device. */
GPtrArray *qbjVmArgsPlugMedium(const qbjVmArgsInput *input, const virDomainDiskDef *disk);
