#include <config.h>

#include "internal.h"
#include "api_job.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_operation.h"
#include "domain_private.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetJobInfoEnsureACL);
    int ret;

    if (!vm)
        return -1;
    memset(info, 0, sizeof(*info));
    info->type = VIR_DOMAIN_JOB_NONE;
    ret = virDomainObjCheckActive(vm);
    if (ret == 0 && QBJ_DOMAIN_PRIVATE(vm)->operation)
        qbjDomainOperationInfo(QBJ_DOMAIN_PRIVATE(vm)->operation, info);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* @vm is locked. What was completed is told once, unless KEEP_COMPLETED is given. */
static int
qbjApiJobStats(virDomainObj *vm, unsigned int flags, int *type, virTypedParameterPtr *params, int *nparams)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    bool completed = flags & VIR_DOMAIN_JOB_STATS_COMPLETED;
    const qbjDomainOperation *operation = completed ? priv->completed : priv->operation;

    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;
    if (!operation)
        return 0;
    if (qbjDomainOperationParams(operation, params, nparams) < 0) {
        virTypedParamsFree(*params, *nparams);
        *params = NULL;
        *nparams = 0;
        return -1;
    }
    *type = completed ? VIR_DOMAIN_JOB_COMPLETED : VIR_DOMAIN_JOB_UNBOUNDED;
    if (completed && !(flags & VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED))
        g_clear_pointer(&priv->completed, g_free);
    return 0;
}

int
qbjApiGetJobStats(virDomainPtr domain, int *type, virTypedParameterPtr *params, int *nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetJobStatsEnsureACL)))
        return -1;
    /* a job that has been completed outlives the run */
    ret = flags & VIR_DOMAIN_JOB_STATS_COMPLETED ? 0 : virDomainObjCheckActive(vm);
    if (ret == 0)
        ret = qbjApiJobStats(vm, flags, type, params, nparams);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* There is no way to end it. */
static void
qbjApiAbortRefuse(const qbjDomainOperation *operation)
{
    if (operation->kind == VIR_DOMAIN_JOB_OPERATION_DUMP)
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot abort memory-only dump"));
    else
        virReportError(VIR_ERR_OPERATION_INVALID, _("the operation that is under way cannot be aborted: %s"),
                       NULLSTR(qbjDomainOperationKindTypeToString(operation->kind)));
}

/* A save looks at its mark when QEMU has been asked how far it is, several times a second. */
static int
qbjApiAbort(virDomainPtr domain, qbjApiMayCall may, unsigned int flags)
{
    virDomainObj *vm = qbjApiLook(domain, may);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainObjCheckActive(vm) == 0) {
        if (QBJ_DOMAIN_PRIVATE(vm)->operation && (flags & VIR_DOMAIN_ABORT_JOB_POSTCOPY)) {
            virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("current job is not a migration in post-copy mode"));
        } else if (QBJ_DOMAIN_PRIVATE(vm)->operation && QBJ_DOMAIN_PRIVATE(vm)->operation->endless) {
            qbjApiAbortRefuse(QBJ_DOMAIN_PRIVATE(vm)->operation);
        } else if (QBJ_DOMAIN_PRIVATE(vm)->operation) {
            QBJ_DOMAIN_PRIVATE(vm)->operation->aborted = true;
            ret = 0;
        } else {
            virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("no job is active on the domain"));
        }
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiAbortJobFlags(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_ABORT_JOB_POSTCOPY, -1);

    return qbjApiAbort(domain, virDomainAbortJobFlagsEnsureACL, flags);
}

int
qbjApiAbortJob(virDomainPtr domain)
{
    return qbjApiAbort(domain, virDomainAbortJobEnsureACL, 0);
}

/* What is the matter with a VM that runs: 0 or 1 message more. @messages: of virDomainObjGetMessages(), @n of
 * them. */
static int
qbjApiAddTrouble(virDomainObj *vm, char ***messages, int n)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *text = NULL;

    if (n < 0 || !virDomainObjIsActive(vm))
        return n;
    if (priv->unread)
        text = g_strdup_printf(_("left alone: %s"), priv->unread);
    else if (!priv->starting && (priv->reconnecting || !priv->qmp))
        text = g_strdup(_("unreachable: QEMU does not answer, and is tried again"));
    if (!text)
        return n;
    *messages = g_renew(char *, *messages, n + 2);
    (*messages)[n] = g_steal_pointer(&text);
    (*messages)[n + 1] = NULL;
    return n + 1;
}

int
qbjApiGetMessages(virDomainPtr domain, char ***messages, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(VIR_DOMAIN_MESSAGE_DEPRECATION | VIR_DOMAIN_MESSAGE_TAINTING, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetMessagesEnsureACL)))
        return -1;
    ret = virDomainObjGetMessages(vm, messages, flags);
    if (flags == 0)
        ret = qbjApiAddTrouble(vm, messages, ret);
    virDomainObjEndAPI(&vm);
    return ret;
}
