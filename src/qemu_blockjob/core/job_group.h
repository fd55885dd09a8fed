/* job_group.h: what several type A jobs of one VM owe to each other when their pivots are one decision
 * (protocol 8).
 *
 * Each of them moves by the rows of the job table. Some events of one make the others move as well, before
 * the action of any is carried out and by the same save. Besides:
 *  - SWITCH waits, without an event, until each member is in PENDING and QEMU has said so to this very
 *    daemon: an older one may have ended a job that it has recorded as PENDING. Then it renames both
 *    definitions, with all disks on new, once.
 *  - UNSWITCH puts all disks back, and goes forward only when SWITCH would.
 *  - SWITCH_FINALIZE saves again for all disks, and only when no member has been finalized: after that both
 *    definitions are durable, and there is no way back.
 *  - When QEMU has gone the persistent definition follows at once for all disks that the record sends the
 *    same way. While QEMU lives each disk is settled alone, for its own finalize may have failed.
 *
 * The model of the tests proves it; engine_step.c and engine_switch.c do it. */
#pragma once

#include "job.h"

/* @event as it is for a member in @state: one that QEMU refuses to complete does not go back to READY, where
 * it would stay alone, but is called off with the others. */
qbjJobEvent qbjJobGroupEvent(qbjJobState state, qbjJobEvent event);

/* What @event of a member in @state is to another one, which is in @its: an event for which the table has a
 * row there, or QBJ_EVENT_LAST: nothing. SAVE_HALF: only the first one carries the row's action out. */
qbjJobEvent qbjJobGroupOther(qbjJobState state, qbjJobEvent event, qbjJobState its);

/* Whether the record of a member sends it to new when QEMU has gone. @outcomeNew: what is known of its end,
 * when @outcomeKnown; @named: its live definition names new. */
bool qbjJobGroupGoesNew(qbjJobState state, bool outcomeKnown, bool outcomeNew, bool named);
