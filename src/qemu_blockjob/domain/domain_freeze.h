/* Freezing the guest's file systems, by its agent, and what makes sure that it is undone.
 *
 * Before the agent is asked to freeze, the status file says that the guest is to be thawed
 * (virQbjStatus.thaw). It says so until the agent has answered that it is, or a client has been told that it
 * is frozen. Whatever happens in between - the agent does not answer, goes away, or answers nonsense, or the
 * daemon dies - the agent is told to thaw: at once when it has the channel open, else when it opens it, else
 * by the next daemon. Agents carry commands out in order, so one that was late freezes and thaws.
 *
 * File systems that were frozen before, by a client or by somebody in the guest, are never thawed by any of
 * this but qbjDomainFreezeUndo().
 *
 * In all functions @vm is locked; the lock is dropped meanwhile where nothing else is said. */
#pragma once

#include "domain_private.h"

/* Freezes all file systems for a moment, for the driver's own sake (a snapshot). The usual job of @vm may be
 * held, its agent job must not be: it is taken here, waiting for other calls to the agent, and kept until
 * qbjDomainFreezeEnd(), so that nobody thaws meanwhile and nobody is waited for then. The answer is waited
 * for as long as the domain's time-out says, a minute when there is none.
 * Returns the number of file systems that are frozen, above 0: then qbjDomainFreezeEnd() must be called,
 * whatever happens; 0: there is nothing that can be frozen; -1 with an error reported: those of
 * qbjDomainAgentCheck() and qbjDomainAgentCall(), and those of a status file that cannot be saved. Then it is
 * as it was before, or will be as soon as the agent is there. */
int qbjDomainFreezeBegin(virDomainObj *vm);

/* Thaws what that has frozen, and lets go of the agent job. Returns 0, also when @vm has ended; -1 with an
 * error reported when the agent has not said that it has done it: it has been told to, or will be. A guest
 * whose CPUs stand still is told, and not asked. */
int qbjDomainFreezeEnd(virDomainObj *vm);

/* For a client, which wants them to stay frozen; the agent job is held. @mountpoints: these alone, or NULL.
 * Returns as qbjDomainFreezeBegin(). */
int qbjDomainFreezeKeep(virDomainObj *vm, const char **mountpoints, unsigned int n);

/* Thaws, whoever has frozen; the agent job is held. Returns the number of file systems that were thawed, -1
 * with an error reported. */
int qbjDomainFreezeUndo(virDomainObj *vm);

/* Thaws what an earlier call, or daemon, has left frozen; the agent job is held. To be called before the
 * agent is asked for anything else. Returns 0, also when there is nothing to thaw, or the agent refuses; -1
 * with an error reported when it does not answer. */
int qbjDomainFreezeSettle(virDomainObj *vm);

/* The agent has just opened the channel: tells it to thaw what is to be thawed. The lock is kept. */
void qbjDomainFreezeRemind(virDomainObj *vm);
