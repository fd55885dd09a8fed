/* The pieces of a disk's options. Only vm_args_disk*.c includes this. */
#pragma once

#include "vm_args_parts.h"

/* vm_args_diskdev.c: -device. */
int qbjVmArgsAddDiskDevice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk);
