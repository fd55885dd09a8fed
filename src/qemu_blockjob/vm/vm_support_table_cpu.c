/* What of the domain XML this driver acts on: virtual CPUs one by one, where threads may run, and what a
 * domain may use of the host.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

#define CPUSET .same = qbjVmSupportSameCpuset

const qbjVmSupportFamily qbjVmSupportCpuFamilies[] = {
    { "vcpus/vcpu",                 NULL,           "id" },
    { "cputune/vcpupin",            NULL,           "vcpu" },
    { "cputune/iothreadpin",        NULL,           "iothread" },
    { "blkiotune/device",           NULL,           NULL },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportCpuRows[] = {
    { "vcpu/@cpuset", CPUSET },
    { "vcpus" },
    { "vcpus/vcpu" },
    { "vcpus/vcpu/@id", NUMBER },
    { "vcpus/vcpu/@enabled", "yes no" },
    { "vcpus/vcpu/@hotpluggable", "yes no" },
    /* those that are plugged in at the start are so in the order of their numbers */
    { "vcpus/vcpu/@order", NUMBER },
    { "cputune", .flags = QBJ_VM_SUPPORT_VANISH },
    { "cputune/vcpupin" },
    { "cputune/vcpupin/@vcpu", NUMBER },
    { "cputune/vcpupin/@cpuset", CPUSET },
    { "cputune/iothreadpin" },
    { "cputune/iothreadpin/@iothread", NUMBER },
    { "cputune/iothreadpin/@cpuset", CPUSET },
    { "cputune/emulatorpin" },
    { "cputune/emulatorpin/@cpuset", CPUSET },
    { "cputune/shares", .flags = TEXT, NUMBER },
    { "cputune/period", .flags = TEXT, NUMBER },
    { "cputune/quota", .flags = TEXT },
    { "cputune/global_period", .flags = TEXT, NUMBER },
    { "cputune/global_quota", .flags = TEXT },
    { "cputune/emulator_period", .flags = TEXT, NUMBER },
    { "cputune/emulator_quota", .flags = TEXT },
    { "cputune/iothread_period", .flags = TEXT, NUMBER },
    { "cputune/iothread_quota", .flags = TEXT },

    { "memtune", .flags = VANISH },
    { "memtune/hard_limit", .flags = TEXT, SIZE },
    { "memtune/hard_limit/@unit", .same = qbjVmSupportSameUnit },
    { "memtune/soft_limit", .flags = TEXT, SIZE },
    { "memtune/soft_limit/@unit", .same = qbjVmSupportSameUnit },
    { "memtune/swap_hard_limit", .flags = TEXT, SIZE },
    { "memtune/swap_hard_limit/@unit", .same = qbjVmSupportSameUnit },

    { "blkiotune", .flags = VANISH },
    { "blkiotune/weight", .flags = TEXT, NUMBER },
    { "blkiotune/device" },
    { "blkiotune/device/path", .flags = TEXT },
    { "blkiotune/device/weight", .flags = TEXT, NUMBER },
    { "blkiotune/device/read_iops_sec", .flags = TEXT, NUMBER },
    { "blkiotune/device/write_iops_sec", .flags = TEXT, NUMBER },
    { "blkiotune/device/read_bytes_sec", .flags = TEXT, NUMBER },
    { "blkiotune/device/write_bytes_sec", .flags = TEXT, NUMBER },

    { "numatune", .flags = VANISH },
    { "numatune/memory" },
    { "numatune/memory/@mode", "strict interleave preferred restrictive" },
    { "numatune/memory/@nodeset", CPUSET },
    { "numatune/memory/@placement", .ignore = qbjVmSupportIgnoreStatic },
    { NULL }
};
