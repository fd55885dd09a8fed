/* The pending phase of a job's spec, completed with what only the running VM knows: its dirty bitmaps. */
#pragma once

#include "engine_job.h"

/* Replans the pending phase of @job, which is PENDING. Asks QEMU for its nodes only when an image of the
 * chain can have a bitmap, and never while a stream may be CONCLUDED (protocol H3). @vm is locked and its job
 * held. Returns 0; -1 with an error reported (bitmaps that could not be kept). */
int qbjEnginePendingPlan(virDomainObj *vm, virQbjJob *job);

/* The same for a pull that QEMU has ended without being asked by us and that has been dismissed, or an
 * intermediate commit that QEMU has ended so. */
int qbjEnginePendingPlanEnded(virDomainObj *vm, virQbjJob *job);

/* The same before the start, to learn early what would fail. @spec has no record yet. */
int qbjEnginePendingTry(virDomainObj *vm, qbjSpec *spec);

/* True when @job, which waits in PENDING without holding its guest, has to wait on: QEMU would have to be
 * asked for nodes while another disk is being pulled (protocol H3). */
bool qbjEnginePendingMustWait(virDomainObj *vm, const virQbjJob *job);
