#include <config.h>

#include "internal.h"
#include "domain_freeze.h"
#include "domain_agent.h"
#include "domain_save.h"
#include "virdomainjob.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.domain_freeze");

/* How long the driver's own freeze may take when the domain has no time-out: the domain's job is held
 * meanwhile, and there is nobody who could give up. */
#define QBJ_DOMAIN_FREEZE_SECONDS 60

/* What became of a command to the agent. */
typedef enum {
    QBJ_FREEZE_DONE,            /* @count was answered */
    QBJ_FREEZE_REFUSED,         /* the agent says no: nothing has changed (it undoes what it has begun) */
    QBJ_FREEZE_UNKNOWN,         /* no answer, or one that is none */
} qbjDomainFreezeOutcome;

/* The record of this run of @vm, NULL: it has ended. */
static virQbjStatus *
qbjDomainFreezeStatus(virDomainObj *vm, int domainId)
{
    return virDomainObjIsActive(vm) && vm->def->id == domainId ? QBJ_DOMAIN_PRIVATE(vm)->status : NULL;
}

/* Records that nothing is to be thawed. An older file would have the guest thawed once more, which is no
 * harm until a client freezes it. */
static void
qbjDomainFreezeForget(virDomainObj *vm, virQbjStatus *status)
{
    if (status && status->thaw) {
        status->thaw = status->frozen = false;
        qbjDomainSaveStatusOrWarn(vm);
    }
}

/* Records that the guest is to be thawed, durably. Returns 0, -1 with an error reported. */
static int
qbjDomainFreezeRecord(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    status->thaw = true;
    if (qbjDomainSaveStatus(vm) == 0)
        return 0;
    status->thaw = false;
    return -1;
}

/* All but DONE with an error reported. */
static qbjDomainFreezeOutcome
qbjDomainFreezeCount(virDomainObj *vm, const char *execute, virJSONValue *arguments, int seconds, int *count)
{
    g_autoptr(virJSONValue) reply = NULL;
    bool answered = false;

    if (qbjDomainAgentTry(vm, execute, arguments, seconds, &reply, &answered) < 0)
        return answered ? QBJ_FREEZE_REFUSED : QBJ_FREEZE_UNKNOWN;
    if (virJSONValueGetNumberInt(reply, count) < 0 || *count < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's answer is no number of file systems"));
        return QBJ_FREEZE_UNKNOWN;
    }
    return QBJ_FREEZE_DONE;
}

/* Whether something is frozen already: 0 or 1, -1 with an error reported when the agent does not answer. One
 * that does not know the question refuses to freeze twice. */
static int
qbjDomainFreezeIsOn(virDomainObj *vm, int seconds)
{
    g_autoptr(virJSONValue) reply = NULL;
    bool answered = false;

    if (qbjDomainAgentTry(vm, "guest-fsfreeze-status", NULL, seconds, &reply, &answered) < 0) {
        if (!answered)
            return -1;
        virResetLastError();
        return 0;
    }
    return STREQ_NULLABLE(virJSONValueGetString(reply), "frozen");
}

/* Sends it and does not wait. What stands in the channel before it is carried out before. */
static void
qbjDomainFreezeTell(virDomainObj *vm)
{
    virErrorPtr error;

    virErrorPreserveLast(&error);
    if (qbjDomainAgentTell(vm, "guest-fsfreeze-thaw") < 0)
        VIR_WARN("the file systems of domain '%s' are thawed when its guest agent is there again", vm->def->name);
    virErrorRestore(&error);
}

/* The agent job is held. @own: for the driver, which thaws it; else for a client. */
static int
qbjDomainFreeze(virDomainObj *vm, virJSONValue *arguments, int seconds, bool own)
{
    const char *execute = arguments ? "guest-fsfreeze-freeze-list" : "guest-fsfreeze-freeze";
    qbjDomainFreezeOutcome outcome;
    int id = vm->def->id;
    int count = -1;
    int frozen;
    virQbjStatus *status;

    if (qbjDomainFreezeSettle(vm) < 0 || (frozen = qbjDomainFreezeIsOn(vm, seconds)) < 0 ||
        (!frozen && qbjDomainFreezeRecord(vm) < 0))
        return -1;
    outcome = qbjDomainFreezeCount(vm, execute, arguments, seconds, &count);

    if (!(status = qbjDomainFreezeStatus(vm, id)) || frozen)
        return outcome == QBJ_FREEZE_DONE ? count : -1;
    if (outcome == QBJ_FREEZE_UNKNOWN)
        qbjDomainFreezeTell(vm);
    else if (outcome == QBJ_FREEZE_DONE && count > 0 && own)
        status->frozen = true;
    else
        qbjDomainFreezeForget(vm, status);
    return outcome == QBJ_FREEZE_DONE ? count : -1;
}

/* How long the driver waits for its own sake. */
static int
qbjDomainFreezeSeconds(virDomainObj *vm)
{
    int seconds = QBJ_DOMAIN_PRIVATE(vm)->status->agentTimeout;

    return seconds == VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK || seconds == VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_NOWAIT
           ? QBJ_DOMAIN_FREEZE_SECONDS : seconds;
}

int
qbjDomainFreezeBegin(virDomainObj *vm)
{
    int count = -1;

    if (qbjDomainAgentCheck(vm, false) < 0 || virDomainObjBeginAgentJob(vm, VIR_AGENT_JOB_MODIFY) < 0)
        return -1;
    if (qbjDomainAgentCheck(vm, false) == 0)
        count = qbjDomainFreeze(vm, NULL, qbjDomainFreezeSeconds(vm), true);
    if (count <= 0)
        virDomainObjEndAgentJob(vm);
    return count;
}

/* Has the guest thawed. The agent job is held. Returns the number of file systems, -1 with an error reported;
 * @answered: the agent has said it, or that it will not. */
static int
qbjDomainFreezeThaw(virDomainObj *vm, int seconds, bool *answered)
{
    int id = vm->def->id;
    int count = -1;
    qbjDomainFreezeOutcome outcome = qbjDomainFreezeCount(vm, "guest-fsfreeze-thaw", NULL, seconds, &count);
    virQbjStatus *status = qbjDomainFreezeStatus(vm, id);

    *answered = outcome != QBJ_FREEZE_UNKNOWN;
    if (outcome == QBJ_FREEZE_DONE)
        qbjDomainFreezeForget(vm, status);
    else if (outcome == QBJ_FREEZE_UNKNOWN && status && status->thaw)
        qbjDomainFreezeTell(vm);
    return outcome == QBJ_FREEZE_DONE ? count : -1;
}

/* Returns 0, -1 with an error reported. */
static int
qbjDomainFreezeEndNow(virDomainObj *vm)
{
    bool answered;

    if (qbjDomainAgentCheck(vm, false) < 0) {
        qbjDomainFreezeTell(vm);
        return -1;
    }
    return qbjDomainFreezeThaw(vm, qbjDomainFreezeSeconds(vm), &answered) < 0 ? -1 : 0;
}

int
qbjDomainFreezeEnd(virDomainObj *vm)
{
    virQbjStatus *status = qbjDomainFreezeStatus(vm, vm->def->id);
    int id = vm->def->id;
    int ret = 0;

    if (status && status->frozen) {
        ret = qbjDomainFreezeEndNow(vm);
        if ((status = qbjDomainFreezeStatus(vm, id)))
            status->frozen = false;
    }
    virDomainObjEndAgentJob(vm);
    return ret;
}

static int
qbjDomainFreezeMountpoints(const char **mountpoints, unsigned int n, virJSONValue **arguments)
{
    g_autoptr(virJSONValue) list = virJSONValueNewArray();
    unsigned int i;

    for (i = 0; i < n; i++) {
        if (virJSONValueArrayAppendString(list, mountpoints[i]) < 0)
            return -1;
    }
    return virJSONValueObjectAdd(arguments, "a:mountpoints", &list, NULL) < 0 ? -1 : 0;
}

int
qbjDomainFreezeKeep(virDomainObj *vm, const char **mountpoints, unsigned int n)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (n > 0 && qbjDomainFreezeMountpoints(mountpoints, n, &arguments) < 0)
        return -1;
    return qbjDomainFreeze(vm, arguments, QBJ_DOMAIN_PRIVATE(vm)->status->agentTimeout, false);
}

int
qbjDomainFreezeUndo(virDomainObj *vm)
{
    bool answered;

    return qbjDomainFreezeThaw(vm, QBJ_DOMAIN_PRIVATE(vm)->status->agentTimeout, &answered);
}

int
qbjDomainFreezeSettle(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    int id = vm->def->id;
    bool answered;

    if (!status->thaw || status->frozen || qbjDomainFreezeThaw(vm, qbjDomainFreezeSeconds(vm), &answered) >= 0)
        return 0;
    if (!answered)
        return -1;
    qbjDomainFreezeForget(vm, qbjDomainFreezeStatus(vm, id));
    virResetLastError();
    return 0;
}

void
qbjDomainFreezeRemind(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (status->thaw && !status->frozen)
        qbjDomainFreezeTell(vm);
}
