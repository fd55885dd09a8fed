/* What one QEMU binary can do, as far as definitions and command lines need it. Probed once and cached in
 * memory. */
#pragma once

#include "internal.h"
#include "virarch.h"
#include "capabilities.h"
#include "domain_capabilities.h"
#include "domain_conf.h"

typedef struct _qbjVmMachine qbjVmMachine;
struct _qbjVmMachine {
    char *name;                 /* pc-q35-7.2 */
    char *alias;                /* q35, or NULL */
    unsigned int maxCpus;
    bool isDefault;
    bool deprecated;
    bool numaMem;               /* NUMA cells may be parts of the machine's RAM */
};

/* All that a guest's CPU can get. */
typedef struct _qbjVmCapsCpu qbjVmCapsCpu;
struct _qbjVmCapsCpu {
    virCPUDef *cpu;             /* as the nearest named model and its differences */
    virCPUDef *migratable;      /* the same without what would keep a guest from being migrated */
    char **features;            /* names of all that QEMU knows of, NULL terminated, whether it can be had or not */
    char **migratableFeatures;  /* the same without what keeps a guest from being migrated */
};

/* What depends on the accelerator. */
typedef struct _qbjVmCapsMost qbjVmCapsMost;
typedef struct _qbjVmCapsAccel qbjVmCapsAccel;
struct _qbjVmCapsAccel {
    virDomainCapsCPUModels *cpus;   /* names known to -cpu, whether a guest can have them, and what is in the way */
    unsigned int hyperv;        /* bits by virDomainHyperv */
    qbjVmCapsMost *most;        /* private to qbjVmCapsAccelCpu() */
};

typedef struct _qbjVmCaps qbjVmCaps;
struct _qbjVmCaps {
    char *binary;               /* /usr/bin/qemu-system-x86_64 */
    virArch arch;
    unsigned int version;       /* 7002022 */
    char *package;              /* Debian 1:7.2+dfsg-... */
    bool kvm;                   /* QEMU can open /dev/kvm */
    GPtrArray *machines;        /* of qbjVmMachine */
    char **cpuModels;           /* names known to -cpu; NULL-terminated */
    GHashTable *devices;        /* set of the types of devices and of backends of character devices */
    qbjVmCapsAccel *tcg;
    qbjVmCapsAccel *accelKvm;   /* NULL without kvm */
};

typedef struct _qbjVmCapsCache qbjVmCapsCache;

/* @runDir: HOME of the probe process, need not exist; @uid/@gid: its identity ((uid_t)-1, (gid_t)-1:
 * ours). */
qbjVmCapsCache *qbjVmCapsCacheNew(const char *runDir, uid_t uid, gid_t gid);
/* Keeps answers in @folder, too (made when it is needed), and takes them from there while neither the
 * binary nor /dev/kvm nor the host's CPU and kernel have changed. To be called before the first question. */
void qbjVmCapsCacheSetFolder(qbjVmCapsCache *cache, const char *folder);
void qbjVmCapsCacheFree(qbjVmCapsCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmCapsCache, qbjVmCapsCacheFree);

/* What @binary can do. The first call for a binary runs it once (about 50 ms; at most 30 s when it hangs),
 * later calls answer from memory until its size or times or the rights of /dev/kvm change. Thread safe; while
 * one thread probes a binary others that ask for the same one wait for its result, all others go on. Do not
 * call it where only a running VM is looked at. The result is borrowed for the cache's life: what was handed
 * out stays when a binary is replaced.
 * NULL with an error reported:
 *   VIR_ERR_SYSTEM_ERROR    "Cannot check QEMU binary PATH: ...", it is missing or not executable (11.8)
 *   VIR_ERR_INTERNAL_ERROR  it ran, but did not answer as a QEMU does */
const qbjVmCaps *qbjVmCapsGet(qbjVmCapsCache *cache, const char *binary);

/* For domains of @type; NULL when @caps cannot run them (no error reported). */
const qbjVmCapsAccel *qbjVmCapsAccelFor(const qbjVmCaps *caps, virDomainVirtType type);

/* NULL: QEMU does not say (no error reported). The first call reads libvirt's map of CPUs, 10 ms: nothing
 * that happens at the start of the daemon may need it. Thread safe; borrowed for as long as @accel is. */
const qbjVmCapsCpu *qbjVmCapsAccelCpu(const qbjVmCapsAccel *accel);

/* Whether the binary has a type of device or of a backend of character devices: "qxl-vga",
 * "chardev-spicevmc". */
bool qbjVmCapsHasDevice(const qbjVmCaps *caps, const char *type);

/* Default emulator for @arch, e.g. /usr/bin/qemu-system-x86_64; NULL when there is none (no error
 * reported). */
char *qbjVmCapsFindBinary(virArch arch);

/* Families of machine types, by canonical name or alias; false for NULL. */
bool qbjVmMachineIsQ35(const char *machine);
bool qbjVmMachineIsI440fx(const char *machine);

/* Whether NUMA cells of a machine type may be parts of its RAM; false for an unknown one. */
bool qbjVmCapsMachineHasNumaMem(const qbjVmCaps *caps, const char *name);

/* Canonical name for a machine type or alias; NULL when unknown (no error reported). */
const char *qbjVmCapsMachine(const qbjVmCaps *caps, const char *name);

/* Host capabilities for virConnectGetCapabilities: host CPU, guests of the installed binaries; caller unrefs.
 * A binary that cannot be probed is left out with a warning in the log; NULL with an error reported
 * otherwise. */
virCaps *qbjVmCapsHost(qbjVmCapsCache *cache);

/* Domain capabilities XML for virConnectGetDomainCapabilities of what this driver implements (not of all QEMU
 * can do).
 * Each argument but @cache may be NULL: then the default is taken, the host's architecture for @arch. NULL
 * with an error reported:
 *   VIR_ERR_INVALID_ARG   unknown architecture, type or machine, or one that does not go with the binary */
char *qbjVmCapsDomain(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine,
                      const char *virttype);

/* Whether a domain on @binary could have the CPU of @xml. The first four names as in qbjVmCapsDomain();
 * @fail: an incompatible one is an error; @validate: against the schema. Errors beside those there:
 *   VIR_ERR_OPERATION_UNSUPPORTED  QEMU does not tell what it can give
 *   VIR_ERR_CPU_INCOMPATIBLE       with @fail */
virCPUCompareResult qbjVmCapsCompareCpu(qbjVmCapsCache *cache, const char *binary, const char *arch,
                                        const char *machine, const char *virttype, const char *xml, bool fail,
                                        bool validate);

/* The best CPU that a domain on @binary could have on all hosts that have one of @xmls, as XML; the caller
 * frees. The first four names as in qbjVmCapsDomain(); @expand: all features are named; @migratable: without
 * those that keep a guest from being migrated. Errors as qbjVmCapsCompareCpu(). */
char *qbjVmCapsBaselineCpu(qbjVmCapsCache *cache, const char *binary, const char *arch, const char *machine,
                           const char *virttype, const char **xmls, unsigned int nxmls, bool expand, bool migratable);
