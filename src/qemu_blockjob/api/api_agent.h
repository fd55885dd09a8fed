/* Calls that ask the guest agent. They hold the domain's agent job, not its usual one: an agent that hangs
 * holds up other agent calls alone. */
#pragma once

#include "internal.h"
#include "datatypes.h"
#include "domain_conf.h"
#include "virjson.h"
#include "api_domain.h"

/* The domain, locked, with its agent job held; NULL with an error reported. @ensureACL: the call's own
 * check. What an earlier call has left frozen has been thawed. */
virDomainObj *qbjApiAgentBegin(virDomainPtr domain, qbjApiMayCall ensureACL);
/* The same for the call that thaws. */
virDomainObj *qbjApiAgentBeginFrozen(virDomainPtr domain, qbjApiMayCall ensureACL);
/* The same for a call whose check looks at its flags. */
virDomainObj *qbjApiAgentBeginFlags(virDomainPtr domain, qbjApiMayCallFlags ensureACL, unsigned int flags);
/* Ends the job and lets go; NULL is fine. */
void qbjApiAgentEnd(virDomainObj *vm);

char *qbjApiAgentCommand(virDomainPtr domain, const char *command, int seconds, unsigned int flags);
int qbjApiAgentSetResponseTimeout(virDomainPtr domain, int seconds, unsigned int flags);
char *qbjApiGetHostname(virDomainPtr domain, unsigned int flags);
int qbjApiGetTime(virDomainPtr domain, long long *seconds, unsigned int *nseconds, unsigned int flags);
int qbjApiSetTime(virDomainPtr domain, long long seconds, unsigned int nseconds, unsigned int flags);
int qbjApiSetUserPassword(virDomainPtr domain, const char *user, const char *password, unsigned int flags);

/* api_agentfs.c */
int qbjApiFSFreeze(virDomainPtr domain, const char **mountpoints, unsigned int n, unsigned int flags);
int qbjApiFSThaw(virDomainPtr domain, const char **mountpoints, unsigned int n, unsigned int flags);
int qbjApiFSTrim(virDomainPtr domain, const char *mountpoint, unsigned long long minimum, unsigned int flags);
int qbjApiGetFSInfo(virDomainPtr domain, virDomainFSInfoPtr **info, unsigned int flags);
/* Reads the answer to guest-get-fsinfo; @def says which disk a device is. Returns how many, in a new list; -1
 * with an error reported, and nothing set. */
int qbjApiFSRead(virDomainDef *def, virJSONValue *reply, virDomainFSInfoPtr **info);

/* api_agentpower.c */

/* Has the guest power off ("powerdown"), or start anew ("reboot"). @optional: where the agent does not do it,
 * something else will. Returns 0; 1 when @optional and it has not worked, for whatever reason; -1 with an
 * error reported. */
int qbjApiAgentPower(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags, const char *mode, bool optional);

/* @target: a valid virNodeSuspendTarget. */
int qbjApiAgentSuspend(virDomainPtr domain, unsigned int target);

/* api_agentvcpu.c */

/* How many CPUs the guest uses; with VIR_DOMAIN_VCPU_MAXIMUM in @flags, how many it sees. */
int qbjApiGuestVcpusCount(virDomainPtr domain, unsigned int flags);
/* Has the guest use @wanted of its CPUs: those with the lowest numbers that can be chosen. */
int qbjApiGuestVcpusSetCount(virDomainPtr domain, unsigned int wanted, unsigned int flags);

int qbjApiGetGuestVcpus(virDomainPtr domain, virTypedParameterPtr *params, unsigned int *nparams, unsigned int flags);
int qbjApiSetGuestVcpus(virDomainPtr domain, const char *cpumap, int state, unsigned int flags);

/* api_agentnet.c */
int qbjApiInterfaceAddresses(virDomainPtr domain, virDomainInterfacePtr **ifaces, unsigned int source,
                             unsigned int flags);

/* Reads the answer to guest-network-get-interfaces. Returns as qbjApiFSRead(). */
int qbjApiNetRead(virJSONValue *reply, virDomainInterfacePtr **ifaces);

/* api_agentinfo.c */
int qbjApiGetGuestInfo(virDomainPtr domain, unsigned int types, virTypedParameterPtr *params, int *nparams,
                       unsigned int flags);
