/* UEFI: which image a VM gets, and the file that keeps its variables. */
#pragma once

#include "domain_conf.h"

/* Where the variables of a domain are kept when its definition does not say; the caller frees. */
char *qbjVmFirmwareNvramPath(const char *nvramDir, const char *name);

/* The local file that keeps @def's variables, whether it exists or not; NULL when there is none. The caller
 * frees. */
char *qbjVmFirmwareNvram(const virDomainDef *def, const char *nvramDir);

/* Turns <os firmware='efi'> of a definition that is about to start into the image, the template and settings
 * of the first firmware descriptor that fits (/usr/share/qemu/firmware, masked by /etc/qemu/firmware; in
 * the order of their names), and finds the template of an image that is named without one. Nothing else is
 * touched. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_FAILED    no descriptor fits */
int qbjVmFirmwareSelect(virDomainDef *def, const char *nvramDir);

/* Adds the paths of the images that the host's descriptors name for @machine (a canonical name) to @images,
 * without doubles, and says in @secure whether one of them can do secure boot. Returns 0, -1 with an error
 * reported. */
int qbjVmFirmwareImages(virArch arch, const char *machine, GPtrArray *images, bool *secure);

/* Copies the template to where the variables of @def are kept, if there is no such file yet or @reset:
 * mode 0600, owned by @user and @group unless they are -1. Returns 0, -1 with an error reported. */
int qbjVmFirmwareMakeNvram(const virDomainDef *def, uid_t user, gid_t group, bool reset);
