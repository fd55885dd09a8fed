/* Firmware descriptors: the JSON files by which a host says which images it has. Only vm_firmware*.c includes
 * this. */
#pragma once

#include "domain_conf.h"

typedef struct _qbjVmFirmwareFile qbjVmFirmwareFile;
struct _qbjVmFirmwareFile {
    char *executable;
    char *nvramTemplate;
    char **targets;             /* "x86_64 pc-q35-*", NULL terminated */
    bool secureBoot;
    bool enrolledKeys;
    bool requiresSmm;
};

/* All descriptors of UEFI images in flash memory, in the order of their names; what cannot be read is logged
 * and left out. The caller unrefs. NULL with an error reported. */
GPtrArray *qbjVmFirmwareFiles(void);

bool qbjVmFirmwareFileFitsMachine(const qbjVmFirmwareFile *file, virArch arch, const char *machine);
bool qbjVmFirmwareFileFits(const qbjVmFirmwareFile *file, const virDomainDef *def);
