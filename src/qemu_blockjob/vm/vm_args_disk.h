/* The pieces of a disk's options. Only vm_args_disk*.c and vm_args_plug.c include this. */
#pragma once

#include "vm_args_parts.h"

/* vm_args_disk.c: -object and -blockdev of all images; these, and -device. */
int qbjVmArgsAddChain(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk);
int qbjVmArgsAddDisk(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk);

/* vm_args_diskdev.c: -device. */
int qbjVmArgsAddDiskDevice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk);
