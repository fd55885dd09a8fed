#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "domain_agent.h"
#include "virdomainjob.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* @vm is locked. */
static int
qbjApiAgentShutdown(virDomainObj *vm, const char *mode)
{
    g_autoptr(virJSONValue) arguments = NULL;
    int ret;

    if (virJSONValueObjectAdd(&arguments, "s:mode", mode, NULL) < 0 ||
        virDomainObjBeginAgentJob(vm, VIR_AGENT_JOB_MODIFY) < 0)
        return -1;
    ret = qbjDomainAgentCallLast(vm, "guest-shutdown", arguments);
    virDomainObjEndAgentJob(vm);
    return ret;
}

int
qbjApiAgentPower(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags, const char *mode, bool optional)
{
    virDomainObj *vm = qbjApiLookFlags(domain, may, flags);
    int ret;

    if (!vm)
        return -1;
    if (optional && qbjDomainAgentCheck(vm, true) < 0)
        ret = 1;
    else if (qbjDomainAgentCheck(vm, false) < 0)
        ret = -1;
    else
        ret = qbjApiAgentShutdown(vm, mode);
    if (ret < 0 && optional) {
        virResetLastError();
        ret = 1;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiAgentSuspend(virDomainPtr domain, unsigned int target)
{
    static const char *const commands[] = {
        [VIR_NODE_SUSPEND_TARGET_MEM] = "guest-suspend-ram",
        [VIR_NODE_SUSPEND_TARGET_DISK] = "guest-suspend-disk",
        [VIR_NODE_SUSPEND_TARGET_HYBRID] = "guest-suspend-hybrid",
    };
    virDomainObj *vm = qbjApiAgentBegin(domain, virDomainPMSuspendForDurationEnsureACL);
    int ret;

    if (!vm)
        return -1;
    ret = qbjDomainAgentCallLast(vm, commands[target], NULL);
    qbjApiAgentEnd(vm);
    return ret;
}
