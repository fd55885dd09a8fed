/* Answers of QEMU binaries on disk, so that a daemon that starts need not run them again; only for
 * vm_caps.c and its test. */
#pragma once

#include "internal.h"

/* What the answers depend on beside the binary and /dev/kvm: the host's CPU and its kernel. */
char *qbjVmCapsFileHost(void);

/* The replies that were written for @binary in @folder with the same @stamp, as qbjVmCapsParse() takes
 * them; NULL: there are none that can be used, or the file is somebody else's. */
GHashTable *qbjVmCapsFileRead(const char *folder, const char *binary, const char *stamp);

/* A failure is only logged. */
void qbjVmCapsFileWrite(const char *folder, const char *binary, const char *stamp, GHashTable *replies);
