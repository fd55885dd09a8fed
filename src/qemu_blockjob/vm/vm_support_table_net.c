/* What of the domain XML this driver acts on: network interfaces.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportNetFamilies[] = {
    { "devices/interface",          "type",         NULL },
    { "devices/interface:user/ip",  NULL,           "family" },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportNetRows[] = {
    { "devices/interface:user", .base = "%interface" },
    { "devices/interface:user/ip" },
    { "devices/interface:user/ip/@family", "ipv4 ipv6" },
    { "devices/interface:user/ip/@address" },
    { "devices/interface:user/ip/@prefix", NUMBER },
    { "devices/interface:bridge", .base = "%tap" },
    { "devices/interface:bridge/source" },
    { "devices/interface:bridge/source/@bridge" },
    { "devices/interface:network", .base = "%tap" },
    { "devices/interface:network/source" },
    { "devices/interface:network/source/@network" },
    { "devices/interface:network/source/@portgroup" },
    { "devices/interface:network/source/@portid", OUTPUT },
    { "devices/interface:network/source/@bridge", OUTPUT },

    { "%tap", .base = "%interface" },
    { "%tap/target", .ignore = qbjVmSupportIgnoreTap },
    { "%tap/target/@dev" },
    { "%tap/mtu" },
    { "%tap/mtu/@size", NUMBER },
    { "%tap/tune" },
    { "%tap/tune/sndbuf", .flags = TEXT, NUMBER },
    { "%tap/port" },
    { "%tap/port/@isolated", "yes no" },
    { "%tap/bandwidth" },
    { "%tap/bandwidth/inbound", .base = "%bandwidth" },
    { "%tap/bandwidth/inbound/@floor", NUMBER },
    { "%tap/bandwidth/outbound", .base = "%bandwidth" },
    { "%bandwidth/@average", NUMBER },
    { "%bandwidth/@peak", NUMBER },
    { "%bandwidth/@burst", NUMBER },

    { "%interface", .base = "%pci" },
    { "%interface/@type" },
    { "%interface/mac" },
    { "%interface/mac/@address", .same = qbjVmSupportSameMac },
    { "%interface/model" },
    { "%interface/model/@type", "virtio virtio-transitional virtio-non-transitional e1000 e1000e rtl8139 vmxnet3" },
    { "%interface/driver" },
    { "%interface/driver/@name", "qemu vhost" },
    { "%interface/driver/@txmode", "iothread timer" },
    { "%interface/driver/@ioeventfd", "on off" },
    { "%interface/driver/@event_idx", "on off" },
    { "%interface/driver/@queues", NUMBER },
    { "%interface/driver/@rx_queue_size", NUMBER },
    { "%interface/driver/@tx_queue_size", NUMBER },
    { "%interface/driver/@iommu", "on off" },
    { "%interface/driver/@ats", "on off" },
    { "%interface/driver/@packed", "on off" },
    { "%interface/driver/@page_per_vq", "on off" },
    { "%interface/driver/host", .base = "%offload" },
    { "%interface/driver/host/@gso", "on off" },
    { "%interface/driver/host/@mrg_rxbuf", "on off" },
    { "%interface/driver/guest", .base = "%offload" },
    { "%offload/@csum", "on off" },
    { "%offload/@tso4", "on off" },
    { "%offload/@tso6", "on off" },
    { "%offload/@ecn", "on off" },
    { "%offload/@ufo", "on off" },
    { "%interface/link" },
    { "%interface/link/@state", "up down" },
    { "%interface/boot" },
    { "%interface/boot/@order", NUMBER },
    { "%interface/acpi" },
    { "%interface/acpi/@index", NUMBER },
    { "%interface/rom" },
    { "%interface/rom/@enabled", "yes no" },
    { "%interface/rom/@bar", "on off" },
    { "%interface/rom/@file" },
    { NULL }
};
