/* What of the domain XML this driver acts on: small devices of their own kind, and sound.
 * What has no row is refused. How paths, groups and flags are read: vm_support_parts.h. */

#include <config.h>

#include "internal.h"
#include "vm_support_words.h"

const qbjVmSupportFamily qbjVmSupportSmallFamilies[] = {
    { "devices/sound",              "model",        NULL },
    { "devices/audio",              "type",         "id" },
    { NULL }
};

const qbjVmSupportRow qbjVmSupportSmallRows[] = {
    { "devices/memballoon", .base = "%virtio" },
    { "devices/memballoon/@model", "none virtio virtio-transitional virtio-non-transitional" },
    { "devices/memballoon/@autodeflate", "on off" },
    { "devices/memballoon/@freePageReporting", "on off" },
    { "devices/memballoon/stats" },
    { "devices/memballoon/stats/@period", NUMBER },

    { "devices/rng", .base = "%virtio" },
    { "devices/rng/@model", "virtio virtio-transitional virtio-non-transitional" },
    { "devices/rng/rate" },
    { "devices/rng/rate/@bytes", NUMBER },
    { "devices/rng/rate/@period", NUMBER },
    { "devices/rng/backend", .flags = TEXT | FILLED },
    { "devices/rng/backend/@model", "random builtin" },

    { "devices/watchdog", .base = "%pci" },
    { "devices/watchdog/@model", "i6300esb ib700" },
    { "devices/watchdog/@action", "reset shutdown poweroff pause none inject-nmi" },

    { "devices/panic", .base = "%isa" },
    { "devices/panic/@model", "isa hyperv" },

    { "devices/vsock", .base = "%virtio" },
    { "devices/vsock/@model", "virtio virtio-transitional virtio-non-transitional" },
    { "devices/vsock/cid" },
    { "devices/vsock/cid/@auto", "yes no" },
    { "devices/vsock/cid/@address", NUMBER },

    { "devices/tpm", .base = "%alias", .flags = ONCE },
    { "devices/tpm/@model", "tpm-tis tpm-crb" },
    { "devices/tpm/backend" },
    { "devices/tpm/backend/@type", "emulator" },
    { "devices/tpm/backend/@version", "1.2 2.0", .ignore = qbjVmSupportIgnoreDefault },
    { "devices/tpm/backend/@persistent_state", "yes" },

    { "devices/redirdev", .base = "%usb" },
    { "devices/redirdev/@bus", "usb" },
    { "devices/redirdev/@type", "spicevmc" },
    { "devices/redirdev/boot" },
    { "devices/redirdev/boot/@order", NUMBER },

    { "devices/sound:ich6", .base = "%hda" },
    { "devices/sound:ich9", .base = "%hda" },
    { "devices/sound:ac97", .base = "%sound" },
    { "devices/sound:es1370", .base = "%sound" },
    { "devices/sound:sb16", .base = "%sound" },
    { "devices/sound:usb", .base = "%usb" },
    { "devices/sound:usb/@model" },
    { "devices/sound:usb/audio", .base = "%soundaudio" },
    { "%sound", .base = "%pci" },
    { "%sound/@model" },
    { "%sound/audio", .base = "%soundaudio" },
    { "%soundaudio/@id", NUMBER },
    { "%hda", .base = "%sound" },
    { "%hda/codec" },
    { "%hda/codec/@type", "duplex micro output" },

    { "devices/audio:none", .base = "%audio" },
    { "devices/audio:none/input", .base = "%audioio" },
    { "devices/audio:none/output", .base = "%audioio" },
    { "devices/audio:spice", .base = "%audio" },
    { "devices/audio:spice/input", .base = "%audioio" },
    { "devices/audio:spice/output", .base = "%audioio" },
    { "devices/audio:file", .base = "%audio" },
    { "devices/audio:file/@path" },
    { "devices/audio:file/input", .base = "%audioio" },
    { "devices/audio:file/output", .base = "%audioio" },
    { "devices/audio:alsa", .base = "%audio" },
    { "devices/audio:alsa/input", .base = "%audiodev" },
    { "devices/audio:alsa/output", .base = "%audiodev" },
    { "devices/audio:oss", .base = "%audio" },
    { "devices/audio:oss/@tryMMap", "yes no" },
    { "devices/audio:oss/@exclusive", "yes no" },
    { "devices/audio:oss/@dspPolicy", NUMBER },
    { "devices/audio:oss/input", .base = "%audiooss" },
    { "devices/audio:oss/output", .base = "%audiooss" },
    { "devices/audio:pulseaudio", .base = "%audio" },
    { "devices/audio:pulseaudio/@serverName" },
    { "devices/audio:pulseaudio/input", .base = "%audiopulse" },
    { "devices/audio:pulseaudio/output", .base = "%audiopulse" },
    { "%audio/@id", NUMBER },
    { "%audio/@type" },
    { "%audio/@timerPeriod", NUMBER },
    { "%audioio/@mixingEngine", "yes no" },
    { "%audioio/@fixedSettings", "yes no" },
    { "%audioio/@voices", NUMBER },
    { "%audioio/@bufferLength", NUMBER },
    { "%audioio/settings" },
    { "%audioio/settings/@frequency", NUMBER },
    { "%audioio/settings/@channels", NUMBER },
    { "%audioio/settings/@format", "s8 u8 s16 u16 s32 u32 f32" },
    { "%audiodev", .base = "%audioio" },
    { "%audiodev/@dev" },
    { "%audiooss", .base = "%audiodev" },
    { "%audiooss/@bufferCount", NUMBER },
    { "%audiooss/@tryPoll", "yes no" },
    { "%audiopulse", .base = "%audioio" },
    { "%audiopulse/@name" },
    { "%audiopulse/@streamName" },
    { "%audiopulse/@latency", NUMBER },

    { "%virtio", .base = "%pci" },
    { "%virtio/driver" },
    { "%virtio/driver/@iommu", "on off" },
    { "%virtio/driver/@ats", "on off" },
    { "%virtio/driver/@packed", "on off" },
    { "%virtio/driver/@page_per_vq", "on off" },
    { NULL }
};
