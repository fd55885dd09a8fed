/* What each piece of guest memory is made of. */

#include <config.h>

#include "internal.h"
#include "vm_memory.h"
#include "virerror.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The size of pages that @cell shall have, KiB; 0: the host's default for huge pages. Returns 1 with *@page,
 * 0 when nothing is said about it. */
static int
qbjVmMemoryPage(const virDomainDef *def, int cell, unsigned long long *page)
{
    int found = 0;
    size_t i;

    for (i = 0; i < def->mem.nhugepages; i++) {
        const virDomainHugePage *one = &def->mem.hugepages[i];

        if (one->nodemask && virBitmapIsBitSet(one->nodemask, MAX(cell, 0))) {
            *page = one->size;
            return 1;
        }
        if (!one->nodemask) {
            *page = one->size;
            found = 1;
        }
    }
    return found;
}

static const virHugeTLBFS *
qbjVmMemoryDefaultMount(const qbjVmMemoryPlaces *places)
{
    const virHugeTLBFS *mount = places->nmounts > 0 ? virFileGetDefaultHugepage(places->mounts, places->nmounts) : NULL;

    if (!mount) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("hugetlbfs filesystem is not mounted or disabled by administrator config"));
    }
    return mount;
}

static const virHugeTLBFS *
qbjVmMemoryMountOf(const qbjVmMemoryPlaces *places, unsigned long long page)
{
    size_t i;

    for (i = 0; i < places->nmounts; i++) {
        if (places->mounts[i].size == page)
            return &places->mounts[i];
    }
    virReportError(VIR_ERR_INTERNAL_ERROR, _("Unable to find any usable hugetlbfs mount for %llu KiB"), page);
    return NULL;
}

/* A memfd has huge pages without a mount; only the default size is taken from there. */
static int
qbjVmMemoryFindMount(const qbjVmMemoryPlaces *places, qbjVmMemory *memory)
{
    const virHugeTLBFS *mount = NULL;

    if (memory->page == 0) {
        if (!(mount = qbjVmMemoryDefaultMount(places)))
            return -1;
        memory->page = mount->size;
    }
    if (memory->kind == QBJ_VM_MEMORY_MEMFD)
        return 0;
    memory->kind = QBJ_VM_MEMORY_HUGETLBFS;
    memory->mount = mount ? mount : qbjVmMemoryMountOf(places, memory->page);
    return memory->mount ? 0 : -1;
}

static virTristateBool
qbjVmMemoryShare(const virDomainDef *def, int cell)
{
    virDomainMemoryAccess access = VIR_DOMAIN_MEMORY_ACCESS_DEFAULT;

    if (cell >= 0)
        access = virDomainNumaGetNodeMemoryAccessMode(def->numa, cell);
    if (access == VIR_DOMAIN_MEMORY_ACCESS_DEFAULT)
        access = def->mem.access;

    switch (access) {
    case VIR_DOMAIN_MEMORY_ACCESS_SHARED:
        return VIR_TRISTATE_BOOL_YES;
    case VIR_DOMAIN_MEMORY_ACCESS_PRIVATE:
        return VIR_TRISTATE_BOOL_NO;
    case VIR_DOMAIN_MEMORY_ACCESS_DEFAULT:
    case VIR_DOMAIN_MEMORY_ACCESS_LAST:
    default:
        return VIR_TRISTATE_BOOL_ABSENT;
    }
}

static virTristateBool
qbjVmMemoryDiscard(const virDomainDef *def, int cell)
{
    virTristateBool discard = VIR_TRISTATE_BOOL_ABSENT;

    if (cell >= 0)
        discard = virDomainNumaGetNodeDiscard(def->numa, cell);
    return discard == VIR_TRISTATE_BOOL_ABSENT ? def->mem.discard : discard;
}

/* Only a file can be shared, or expressly not be, unless it is a memfd. */
static qbjVmMemoryKind
qbjVmMemoryOrdinary(const virDomainDef *def, virTristateBool share)
{
    if (def->mem.source == VIR_DOMAIN_MEMORY_SOURCE_MEMFD)
        return QBJ_VM_MEMORY_MEMFD;
    if (def->mem.source == VIR_DOMAIN_MEMORY_SOURCE_FILE || share != VIR_TRISTATE_BOOL_ABSENT)
        return QBJ_VM_MEMORY_FILE;
    return QBJ_VM_MEMORY_RAM;
}

int
qbjVmMemoryDescribe(const virDomainDef *def, int cell, const qbjVmMemoryPlaces *places, qbjVmMemory *memory)
{
    qbjVmMemory found = { .page = 0 };

    found.share = qbjVmMemoryShare(def, cell);
    found.kind = qbjVmMemoryOrdinary(def, found.share);
    found.prealloc = def->mem.allocation == VIR_DOMAIN_MEMORY_ALLOCATION_IMMEDIATE;
    found.threads = def->mem.allocation_threads;
    /* the host's ordinary pages are no huge ones */
    if (qbjVmMemoryPage(def, cell, &found.page) && found.page != (unsigned long long) virGetSystemPageSizeKB()) {
        if (qbjVmMemoryFindMount(places, &found) < 0)
            return -1;
        found.prealloc = true;          /* a page that is missing later would kill the guest */
    } else {
        found.page = 0;
    }
    /* the others are gone with the process anyway */
    if (found.kind == QBJ_VM_MEMORY_FILE || found.kind == QBJ_VM_MEMORY_HUGETLBFS)
        found.discard = qbjVmMemoryDiscard(def, cell);

    *memory = found;
    return 0;
}

unsigned int
qbjVmMemoryExtraMs(const virDomainDef *def)
{
    unsigned long long gib = virDomainDefGetMemoryTotal(def) >> 20;

    if (def->mem.nhugepages == 0 && def->mem.allocation != VIR_DOMAIN_MEMORY_ALLOCATION_IMMEDIATE)
        return 0;
    return MIN(gib, 3600) * 1000;
}
