/* What of the domain XML this driver acts on: serial ports and consoles.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportChrFamilies[] = {
    { "devices/serial",             "type",         NULL },
    { "devices/console",            "type",         NULL },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportChrRows[] = {
    { "devices/serial:pty", .base = "%serial" },
    { "devices/serial:pty/source", OUTPUT },
    { "devices/serial:pty/source/@path" },
    { "devices/serial:null", .base = "%serial" },
    { "devices/serial:file", .base = "%serial" },
    { "devices/serial:file/source", .base = "%chrfile" },
    { "devices/serial:unix", .base = "%serial" },
    { "devices/serial:unix/source", .base = "%chrunix" },
    { "%serial", .base = "%isa" },
    { "%serial/@type" },
    { "%serial/target" },
    { "%serial/target/@type", "isa-serial" },
    { "%serial/target/@port", NUMBER },
    { "%serial/target/model" },
    { "%serial/target/model/@name", "isa-serial" },
    { "%chrfile/@path" },
    { "%chrfile/@append", "on off" },
    { "%chrunix/@path" },
    { "%chrunix/@mode", "bind connect" },
    { "%chrunix/reconnect" },
    { "%chrunix/reconnect/@enabled", "yes no" },
    { "%chrunix/reconnect/@timeout", NUMBER },

    /* the first serial port, seen again */
    { "devices/console:pty", .base = "%console", .flags = ONCE },
    { "devices/console:pty/@tty", OUTPUT },
    { "devices/console:pty/source", OUTPUT },
    { "devices/console:pty/source/@path" },
    { "devices/console:null", .base = "%console", .flags = ONCE },
    { "devices/console:file", .base = "%console", .flags = ONCE },
    { "devices/console:file/source", .base = "%chrfile" },
    { "devices/console:unix", .base = "%console", .flags = ONCE },
    { "devices/console:unix/source", .base = "%chrunix" },
    { "%console", .base = "%isa" },
    { "%console/@type" },
    { "%console/target" },
    { "%console/target/@type", "serial" },
    { "%console/target/@port", NUMBER },
    { NULL }
};
