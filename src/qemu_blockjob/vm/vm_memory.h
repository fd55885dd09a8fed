/* Guest memory: what each piece of it is made of (11.2), and the folders that QEMU makes its files in. A
 * piece is the whole memory of the machine, or that of one NUMA cell. */
#pragma once

#include "domain_conf.h"
#include "virfile.h"
#include "virqbjconf.h"

/* Where the files of one VM's memory are. */
typedef struct _qbjVmMemoryPlaces qbjVmMemoryPlaces;
struct _qbjVmMemoryPlaces {
    char *ramDir;               /* folder of its own for ordinary files */
    virHugeTLBFS *mounts;       /* of huge pages; looked up only for a VM that asks for some */
    size_t nmounts;
    char *below;                /* its folder in a mount: "libvirt/qemu/1-guest" */
};

void qbjVmMemoryPlacesClear(qbjVmMemoryPlaces *places);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjVmMemoryPlaces, qbjVmMemoryPlacesClear);

/* Fills @places, which is zero, for @def with its id. Reads /proc/mounts, or looks at what qemu.conf names.
 * -1 with an error reported: a mount that is named is none of huge pages. */
int qbjVmMemoryPlacesFind(const virQbjConf *conf, const virDomainDef *def, qbjVmMemoryPlaces *places);

typedef enum {
    QBJ_VM_MEMORY_RAM,          /* anonymous memory of the process */
    QBJ_VM_MEMORY_FILE,         /* a file in ramDir */
    QBJ_VM_MEMORY_HUGETLBFS,    /* a file in a mount of huge pages */
    QBJ_VM_MEMORY_MEMFD,
} qbjVmMemoryKind;

typedef struct _qbjVmMemory qbjVmMemory;
struct _qbjVmMemory {
    qbjVmMemoryKind kind;
    unsigned long long page;    /* size of its huge pages, KiB; 0: none */
    const virHugeTLBFS *mount;  /* HUGETLBFS: borrowed from the places */
    virTristateBool share;      /* with other processes; ABSENT: nobody has said */
    virTristateBool discard;    /* what is in a file need not be written back at the end */
    bool prealloc;
    unsigned int threads;       /* that allocate; 0: nobody has said */
};

/* The whole memory, for a VM without NUMA cells. */
#define QBJ_VM_MEMORY_WHOLE -1

/* What piece @cell (number of a NUMA cell, or QBJ_VM_MEMORY_WHOLE) is made of. -1 with
 * VIR_ERR_INTERNAL_ERROR reported: no mount has pages of the size that is asked for. */
int qbjVmMemoryDescribe(const virDomainDef *def, int cell, const qbjVmMemoryPlaces *places, qbjVmMemory *memory);

/* Makes the folders that @vm's memory needs, owned by QEMU's user, and allows QEMU to use them. @vm is
 * locked; its images are labelled already. Returns 0, -1 with an error reported. */
int qbjVmMemoryMake(virDomainObj *vm);

/* Removes them, with what QEMU left there; what is not there is fine. */
void qbjVmMemoryRemove(virDomainObj *vm);

/* How much longer than usual QEMU may take until it answers for the first time, milliseconds: it fills the
 * memory before. */
unsigned int qbjVmMemoryExtraMs(const virDomainDef *def);
