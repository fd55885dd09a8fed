/* What of the domain XML this driver acts on: where the guest's memory comes from, and its NUMA cells.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

#define CPUSET .same = qbjVmSupportSameCpuset

const qbjVmSupportFamily qbjVmSupportMemoryFamilies[] = {
    { "memoryBacking/hugepages/page", NULL,         "nodeset" },
    { "%cpu/numa/cell",             NULL,           "id" },
    { "%cpu/numa/cell/distances/sibling", NULL,     "id" },
    { "numatune/memnode",           NULL,           "cellid" },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportMemoryRows[] = {
    { "memoryBacking", .flags = VANISH },
    { "memoryBacking/source" },
    { "memoryBacking/source/@type", "file anonymous memfd" },
    { "memoryBacking/access" },
    { "memoryBacking/access/@mode", "shared private" },
    { "memoryBacking/allocation" },
    { "memoryBacking/allocation/@mode", "immediate ondemand" },
    { "memoryBacking/allocation/@threads", NUMBER, .ignore = qbjVmSupportIgnoreZero },
    { "memoryBacking/hugepages" },
    { "memoryBacking/hugepages/page" },
    { "memoryBacking/hugepages/page/@size", SIZE },
    { "memoryBacking/hugepages/page/@unit", .same = qbjVmSupportSameUnit },
    { "memoryBacking/hugepages/page/@nodeset", CPUSET, .ignore = qbjVmSupportIgnoreZero },
    { "memoryBacking/nosharepages" },
    { "memoryBacking/discard" },

    { "%cpu/numa" },
    { "%cpu/numa/cell" },
    { "%cpu/numa/cell/@id", NUMBER },
    { "%cpu/numa/cell/@cpus", .same = qbjVmSupportSameCellCpus },
    { "%cpu/numa/cell/@memory", SIZE },
    { "%cpu/numa/cell/@unit", .same = qbjVmSupportSameUnit },
    { "%cpu/numa/cell/@memAccess", "shared private" },
    { "%cpu/numa/cell/@discard", "yes no" },
    { "%cpu/numa/cell/distances" },
    { "%cpu/numa/cell/distances/sibling" },
    { "%cpu/numa/cell/distances/sibling/@id", NUMBER },
    { "%cpu/numa/cell/distances/sibling/@value", NUMBER },

    /* a cell of its own policy; what the whole VM may use: vm_support_table_cpu.c */
    { "numatune/memnode" },
    { "numatune/memnode/@cellid", NUMBER },
    { "numatune/memnode/@mode", "strict interleave preferred" },
    { "numatune/memnode/@nodeset", CPUSET },
    { NULL }
};
