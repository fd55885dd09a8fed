/* How the capabilities of one binary come about; only for vm_caps*.c and its test. */
#pragma once

#include "vm_caps.h"
#include "virjson.h"

void qbjVmCapsFree(qbjVmCaps *caps);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmCaps, qbjVmCapsFree);

/* Answers for caps->binary with @caps, which it takes over, from now on without looking at any file. For
 * tests. */
void qbjVmCapsCacheAdd(qbjVmCapsCache *cache, qbjVmCaps *caps);

/* The commands of the probe, in one text of QMP lines. The id of each is its own name. */
const char *qbjVmCapsProbeCommands(void);

/* True when @replies, see below, holds an answer to each of them. */
bool qbjVmCapsProbeComplete(GHashTable *replies);

/* From the replies to those commands, a table of command name to reply object. NULL with
 * VIR_ERR_INTERNAL_ERROR reported when a command failed or something is missing in an answer. */
qbjVmCaps *qbjVmCapsParse(const char *binary, GHashTable *replies);

/* How long a binary may take to answer, in seconds. */
#define QBJ_VM_CAPS_PROBE_SECONDS 30

/* The replies alone; the same otherwise. */
GHashTable *qbjVmCapsProbeAsk(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds);

/* Runs @binary as @uid and @gid, asks, ends the process; gives up after @seconds. Errors as qbjVmCapsGet. */
qbjVmCaps *qbjVmCapsProbe(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds);
