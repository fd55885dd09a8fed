/* What of the domain XML this driver acts on: input, graphics and video.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportDisplayFamilies[] = {
    { "devices/input",              "bus",          "type bus" },
    { "devices/graphics",           "type",         NULL },
    { "devices/graphics:vnc/listen", "type",        NULL },
    { "%video/model",               "type",         NULL },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportDisplayRows[] = {
    { "devices/input:ps2", .base = "%alias" },
    { "devices/input:ps2/@type", "mouse keyboard" },
    { "devices/input:ps2/@bus" },
    { "devices/input:usb", .base = "%usb" },
    { "devices/input:usb/@type", "mouse keyboard tablet" },
    { "devices/input:usb/@bus" },

    { "devices/graphics:vnc", .flags = ONCE },
    { "devices/graphics:vnc/@type" },
    { "devices/graphics:vnc/@port", .same = qbjVmSupportSameNumber, .ignore = qbjVmSupportIgnoreAutoPort },
    { "devices/graphics:vnc/@autoport", "yes no" },
    { "devices/graphics:vnc/@listen" },
    { "devices/graphics:vnc/@keymap" },
    { "devices/graphics:vnc/@passwd" },
    { "devices/graphics:vnc/@sharePolicy", "allow-exclusive force-shared ignore" },
    { "devices/graphics:vnc/@powerControl", "yes no" },
    { "devices/graphics:vnc/listen:address", .flags = ONCE },
    { "devices/graphics:vnc/listen:address/@type" },
    { "devices/graphics:vnc/listen:address/@address" },

    { "devices/video", .base = "%video" },
    { "%video", .base = "%pci" },
    { "%video/model:none" },
    { "%video/model:none/@type" },
    { "%video/model:virtio" },
    { "%video/model:virtio/@type" },
    { "%video/model:virtio/@heads", NUMBER },
    { "%video/model:virtio/@primary", "yes" },
    { "%video/model:virtio/resolution" },
    { "%video/model:virtio/resolution/@x", NUMBER },
    { "%video/model:virtio/resolution/@y", NUMBER },
    { "%video/model:vga" },
    { "%video/model:vga/@type" },
    { "%video/model:vga/@vram", NUMBER },
    { "%video/model:vga/@heads", "1", NUMBER },
    { "%video/model:vga/@primary", "yes" },
    { "%video/model:vga/resolution" },
    { "%video/model:vga/resolution/@x", NUMBER },
    { "%video/model:vga/resolution/@y", NUMBER },
    { "%video/model:cirrus" },
    { "%video/model:cirrus/@type" },
    { "%video/model:cirrus/@vram", "16384", NUMBER },
    { "%video/model:cirrus/@heads", "1", NUMBER },
    { "%video/model:cirrus/@primary", "yes" },
    { NULL }
};
