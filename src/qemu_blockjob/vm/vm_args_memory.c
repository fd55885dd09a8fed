/* -m and the memory back-ends: one that is the machine's RAM, or one for each NUMA cell with its -numa. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"
#include "vm_memory.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Those that QEMU knows threads for allocation with a place of their own since. */
#define QBJ_VM_ARGS_THREAD_CONTEXT 7002000

/* What binds a piece of memory to nodes of the host. */
typedef struct _qbjVmArgsPolicy qbjVmArgsPolicy;
struct _qbjVmArgsPolicy {
    const char *name;           /* NULL: none */
    virBitmap *nodes;           /* borrowed */
};

/* restrictive leaves it to a cgroup */
static const char *
qbjVmArgsPolicyName(virDomainNumatuneMemMode mode)
{
    switch (mode) {
    case VIR_DOMAIN_NUMATUNE_MEM_STRICT:
        return "bind";
    case VIR_DOMAIN_NUMATUNE_MEM_PREFERRED:
        return "preferred";
    case VIR_DOMAIN_NUMATUNE_MEM_INTERLEAVE:
        return "interleave";
    case VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE:
    case VIR_DOMAIN_NUMATUNE_MEM_LAST:
    default:
        return NULL;
    }
}

static int
qbjVmArgsFindPolicy(const virDomainDef *def, int cell, qbjVmArgsPolicy *policy)
{
    virDomainNumatuneMemMode mode;
    qbjVmArgsPolicy found = { NULL, NULL };

    if (virDomainNumatuneMaybeGetNodeset(def->numa, NULL, &found.nodes, cell) < 0)
        return -1;
    if (found.nodes && virDomainNumatuneGetMode(def->numa, cell, &mode) == 0)
        found.name = qbjVmArgsPolicyName(mode);
    if (!found.name)
        found.nodes = NULL;

    *policy = found;
    return 0;
}

/* The keys that say what the memory is; the path of its file. */
static int
qbjVmArgsStartBackend(virJSONValue **props, const char *id, const qbjVmMemory *memory, const qbjVmMemoryPlaces *places)
{
    g_autofree char *path = NULL;

    switch (memory->kind) {
    case QBJ_VM_MEMORY_MEMFD:
        return virJSONValueObjectAdd(props, "s:qom-type", "memory-backend-memfd", "s:id", id,
                                     "B:hugetlb", memory->page > 0, "P:hugetlbsize", memory->page * 1024, NULL);
    case QBJ_VM_MEMORY_FILE:
        path = g_strdup_printf("%s/%s", places->ramDir, id);
        break;
    case QBJ_VM_MEMORY_HUGETLBFS:
        path = g_strdup_printf("%s/%s", memory->mount->mnt_dir, places->below);
        break;
    case QBJ_VM_MEMORY_RAM:
    default:
        return virJSONValueObjectAdd(props, "s:qom-type", "memory-backend-ram", "s:id", id, NULL);
    }
    return virJSONValueObjectAdd(props, "s:qom-type", "memory-backend-file", "s:id", id, "s:mem-path", path,
                                 "T:discard-data", memory->discard, NULL);
}

/* Allocates on the nodes that the memory shall be on. */
static int
qbjVmArgsAddThreadContext(virCommand *cmd, const char *name, virBitmap *nodes)
{
    g_autoptr(virJSONValue) props = NULL;

    if (virJSONValueObjectAdd(&props, "s:qom-type", "thread-context", "s:id", name, "m:node-affinity", nodes,
                              NULL) < 0)
        return -1;
    return qbjVmArgsAddJSON(cmd, "-object", props);
}

int
qbjVmArgsAddBackend(virCommand *cmd, const qbjVmArgsInput *input, const char *id, int cell,
                    unsigned long long kib)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *context = NULL;
    /* memory that migrates is found by its name; that of the machine's RAM was another one once */
    bool fixedName = cell == QBJ_VM_MEMORY_WHOLE;
    qbjVmArgsPolicy policy;
    qbjVmMemory memory;

    if (qbjVmMemoryDescribe(input->def, cell, input->memory, &memory) < 0 ||
        qbjVmArgsFindPolicy(input->def, cell, &policy) < 0)
        return -1;
    if (memory.prealloc && policy.name && input->caps->version >= QBJ_VM_ARGS_THREAD_CONTEXT) {
        context = g_strdup_printf("tc-%s", id);
        if (qbjVmArgsAddThreadContext(cmd, context, policy.nodes) < 0)
            return -1;
    }

    if (qbjVmArgsStartBackend(&props, id, &memory, input->memory) < 0 ||
        virJSONValueObjectAdd(&props,
                              "T:share", memory.kind == QBJ_VM_MEMORY_RAM ? VIR_TRISTATE_BOOL_ABSENT : memory.share,
                              "T:x-use-canonical-path-for-ramblock-id",
                              fixedName && memory.kind != QBJ_VM_MEMORY_RAM ? VIR_TRISTATE_BOOL_NO
                                                                            : VIR_TRISTATE_BOOL_ABSENT,
                              "B:prealloc", memory.prealloc,
                              "p:prealloc-threads", memory.threads,
                              "U:size", kib * 1024,
                              "M:host-nodes", policy.nodes,
                              "S:policy", policy.name,
                              "S:prealloc-context", context,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

unsigned long long
qbjVmArgsMemory(unsigned long long kib)
{
    return VIR_DIV_UP(kib, 1024) * 1024;
}

int
qbjVmArgsAddMemory(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    unsigned long long kib = qbjVmArgsMemory(virDomainDefGetMemoryInitial(def));
    size_t ncells = virDomainNumaGetNodeCount(def->numa);
    size_t i;

    /* with cells it is their sum, each rounded by itself */
    if (ncells > 0)
        kib = 0;
    for (i = 0; i < ncells; i++)
        kib += qbjVmArgsMemory(virDomainNumaGetNodeMemorySize(def->numa, i));

    virCommandAddArg(cmd, "-m");
    virCommandAddArgFormat(cmd, "%llu", kib / 1024);
    if (ncells == 0 && qbjVmArgsAddBackend(cmd, input, QBJ_VM_ARGS_RAM_ID, QBJ_VM_MEMORY_WHOLE, kib) < 0)
        return -1;

    virCommandAddArgList(cmd, "-overcommit", "mem-lock=off", NULL);
    return 0;
}
