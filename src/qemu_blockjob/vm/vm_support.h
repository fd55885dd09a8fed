/* What of the domain XML this driver acts on, for those who tell clients about it. */
#pragma once

#include "internal.h"

/* Whether the table has @path for the value @word. A path that ends with ":" is of an element that has a row
 * for each of its kinds ("devices/graphics:" and "vnc"); any other one is a row with its values
 * ("devices/rng/@model" and "virtio"). A path below a group begins with its name ("%video/model:"). */
bool qbjVmSupportHas(const char *path, const char *word);
