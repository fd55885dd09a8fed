/* A process that is not our child, watched through a pidfd. */
#pragma once

#include "internal.h"

/* Opens a pidfd for @pid after checking that @pid is still the process that started at @startTime (0: do
 * not check). Returns the fd, -1 with VIR_ERR_SYSTEM_ERROR reported (ESRCH: it is gone). */
int qbjHostProcessOpen(pid_t pid, unsigned long long startTime);

/* Ends the process: SIGTERM, then SIGKILL after @graceMs unless @graceMs is 0 (then only SIGTERM is sent
 * and the whole wait is @limitMs). A zombie counts as gone. Blocking; no lock may be held. Returns 0 when
 * it is gone, 1 when it is still there after @limitMs, -1 with an error reported. */
int qbjHostProcessEnd(int pidfd, unsigned int graceMs, unsigned int limitMs);

/* True when the process has ended (zombie or reaped). Does not block. */
bool qbjHostProcessGone(int pidfd);
