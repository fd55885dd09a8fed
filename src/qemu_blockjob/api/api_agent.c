#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "api_domain.h"
#include "api_net.h"
#include "domain_agent.h"
#include "domain_freeze.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virdomainjob.h"
#include "virerror.h"
#include "vm_log.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_NS_PER_SECOND 1000000000LL

/* @vm: NULL is fine. */
static virDomainObj *
qbjApiAgentTake(virDomainObj *vm)
{
    if (vm && (virDomainObjCheckActive(vm) < 0 || qbjDomainAgentCheck(vm, false) < 0 ||
               virDomainObjBeginAgentJob(vm, VIR_AGENT_JOB_MODIFY) < 0))
        virDomainObjEndAPI(&vm);
    return vm;
}

/* Nobody is to find the guest as a freeze that has failed has left it. */
static virDomainObj *
qbjApiAgentSettle(virDomainObj *vm)
{
    if (vm && (qbjDomainAgentCheck(vm, false) < 0 || qbjDomainFreezeSettle(vm) < 0)) {
        qbjApiAgentEnd(vm);
        return NULL;
    }
    return vm;
}

virDomainObj *
qbjApiAgentBegin(virDomainPtr domain, qbjApiMayCall ensureACL)
{
    return qbjApiAgentSettle(qbjApiAgentTake(qbjApiLook(domain, ensureACL)));
}

virDomainObj *
qbjApiAgentBeginFlags(virDomainPtr domain, qbjApiMayCallFlags ensureACL, unsigned int flags)
{
    return qbjApiAgentSettle(qbjApiAgentTake(qbjApiLookFlags(domain, ensureACL, flags)));
}

virDomainObj *
qbjApiAgentBeginFrozen(virDomainPtr domain, qbjApiMayCall ensureACL)
{
    virDomainObj *vm = qbjApiAgentTake(qbjApiLook(domain, ensureACL));

    if (vm && qbjDomainAgentCheck(vm, false) < 0) {
        qbjApiAgentEnd(vm);
        return NULL;
    }
    return vm;
}

void
qbjApiAgentEnd(virDomainObj *vm)
{
    if (!vm)
        return;
    virDomainObjEndAgentJob(vm);
    virDomainObjEndAPI(&vm);
}

char *
qbjApiAgentCommand(virDomainPtr domain, const char *command, int seconds, unsigned int flags)
{
    g_autoptr(virJSONValue) answer = NULL;
    virDomainObj *vm;
    char *text = NULL;

    virCheckFlags(0, NULL);

    if (seconds < VIR_DOMAIN_QEMU_AGENT_COMMAND_MIN) {
        virReportError(VIR_ERR_INVALID_ARG, _("guest agent timeout '%d' is less than the minimum '%d'"), seconds,
                       VIR_DOMAIN_QEMU_AGENT_COMMAND_MIN);
        return NULL;
    }
    if (!(vm = qbjApiAgentBegin(domain, virDomainQemuAgentCommandEnsureACL)))
        return NULL;
    qbjVmLogTaint(vm, VIR_DOMAIN_TAINT_CUSTOM_GA_COMMAND);
    if (qbjDomainAgentPassthrough(vm, command, seconds, &answer) == 0)
        text = answer ? virJSONValueToString(answer, false) : g_strdup("");
    qbjApiAgentEnd(vm);
    return text;
}

int
qbjApiAgentSetResponseTimeout(virDomainPtr domain, int seconds, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (seconds < VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK) {
        virReportError(VIR_ERR_INVALID_ARG, _("guest agent timeout '%d' is less than the minimum '%d'"), seconds,
                       VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK);
        return -1;
    }
    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainAgentSetResponseTimeoutEnsureACL(domain->conn, vm->def) == 0 && virDomainObjCheckActive(vm) == 0) {
        QBJ_DOMAIN_PRIVATE(vm)->status->agentTimeout = seconds;
        qbjDomainSaveStatusOrWarn(vm);
        ret = 0;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

char *
qbjApiGetHostname(virDomainPtr domain, unsigned int flags)
{
    g_autoptr(virJSONValue) reply = NULL;
    virDomainObj *vm;
    const char *name;
    char *ret = NULL;

    virCheckFlags(VIR_DOMAIN_GET_HOSTNAME_LEASE | VIR_DOMAIN_GET_HOSTNAME_AGENT, NULL);

    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_GET_HOSTNAME_LEASE, VIR_DOMAIN_GET_HOSTNAME_AGENT, NULL);

    if (flags & VIR_DOMAIN_GET_HOSTNAME_LEASE)
        return qbjApiNetLeaseHostname(domain);
    if (!(vm = qbjApiAgentBegin(domain, virDomainGetHostnameEnsureACL)))
        return NULL;
    if (qbjDomainAgentCall(vm, "guest-get-host-name", NULL, &reply) == 0) {
        if ((name = virJSONValueObjectGetString(reply, "host-name")))
            ret = g_strdup(name);
        else
            virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's answer has no 'host-name'"));
    }
    qbjApiAgentEnd(vm);
    return ret;
}

int
qbjApiGetTime(virDomainPtr domain, long long *seconds, unsigned int *nseconds, unsigned int flags)
{
    g_autoptr(virJSONValue) reply = NULL;
    virDomainObj *vm;
    long long now;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiAgentBegin(domain, virDomainGetTimeEnsureACL)))
        return -1;
    if (qbjDomainAgentCall(vm, "guest-get-time", NULL, &reply) == 0) {
        if (virJSONValueGetNumberLong(reply, &now) == 0) {
            *seconds = now / QBJ_NS_PER_SECOND;
            *nseconds = now % QBJ_NS_PER_SECOND;
            ret = 0;
        } else {
            virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's answer is no time"));
        }
    }
    qbjApiAgentEnd(vm);
    return ret;
}

/* Lost ticks that QEMU still owes the guest would move its new time on. */
static int
qbjApiSetTimeTicks(virDomainPtr domain)
{
    g_auto(qbjQmpCommand) command = { .execute = "rtc-reset-reinjection" };
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        if (virDomainObjCheckActive(vm) == 0)
            ret = qbjDomainQmpTry(vm, &command);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSetTime(virDomainPtr domain, long long seconds, unsigned int nseconds, unsigned int flags)
{
    g_autoptr(virJSONValue) arguments = NULL;
    virDomainObj *vm;
    int rc;

    virCheckFlags(VIR_DOMAIN_TIME_SYNC, -1);

    if (!(flags & VIR_DOMAIN_TIME_SYNC)) {
        if (seconds < 0 || seconds > LLONG_MAX / QBJ_NS_PER_SECOND - 1) {
            virReportError(VIR_ERR_INVALID_ARG, _("Time '%lld' is too big for guest agent"), seconds);
            return -1;
        }
        if (virJSONValueObjectAdd(&arguments, "I:time", seconds * QBJ_NS_PER_SECOND + nseconds, NULL) < 0)
            return -1;
    }
    if (!(vm = qbjApiAgentBegin(domain, virDomainSetTimeEnsureACL)))
        return -1;
    rc = qbjDomainAgentCall(vm, "guest-set-time", arguments, NULL);
    qbjApiAgentEnd(vm);
    return rc < 0 ? -1 : qbjApiSetTimeTicks(domain);
}

int
qbjApiSetUserPassword(virDomainPtr domain, const char *user, const char *password, unsigned int flags)
{
    g_autofree char *text = g_base64_encode((const guchar *) password, strlen(password));
    g_autoptr(virJSONValue) arguments = NULL;
    virDomainObj *vm;
    int ret;

    virCheckFlags(VIR_DOMAIN_PASSWORD_ENCRYPTED, -1);

    if (virJSONValueObjectAdd(&arguments,
                              "b:crypted", !!(flags & VIR_DOMAIN_PASSWORD_ENCRYPTED),
                              "s:username", user,
                              "s:password", text,
                              NULL) < 0 ||
        !(vm = qbjApiAgentBegin(domain, virDomainSetUserPasswordEnsureACL)))
        return -1;
    ret = qbjDomainAgentCall(vm, "guest-set-user-password", arguments, NULL);
    qbjApiAgentEnd(vm);
    return ret;
}
