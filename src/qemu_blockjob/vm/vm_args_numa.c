/* -numa: the cells of the guest and how far they are from each other. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"
#include "vm_memory.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* "0-1,3" is ",cpus=0-1,cpus=3" for QEMU. */
static void
qbjVmArgsAppendCpus(virBuffer *buf, virBitmap *cpus)
{
    g_autofree char *text = cpus ? virBitmapFormat(cpus) : NULL;
    g_auto(GStrv) ranges = NULL;
    size_t i;

    if (!text || !*text)
        return;

    ranges = g_strsplit(text, ",", 0);
    for (i = 0; ranges[i]; i++)
        virBufferAsprintf(buf, ",cpus=%s", ranges[i]);
}

/* Machines of QEMU 5.0 and older have their memory in one piece that cells take a part of each, unless one of
 * them is of another kind: guests that come from an older QEMU look like this. */
static bool
qbjVmArgsCellsShareMemory(const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    int ncells = virDomainNumaGetNodeCount(def->numa);
    int cell;

    if (!qbjVmCapsMachineHasNumaMem(input->caps, def->os.machine) || def->mem.allocation_threads > 0)
        return false;

    for (cell = 0; cell < ncells; cell++) {
        qbjVmMemory memory;

        if (virDomainNumatuneNodeSpecified(def->numa, cell) ||
            qbjVmMemoryDescribe(def, cell, input->memory, &memory) < 0 ||
            memory.kind != QBJ_VM_MEMORY_RAM)
            return false;
    }
    return true;
}

static int
qbjVmArgsAddCell(virCommand *cmd, const qbjVmArgsInput *input, int cell, bool shared)
{
    const virDomainDef *def = input->def;
    unsigned long long kib = qbjVmArgsMemory(virDomainNumaGetNodeMemorySize(def->numa, cell));
    g_autofree char *id = g_strdup_printf("ram-node%d", cell);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAsprintf(&buf, "node,nodeid=%d", cell);
    qbjVmArgsAppendCpus(&buf, virDomainNumaGetNodeCpumask(def->numa, cell));
    if (shared)
        virBufferAsprintf(&buf, ",mem=%llu", kib / 1024);
    else if (qbjVmArgsAddBackend(cmd, input, id, cell, kib) < 0)
        return -1;
    else
        virBufferAsprintf(&buf, ",memdev=%s", id);

    virCommandAddArgList(cmd, "-numa", virBufferCurrentContent(&buf), NULL);
    return 0;
}

static void
qbjVmArgsAddDistances(virCommand *cmd, virDomainNuma *numa)
{
    size_t ncells = virDomainNumaGetNodeCount(numa);
    size_t i;
    size_t j;

    if (!virDomainNumaNodesDistancesAreBeingSet(numa))
        return;

    for (i = 0; i < ncells; i++) {
        for (j = 0; j < ncells; j++) {
            virCommandAddArg(cmd, "-numa");
            virCommandAddArgFormat(cmd, "dist,src=%zu,dst=%zu,val=%zu", i, j,
                                   virDomainNumaGetNodeDistance(numa, i, j));
        }
    }
}

int
qbjVmArgsAddNuma(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    size_t ncells = virDomainNumaGetNodeCount(def->numa);
    bool shared = ncells > 0 && qbjVmArgsCellsShareMemory(input);
    size_t i;

    if (shared && def->mem.allocation == VIR_DOMAIN_MEMORY_ALLOCATION_IMMEDIATE)
        virCommandAddArg(cmd, "-mem-prealloc");
    for (i = 0; i < ncells; i++) {
        if (qbjVmArgsAddCell(cmd, input, i, shared) < 0)
            return -1;
    }

    qbjVmArgsAddDistances(cmd, def->numa);
    return 0;
}
