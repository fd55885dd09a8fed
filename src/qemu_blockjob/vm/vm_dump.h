/* Core dumps: the memory of a guest in a file, while it goes on living. */
#pragma once

#include "domain_private.h"
#include "virqbjsaveimage.h"

typedef struct _qbjVmDumpRequest qbjVmDumpRequest;
struct _qbjVmDumpRequest {
    const char *path;
    virQbjSaveFormat compression;       /* of a file that is no kdump */
    unsigned int format;                /* VIR_DOMAIN_CORE_DUMP_FORMAT_... */
    unsigned int flags;                 /* VIR_DUMP_... */
};

/* Dumps the running domain @vm, which is locked and its job held; the lock is dropped meanwhile. The guest
 * stands still unless VIR_DUMP_LIVE is given, and goes on afterwards; VIR_DUMP_CRASH ends it, VIR_DUMP_RESET
 * resets it. The status file has a record from before the first command on, as of a save that is always taken
 * back: a daemon that finds it has the guest go on, and removes half a file. Block jobs are the caller's to
 * refuse. Returns 0, -1 with an error reported: the guest goes on as before, and no file is left. */
int qbjVmDump(virDomainObj *vm, const qbjVmDumpRequest *request);
