/* What of the domain XML this driver acts on: <features>.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportFeatureFamilies[] = {
    { NULL }
};

const qbjVmSupportRow qbjVmSupportFeatureRows[] = {
    { "features", .flags = VANISH },
    { "features/acpi" },
    { "features/apic" },
    { "features/apic/@eoi", "on off" },
    { "features/pae" },
    { "features/pmu" },
    { "features/pmu/@state", "on off" },
    { "features/vmport" },
    { "features/vmport/@state", "on off" },
    { "features/smm" },
    { "features/smm/@state", "on off" },
    { "features/smm/tseg", .flags = TEXT, .same = qbjVmSupportSameBytes },
    { "features/smm/tseg/@unit", .same = qbjVmSupportSameUnit },
    { "features/pvspinlock" },
    { "features/pvspinlock/@state", "on off" },
    { "features/ioapic" },
    { "features/ioapic/@driver", "qemu kvm" },
    { "features/vmcoreinfo" },
    { "features/vmcoreinfo/@state", "on off" },
    { "features/tcg" },
    { "features/tcg/tb-cache", .flags = TEXT, SIZE },
    { "features/tcg/tb-cache/@unit", .same = qbjVmSupportSameUnit },

    { "features/kvm" },
    { "features/kvm/hidden", .base = "%switch" },
    { "features/kvm/hint-dedicated", .base = "%switch" },
    { "features/kvm/poll-control", .base = "%switch" },
    { "features/kvm/pv-ipi", .base = "%switch" },
    { "features/kvm/dirty-ring", .base = "%switch" },
    { "features/kvm/dirty-ring/@size", NUMBER },

    { "features/hyperv" },
    { "features/hyperv/@mode", "custom passthrough" },
    { "features/hyperv/relaxed", .base = "%switch" },
    { "features/hyperv/vapic", .base = "%switch" },
    { "features/hyperv/spinlocks", .base = "%switch" },
    { "features/hyperv/spinlocks/@retries", NUMBER },
    { "features/hyperv/vpindex", .base = "%switch" },
    { "features/hyperv/runtime", .base = "%switch" },
    { "features/hyperv/synic", .base = "%switch" },
    { "features/hyperv/stimer", .base = "%switch" },
    { "features/hyperv/stimer/direct", .base = "%switch" },
    { "features/hyperv/reset", .base = "%switch" },
    { "features/hyperv/vendor_id", .base = "%switch" },
    { "features/hyperv/vendor_id/@value" },
    { "features/hyperv/frequencies", .base = "%switch" },
    { "features/hyperv/reenlightenment", .base = "%switch" },
    { "features/hyperv/tlbflush", .base = "%switch" },
    { "features/hyperv/ipi", .base = "%switch" },
    { "features/hyperv/evmcs", .base = "%switch" },
    { "features/hyperv/avic", .base = "%switch" },
    { "%switch/@state", "on off" },
    { NULL }
};
