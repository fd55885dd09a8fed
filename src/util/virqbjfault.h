/* Faults on demand, for tests that fail or kill us at each point of an operation in turn.
 *
 * Code that can fail names its points: `if (virQbjFaultHit("save")) { errno = EIO; ... }`. The environment
 * variable QBJ_FAULT chooses from them, separated by commas; N counts the passes of that point in this
 * process, from 1:
 *
 *   POINT:N        the N-th pass fails
 *   POINT:N+       the N-th pass and all later ones fail
 *   die-POINT:N    the process ends at the N-th pass, by _exit(9): nothing is cleaned up, as after SIGKILL
 *
 * Without it, QBJ_FAULT_FILE names a file with such a text, looked at on each pass: it may come and go while
 * threads run, which an environment may not. Passes are counted from 1 again when it says something else.
 *
 * A sweep raises N until a run ends without the fault: virQbjFaultGetPasses() is then below N (in another
 * process: it did not die, or its log has no "fault at"). All of it is compiled in only with
 * -Ddebug_checks=true; else the points cost nothing. */
#pragma once

#include "internal.h"

#ifdef QBJ_DEBUG_CHECKS

/* Counts a pass of @point. True: the caller is to fail as it would if the system call (or QEMU) had
 * failed. */
bool virQbjFaultHit(const char *point);

/* How often @point has been passed since the start or the last virQbjFaultSet(). */
unsigned int virQbjFaultGetPasses(const char *point);

/* For tests in the same process: counts from 0 again, with @wanted in place of the environment. NULL: the
 * environment's. */
void virQbjFaultSet(const char *wanted);

#else
# define virQbjFaultHit(point) false
#endif
