#include <config.h>

#include "internal.h"
#include "engine_hold.h"
#include "engine_switch.h"
#include "domain_notify.h"
#include "domain_qmp.h"
#include "domain_save.h"
#include "host_save_within.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_hold");

static gint64
qbjEngineHoldNow(void)
{
    return g_get_monotonic_time() / 1000;
}

/* Not yet decided, or decided and not yet saved. */
static bool
qbjEngineHoldNeeds(const virQbjJob *job)
{
    switch (job->state) {
    case QBJ_STATE_PIVOTING:
    case QBJ_STATE_PENDING:
    case QBJ_STATE_COMMITTED:
    case QBJ_STATE_CALLING_OFF:
    case QBJ_STATE_CONCLUDED:
    case QBJ_STATE_SETTLING:
        return true;
    case QBJ_STATE_PLANNED:
    case QBJ_STATE_PREPARING:
    case QBJ_STATE_STARTING:
    case QBJ_STATE_RUNNING:
    case QBJ_STATE_READY:
    case QBJ_STATE_PREFLUSH:
    case QBJ_STATE_FINALIZING:
    case QBJ_STATE_CANCELLING:
    case QBJ_STATE_SETTLING_OFFLINE:
    case QBJ_STATE_SETTLED:
    case QBJ_STATE_CLEANING:
    case QBJ_STATE_DONE:
    case QBJ_STATE_ROLLBACK:
    case QBJ_STATE_FAILED:
    case QBJ_STATE_BROKEN:
    case QBJ_STATE_LAST:
    default:
        return false;
    }
}

/* Whether the guest may have been stopped for @job. */
static bool
qbjEngineHoldMayHave(const virQbjJob *job)
{
    return job->stopGuest && (job->state != QBJ_STATE_PIVOTING || virQbjJobIsAdopted(job));
}

/* @except: NULL, or a job that does not count. @needs: only those that still need it. */
static bool
qbjEngineHoldAny(virDomainObj *vm, const virQbjJob *except, bool needs)
{
    GPtrArray *jobs = QBJ_DOMAIN_PRIVATE(vm)->status->jobs;
    size_t i;

    for (i = 0; i < jobs->len; i++) {
        const virQbjJob *job = g_ptr_array_index(jobs, i);

        if (job != except && qbjEngineHoldMayHave(job) && (!needs || qbjEngineHoldNeeds(job)))
            return true;
    }
    return false;
}

static bool
qbjEngineHoldStatusIs(const qbjQmpCommand *query, const char *status)
{
    return !query->failed && query->reply &&
        STREQ_NULLABLE(virJSONValueObjectGetString(query->reply, "status"), status);
}

/* One that stops at this very moment for a reason of its own is not ours to continue. */
static int
qbjEngineHoldStop(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjQmpCommand commands[] = { { .execute = "query-status" }, { .execute = "stop" }, { .execute = "query-status" } };
    bool held = priv->heldUntil != 0;   /* and may have been continued by a command that was not answered */
    bool ours = false;
    size_t i;
    int rc;

    priv->ownStop = true;               /* its event may come before the answer, or without one */
    if (!held)
        priv->heldUntil = qbjEngineHoldNow() + QBJ_ENGINE_PIVOT_MS;
    if ((rc = qbjDomainQmpRun(vm, commands, G_N_ELEMENTS(commands))) == 0) {
        ours = (held || qbjEngineHoldStatusIs(&commands[0], "running")) &&
            qbjEngineHoldStatusIs(&commands[2], "paused");
        if (commands[1].failed)
            VIR_WARN("vm=%s: the guest cannot be stopped for a pivot", vm->def->name);
    }
    for (i = 0; i < G_N_ELEMENTS(commands); i++)
        qbjQmpCommandClear(&commands[i]);
    if (rc == 0 && !ours) {
        priv->ownStop = false;
        priv->heldUntil = 0;
    }
    return rc;
}

int
qbjEngineHoldBegin(virDomainObj *vm, virQbjJob *job)
{
    int rc;

    if (!job->stopGuest || virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return 0;
    ignore_value(virQbjFaultHit("hold"));
    rc = qbjEngineHoldStop(vm);
    ignore_value(virQbjFaultHit("hold"));
    return rc;
}

/* QEMU's own reasons, as a reset that is due. */
static void
qbjEngineHoldRefused(virDomainObj *vm, const qbjQmpCommand *command)
{
    qbjQmpReportError(command);
    VIR_WARN("vm=%s: the guest cannot be continued after a pivot: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    QBJ_DOMAIN_PRIVATE(vm)->ownStop = false;
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

static int
qbjEngineHoldContinue(virDomainObj *vm)
{
    g_auto(qbjQmpCommand) command = { .execute = "cont" };

    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->heldUntil = 0;
    if (command.failed)
        qbjEngineHoldRefused(vm, &command);
    return 0;
}

void
qbjEngineHoldEnd(virDomainObj *vm, virQbjJob *job)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!job->stopGuest)
        return;
    if (!priv->heldUntil || priv->stopping || qbjEngineHoldAny(vm, job, false)) {
        job->stopGuest = false;
        return;
    }
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING) {     /* a client has paused it meanwhile */
        job->stopGuest = priv->ownStop = false;
        priv->heldUntil = 0;
        return;
    }
    /* whoever saves the record meanwhile says that the guest may stand still */
    ignore_value(virQbjFaultHit("hold"));
    if (qbjEngineHoldContinue(vm) == 0)
        job->stopGuest = false;
    else
        virResetLastError();
    ignore_value(virQbjFaultHit("hold"));
}

void
qbjEngineHoldFollow(virDomainObj *vm, virQbjJob *job)
{
    if (!qbjEngineHoldNeeds(job))
        qbjEngineHoldEnd(vm, job);
}

/* Whether the status file could be written; what is refused is tried again, what hangs is not waited for. The
 * persistent definition is saved within a time of its own. */
static bool
qbjEngineHoldDiskAnswers(virDomainObj *vm, unsigned int limitMs)
{
    g_autofree char *path = qbjDomainStatusPath(vm);
    g_autofree char *text = qbjDomainStatusText(vm);
    qbjHostSaveWish wish = { .path = path, .text = text };
    bool answers;

    virObjectUnlock(vm);
    answers = qbjHostSaveWithin(&wish, 1, limitMs) == 0 || virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT;
    virObjectLock(vm);
    qbjHostSaveLetGo(wish.save);
    virResetLastError();
    return answers;
}

void
qbjEngineHoldLimit(virDomainObj *vm, virQbjJob *job)
{
    gint64 until = QBJ_DOMAIN_PRIVATE(vm)->heldUntil;
    gint64 now = qbjEngineHoldNow();

    if (!job->stopGuest || !until || (now < until && qbjEngineHoldDiskAnswers(vm, until - now)))
        return;
    VIR_WARN("vm=%s job=%s: the definitions cannot be saved, the guest goes on", vm->def->name, job->spec->job);
    qbjEngineHoldEnd(vm, job);
}

bool
qbjEngineHoldFound(virDomainObj *vm, const char *status)
{
    bool still = STREQ_NULLABLE(status, "paused") || STREQ_NULLABLE(status, "prelaunch");   /* reset meanwhile */

    if (!still || !qbjEngineHoldAny(vm, NULL, false))
        return false;
    QBJ_DOMAIN_PRIVATE(vm)->heldUntil = qbjEngineHoldNow() + QBJ_ENGINE_PIVOT_MS;
    return true;
}

bool
qbjEngineHoldIsOn(virDomainObj *vm)
{
    return QBJ_DOMAIN_PRIVATE(vm)->heldUntil != 0;
}

bool
qbjEngineHoldDelays(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!qbjEngineHoldAny(vm, NULL, true)) {
        priv->heldUntil = 0;
        return false;
    }
    if (!priv->heldUntil)
        priv->heldUntil = qbjEngineHoldNow() + QBJ_ENGINE_PIVOT_MS;
    return true;
}
