/* What of the domain XML this driver acts on: disks.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportDiskFamilies[] = {
    { "devices/disk",               NULL,           "target/@dev" },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportDiskRows[] = {
    { "devices/disk", .base = "%pci" },
    { "devices/disk/@type", "file block" },
    { "devices/disk/@device", "disk" },
    { "devices/disk/driver" },
    { "devices/disk/driver/@name", "qemu" },
    { "devices/disk/driver/@type", "raw qcow2" },
    { "devices/disk/driver/@cache", "none writethrough writeback directsync unsafe", .ignore = qbjVmSupportIgnoreDefault },
    { "devices/disk/driver/@io", "native threads io_uring", .ignore = qbjVmSupportIgnoreDefault },
    { "devices/disk/driver/@discard", "unmap ignore", .ignore = qbjVmSupportIgnoreDefault },
    { "devices/disk/driver/@detect_zeroes", "off on unmap" },
    { "devices/disk/driver/@error_policy", "stop report ignore enospace", .ignore = qbjVmSupportIgnoreDefault },
    { "devices/disk/driver/@rerror_policy", "stop report ignore" },
    { "devices/disk/driver/@queues", NUMBER },
    { "devices/disk/driver/@queue_size", NUMBER },
    { "devices/disk/source", .base = "%source" },
    { "devices/disk/backingStore", .base = "%image" },
    /* a job is started by its API, not by a definition (03/X4) */
    { "devices/disk/mirror", .base = "%image", OUTPUT },
    { "devices/disk/mirror/@file" },
    { "devices/disk/mirror/@format", "raw qcow2" },
    { "devices/disk/mirror/@job", "copy active-commit" },
    { "devices/disk/mirror/@ready", "yes abort pivot" },
    { "devices/disk/target" },
    { "devices/disk/target/@dev" },
    { "devices/disk/target/@bus", "virtio" },
    { "devices/disk/readonly" },
    { "devices/disk/serial", .flags = TEXT },
    { "devices/disk/boot" },
    { "devices/disk/boot/@order", NUMBER },
    { "devices/disk/blockio" },
    { "devices/disk/blockio/@logical_block_size", NUMBER },
    { "devices/disk/blockio/@physical_block_size", NUMBER },

    { "%source/@file" },
    { "%source/@dev" },
    { "%source/@index", OUTPUT },
    { "%image/@type", "file block" },
    { "%image/@index", OUTPUT },
    { "%image/format" },
    { "%image/format/@type", "raw qcow2" },
    { "%image/source", .base = "%source" },
    { "%image/backingStore", .base = "%image" },
    { NULL }
};
