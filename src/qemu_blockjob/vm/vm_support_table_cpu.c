/* What of the domain XML this driver acts on: virtual CPUs one by one, and where threads may run.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

#define CPUSET .same = qbjVmSupportSameCpuset

const qbjVmSupportFamily qbjVmSupportCpuFamilies[] = {
    { "vcpus/vcpu",                 NULL,           "id" },
    { "cputune/vcpupin",            NULL,           "vcpu" },
    { "cputune/iothreadpin",        NULL,           "iothread" },
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
    { NULL }
};
