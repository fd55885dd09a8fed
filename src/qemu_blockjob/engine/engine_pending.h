/* The pending phase of a job's spec, completed with what only the running VM knows: its dirty bitmaps. */
#pragma once

#include "engine_job.h"

/* Replans the pending phase. Asks QEMU for its nodes only when an image of the chain can have a bitmap, and
 * never while the job is CONCLUDED (protocol H3). @vm is locked and its job held. Returns 0; -1 with an
 * error reported (bitmaps that could not be kept). */
int qbjEnginePendingPlan(virDomainObj *vm, virQbjJob *job);
