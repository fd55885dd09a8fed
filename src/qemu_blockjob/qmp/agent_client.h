/* The guest agent's side of a channel: commands out, answers back. The guest may say anything.
 *
 * There is no thread and no source: who calls waits on the socket itself, one call at a time. What the guest
 * sends while nobody asks stays in the socket, so it cannot grow us. Answers are bounded in size, depth and
 * width as a monitor's are (qmp_stream.h), and an agent that is late, or says something else than an answer,
 * is asked to begin anew (guest-sync) before the next command. */
#pragma once

#include "internal.h"
#include "virjson.h"

/* Largest answer in bytes. */
#define QBJ_AGENT_REPLY_MAX (10 * 1024 * 1024)
/* How long an agent may take to say that it is there, and to answer when the caller does not say. */
#define QBJ_AGENT_SYNC_MS 5000

typedef struct _qbjAgent qbjAgent;

/* @fd: connected socket, owned by the client from here on, also on failure. NULL with an error reported. */
qbjAgent *qbjAgentNew(int fd);
qbjAgent *qbjAgentRef(qbjAgent *agent);
void qbjAgentUnref(qbjAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjAgent, qbjAgentUnref);

/* Ends the connection: a call that waits fails at once, and all later ones. Any thread, any number of
 * times. */
void qbjAgentClose(qbjAgent *agent);

/* Sends @command (one JSON object on one line, without the end of line) and waits. @seconds: above 0, or
 * one of virDomainQemuAgentCommandTimeoutValues: BLOCK (-2) waits as long as the connection lives, DEFAULT
 * (-1) 5 s, NOWAIT (0) returns when it is sent, with @answer NULL. No lock of the caller may be held; calls
 * from several threads come one after the other. Returns 0 and the whole answer object ("return" or
 * "error") in @answer; -1 with an error reported:
 *   VIR_ERR_AGENT_UNRESPONSIVE   the agent is not there, or has not answered in time (the command may be
 *                                carried out all the same), or the connection has ended
 *   VIR_ERR_AGENT_UNSYNCED       it answered with something that is no answer, or too large */
int qbjAgentCall(qbjAgent *agent, const char *command, int seconds, virJSONValue **answer);

/* Puts @command behind what was sent before, and waits for nothing; no call may be under way. Its answer is
 * nobody's: the next call begins anew. Returns 0 when it is in the channel; -1, without an error, when the
 * connection has ended, or the channel takes no more. */
int qbjAgentTell(qbjAgent *agent, const char *command);

/* True once the connection has ended, by whomever. */
bool qbjAgentIsClosed(qbjAgent *agent);

/* Takes the value of "return" out of @answer; @name is the command's. -1 when it is an error, which is
 * reported:
 * VIR_ERR_INTERNAL_ERROR "unable to execute QEMU agent command 'NAME': ...". @reply may be NULL. */
int qbjAgentTakeReply(virJSONValue *answer, const char *name, virJSONValue **reply);
