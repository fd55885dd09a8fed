/* The guest agent of a domain: its channel, and commands to it with the domain's lock dropped. */
#pragma once

#include "domain_private.h"

/* The channel of the agent, org.qemu.guest_agent.0 over a unix socket; NULL: the domain has none. */
virDomainChrDef *qbjDomainAgentChannel(const virDomainDef *def);

/* Follows the guest's end of the channel @alias: notes its state in the definition and, for the agent's
 * channel, connects or disconnects. Returns true when the agent's state has changed. @vm is locked. */
bool qbjDomainAgentFollow(virDomainObj *vm, const char *alias, bool open);

/* Ends the connection; a call that waits fails at once. @vm is locked. */
void qbjDomainAgentClose(virDomainObj *vm);

/* 0 when the agent can be asked; else -1 with an error reported, unless @quiet:
 *   VIR_ERR_OPERATION_INVALID       the domain is not running
 *   VIR_ERR_ARGUMENT_UNSUPPORTED    there is no channel
 *   VIR_ERR_AGENT_UNRESPONSIVE      the guest has not opened it */
int qbjDomainAgentCheck(virDomainObj *vm, bool quiet);

/* Asks, and waits as long as the domain's time-out says. @vm is locked and its agent job held (not a usual
 * one: an agent that hangs holds up nobody else); the lock is dropped meanwhile. @arguments: borrowed or
 * NULL; @reply: the value of "return", may be NULL. Returns 0; -1 with an error reported: those of
 * qbjDomainAgentCheck(), of qbjAgentCall(), and VIR_ERR_INTERNAL_ERROR for an error of the agent. */
int qbjDomainAgentCall(virDomainObj *vm, const char *execute, virJSONValue *arguments, virJSONValue **reply);

/* The same with a time-out of its own, @seconds as for qbjAgentCall(). @answered: the agent has answered, be
 * it with an error; without that a command may have been carried out, or will be. */
int qbjDomainAgentTry(virDomainObj *vm, const char *execute, virJSONValue *arguments, int seconds,
                      virJSONValue **reply, bool *answered);

/* Sends a command without arguments and waits for nothing, whether the guest runs or not; see qbjAgentTell().
 * The lock is kept; the agent job is held, or the agent has just come. -1, without an error, when there is
 * none. */
int qbjDomainAgentTell(virDomainObj *vm, const char *execute);

/* A command that ends the guest, or restarts it: it has worked when the agent goes away instead of
 * answering. */
int qbjDomainAgentCallLast(virDomainObj *vm, const char *execute, virJSONValue *arguments);

/* Sends @text, one command as a person typed it; @answer is the whole object, NULL with NOWAIT. @seconds as
 * for qbjAgentCall(). An error of the agent is reported. */
int qbjDomainAgentPassthrough(virDomainObj *vm, const char *text, int seconds, virJSONValue **answer);
