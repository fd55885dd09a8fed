/* What one QEMU binary can do, as far as definitions and command lines need it. Probed once and cached in memory. */
#pragma once

#include "internal.h"
#include "virarch.h"
#include "capabilities.h"
#include "domain_conf.h"

typedef struct _qbjVmMachine qbjVmMachine;
struct _qbjVmMachine {
    char *name;                 /* pc-q35-7.2 */
    char *alias;                /* q35, or NULL */
    unsigned int maxCpus;
    bool isDefault;
};

typedef struct _qbjVmCaps qbjVmCaps;
struct _qbjVmCaps {
    char *binary;               /* /usr/bin/qemu-system-x86_64 */
    virArch arch;
    unsigned int version;       /* 7002022 */
    char *package;              /* Debian 1:7.2+dfsg-... */
    bool kvm;                   /* QEMU can open /dev/kvm */
    GPtrArray *machines;        /* of qbjVmMachine */
    char **cpuModels;           /* names known to -cpu */
};

/* Caches by binary path, size and times. Thread safe. NULL with an error reported:
 * VIR_ERR_SYSTEM_ERROR "Cannot check QEMU binary PATH: ..." when it cannot be run (11.8). Borrowed for the cache's life. */
typedef struct _qbjVmCapsCache qbjVmCapsCache;
/* @runDir: where the probe's socket may live; @uid/@gid: identity of the probe process ((uid_t)-1: ours). */
qbjVmCapsCache *qbjVmCapsCacheNew(const char *runDir, uid_t uid, gid_t gid);
void qbjVmCapsCacheFree(qbjVmCapsCache *cache);
const qbjVmCaps *qbjVmCapsGet(qbjVmCapsCache *cache, const char *binary);

/* Default emulator for @arch, e.g. /usr/bin/qemu-system-x86_64; NULL when there is none (no error reported). */
char *qbjVmCapsFindBinary(virArch arch);

/* Families of machine types, by canonical name or alias; false for NULL. */
bool qbjVmMachineIsQ35(const char *machine);
bool qbjVmMachineIsI440fx(const char *machine);

/* Canonical name for a machine type or alias; NULL when unknown (no error reported). */
const char *qbjVmCapsMachine(const qbjVmCaps *caps, const char *name);

/* Host capabilities for virConnectGetCapabilities: host CPU, guests of the installed binaries; caller unrefs. */
virCaps *qbjVmCapsHost(qbjVmCapsCache *cache);

/* Domain capabilities XML for virConnectGetDomainCapabilities of what this driver implements (not of all QEMU can do). */
char *qbjVmCapsDomain(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine, const char *virttype);
