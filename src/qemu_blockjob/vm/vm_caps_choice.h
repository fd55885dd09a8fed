/* What a client means who names an emulator, an architecture, a machine and a type, or some of them. Only
 * vm_caps*.c includes this. */
#pragma once

#include "vm_caps.h"

typedef struct _qbjVmCapsChoice qbjVmCapsChoice;
struct _qbjVmCapsChoice {
    const qbjVmCaps *caps;
    const qbjVmMachine *machine;
    virDomainVirtType virtType;
    const qbjVmCapsAccel *accel;        /* for virtType; never NULL */
};

/* Each of the four names may be NULL: then the default is taken, the host's architecture for @arch.
 * Everything in @choice is borrowed for the cache's life. Returns 0, -1 with an error reported:
 *   VIR_ERR_INVALID_ARG         unknown architecture, type or machine, or one that is not the binary's
 *   VIR_ERR_CONFIG_UNSUPPORTED  no binary is installed for @arch */
int qbjVmCapsChoose(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine,
                    const char *virttype, qbjVmCapsChoice *choice);
