/* How the capabilities of one binary come about; only for vm_caps*.c and its test. */
#pragma once

#include "vm_caps.h"
#include "virjson.h"

void qbjVmCapsFree(qbjVmCaps *caps);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmCaps, qbjVmCapsFree);

/* Answers for caps->binary with @caps, which it takes over, from now on without looking at any file. For
 * tests. */
void qbjVmCapsCacheAdd(qbjVmCapsCache *cache, qbjVmCaps *caps);

/* True when @replies, see below, holds an answer to each question that is to be asked. */
bool qbjVmCapsProbeComplete(GHashTable *replies);

/* From the replies to the probe's questions, a table of the question's id to the reply object. What QEMU has
 * with TCG beside KVM has ids that begin with "tcg:". NULL with VIR_ERR_INTERNAL_ERROR reported when a
 * command failed or something is missing in an answer; only what QEMU says about the CPU may be missing. */
qbjVmCaps *qbjVmCapsParse(const char *binary, GHashTable *replies);

/* vm_caps_cpu.c: from the replies whose ids begin with @prefix. Errors as qbjVmCapsParse(). */
qbjVmCapsAccel *qbjVmCapsParseAccel(const qbjVmCaps *caps, GHashTable *replies, const char *prefix);
void qbjVmCapsAccelFree(qbjVmCapsAccel *accel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmCapsAccel, qbjVmCapsAccelFree);

/* vm_caps_parse.c: the "return" member of the reply to @id; NULL with an error reported. Returns -1 with an
 * error reported that the answer lacks something. */
virJSONValue *qbjVmCapsReturn(const qbjVmCaps *caps, GHashTable *replies, const char *id);
int qbjVmCapsReportMissing(const qbjVmCaps *caps, const char *id);

/* How long a binary may take to answer, in seconds. */
#define QBJ_VM_CAPS_PROBE_SECONDS 30

/* The replies alone; the same otherwise. */
GHashTable *qbjVmCapsProbeAsk(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds);

/* Runs @binary as @uid and @gid, asks, ends the process; gives up after @seconds. Errors as qbjVmCapsGet. */
qbjVmCaps *qbjVmCapsProbe(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds);
