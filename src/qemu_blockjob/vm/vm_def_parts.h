/* The callbacks behind vm_def.h, one file each. Only vm_def*.c includes this.
 *
 * @caps may be NULL everywhere: the emulator could not be looked at, and the definition is loaded all the
 * same. */
#pragma once

#include "domain_conf.h"
#include "vm_caps.h"
#include "vm_def.h"

/* vm_def_defaults.c: the whole definition, before its devices. 1: failed, but a stored definition may be kept
 * without it (postParseFailed); an error is reported then too. */
int qbjVmDefAddDefaults(virDomainDef *def, unsigned int parseFlags, const qbjVmDefContext *context,
                        const qbjVmCaps *caps);

/* vm_def_device.c: one device. */
int qbjVmDefDeviceDefaults(virDomainDeviceDef *dev, const virDomainDef *def, unsigned int parseFlags,
                           const qbjVmDefContext *context);

/* vm_def_disk.c: one disk; and the model of SCSI controllers, also of those that the parser adds for its
 * disks. */
void qbjVmDefSetDisk(virDomainDiskDef *disk);
void qbjVmDefSetScsiModels(virDomainDef *def);

/* vm_def_limits.c: of a definition that comes from a client, before it is parsed. -1 with
 * VIR_ERR_CONFIG_UNSUPPORTED reported for a number that is out of all proportion. */
int qbjVmDefCheckLimits(const char *xml);

/* vm_def_chr.c */
/* The parser numbers consoles before it puts that of the first serial port in front. */
void qbjVmDefNumberConsoles(virDomainDef *def);
void qbjVmDefSetChr(virDomainChrDef *chr, unsigned int parseFlags, const qbjVmDefContext *context);
int qbjVmDefValidateChr(const virDomainChrDef *chr, const virDomainDef *def);
/* Channels to spice and sound through it need one. */
bool qbjVmDefHasSpice(const virDomainDef *def);
int qbjVmDefValidateSerials(const virDomainDef *def);

/* vm_def_firmware.c */
void qbjVmDefSetFirmware(virDomainDef *def, const qbjVmDefContext *context);
int qbjVmDefValidateFirmware(const virDomainDef *def);

/* vm_def_validate.c: what may be stored and started. */
int qbjVmDefValidate(const virDomainDef *def, const qbjVmCaps *caps);

/* vm_def_cpu.c: before a start. -1 with VIR_ERR_CPU_INCOMPATIBLE reported when the host's CPU lacks
 * something. */
int qbjVmDefCheckCpu(const virDomainDef *def);
/* -1 with VIR_ERR_CONFIG_UNSUPPORTED reported for a name of a feature that would be more than a name. */
int qbjVmDefValidateCpu(const virDomainDef *def);
/* The CPU of this host; NULL when it is not known. */
const virCPUDef *qbjVmDefGetHostCpu(void);

/* vm_def_validatedisk.c, vm_def_validatedrive.c: settings; place on its bus */
int qbjVmDefValidateDisk(const virDomainDiskDef *disk, const virDomainDef *def);
int qbjVmDefValidateDrive(const virDomainDiskDef *disk, const virDomainDef *def);

/* vm_def_validatedev.c */
int qbjVmDefValidateDevice(const virDomainDeviceDef *dev, const virDomainDef *def);

/* vm_def_distances.c: @xml has not been parsed yet. -1 with VIR_ERR_XML_ERROR reported. */
int qbjVmDefCheckDistances(const char *xml);
