#include <config.h>

#include "internal.h"
#include "vm_refresh.h"
#include "vm_plug_record.h"
#include "vm_power.h"
#include "vm_stop.h"
#include "vm_tray.h"
#include "domain_agent.h"
#include "domain_notify.h"
#include "domain_questions.h"
#include "engine_hold.h"
#include "engine_stray.h"
#include "virerror.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Clients that saw the state before are told; those of a daemon that has just started read it. */
static void
qbjVmRefreshNotify(virDomainObj *vm, virDomainEventType event, int detail)
{
    if (!QBJ_DOMAIN_PRIVATE(vm)->reconnecting)
        qbjDomainNotifyLifecycle(vm, event, detail);
}

static void
qbjVmRefreshShutdown(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (qbjVmPowerRestart(vm) || !virDomainObjIsActive(vm))
        return;
    if (!priv->guestShutdown) {
        virDomainObjSetState(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
        qbjVmRefreshNotify(vm, VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED);
    }
    priv->guestShutdown = true;
    qbjVmStopRequest(vm);
}

typedef struct _qbjVmRefreshStop qbjVmRefreshStop;
struct _qbjVmRefreshStop {
    const char *status;         /* of query-status */
    virDomainState state;
    int reason;
    virDomainEventType event;
    int detail;
};

/* Why a guest that ran stands still; the last: for any other reason. */
static const qbjVmRefreshStop qbjVmRefreshStops[] = {
    { "suspended", VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
      VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY },
    { "io-error", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR },
    { "watchdog", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG },
    { NULL, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN,
      VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
};

static void
qbjVmRefreshStopped(virDomainObj *vm, const char *status)
{
    const qbjVmRefreshStop *stop = qbjVmRefreshStops;

    while (stop->status && STRNEQ_NULLABLE(stop->status, status))
        stop++;
    virDomainObjSetState(vm, stop->state, stop->reason);
    qbjVmRefreshNotify(vm, stop->event, stop->detail);
}

static void
qbjVmRefreshRunning(virDomainObj *vm, bool wasAsleep)
{
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, wasAsleep ? VIR_DOMAIN_RUNNING_WAKEUP : VIR_DOMAIN_RUNNING_UNPAUSED);
    if (wasAsleep)
        qbjVmRefreshNotify(vm, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP);
    else
        qbjVmRefreshNotify(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
}

/* Has a guest that should run go on, if that is for us: in a start that is not over, for a job, or, which is
 * done here, after a reset while it stood still, which QEMU calls the same as one that has never run. Returns
 * whether it will. */
static bool
qbjVmRefreshContinue(virDomainObj *vm, const char *status)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->status->starting != VIR_TRISTATE_BOOL_ABSENT || qbjEngineHoldFound(vm, status))
        return true;
    return STREQ_NULLABLE(status, "prelaunch") && qbjVmPowerContinue(vm);
}

/* Gives whether the guest has panicked, and what follows from that was not done yet. */
static bool
qbjVmRefreshState(virDomainObj *vm, virJSONValue *reply)
{
    const char *status = virJSONValueObjectGetString(reply, "status");
    bool running = false;
    int state = virDomainObjGetState(vm, NULL);

    /* what an older connection would have told is not told any more */
    QBJ_DOMAIN_PRIVATE(vm)->ownStop = false;
    QBJ_DOMAIN_PRIVATE(vm)->heldUntil = 0;
    ignore_value(virJSONValueObjectGetBoolean(reply, "running", &running));
    if (state == VIR_DOMAIN_RUNNING && STRNEQ_NULLABLE(status, "prelaunch"))
        QBJ_DOMAIN_PRIVATE(vm)->status->starting = VIR_TRISTATE_BOOL_ABSENT;    /* QEMU was told, and the daemon died */
    if (STREQ_NULLABLE(status, "guest-panicked"))
        return state != VIR_DOMAIN_CRASHED || vm->def->onCrash != VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE;

    if (STREQ_NULLABLE(status, "shutdown")) {
        /* it had said so while nobody listened, and stays until it is told to go */
        qbjVmRefreshShutdown(vm);
    } else if (running && state != VIR_DOMAIN_RUNNING) {
        qbjVmRefreshRunning(vm, state == VIR_DOMAIN_PMSUSPENDED);
    } else if (!running && state == VIR_DOMAIN_RUNNING && !qbjVmRefreshContinue(vm, status)) {
        qbjVmRefreshStopped(vm, status);
    }
    return false;
}

/* A guest that is not there, or a balloon that its driver does not serve, answers with an error. */
static void
qbjVmRefreshBalloon(virDomainObj *vm, const qbjQmpCommand *command)
{
    unsigned long long actual;

    /* in a start it has not been asked yet for what the definition says */
    if (QBJ_DOMAIN_PRIVATE(vm)->status->starting != VIR_TRISTATE_BOOL_ABSENT ||
        !command || command->failed || !command->reply ||
        virJSONValueObjectGetNumberUlong(command->reply, "actual", &actual) < 0)
        return;
    actual = VIR_DIV_UP(actual, 1024);
    if (vm->def->mem.cur_balloon == actual)
        return;
    vm->def->mem.cur_balloon = actual;
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventBalloonChangeNewFromObj(vm, actual));
}

/* Which channels the guest has open. @reply: NULL when QEMU refused the question. */
static void
qbjVmRefreshChannels(virDomainObj *vm, virJSONValue *reply)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        const char *alias = STRSKIP(NULLSTR_EMPTY(virJSONValueObjectGetString(entry, "label")), "char");
        bool open;

        if (alias && virJSONValueObjectGetBoolean(entry, "frontend-open", &open) == 0)
            qbjDomainAgentFollow(vm, alias, open);
    }
}

static bool
qbjVmRefreshHasChannel(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nchannels; i++) {
        if (def->channels[i]->targetType == VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO)
            return true;
    }
    return false;
}

static qbjDomainQuestions *
qbjVmRefreshQuestions(virDomainObj *vm, bool devices)
{
    virJSONValue *peripheral = devices ? qbjVmPlugQuestion() : NULL;
    qbjDomainQuestions *questions;

    if (devices && !peripheral)
        return NULL;
    questions = qbjDomainQuestionsNew();
    qbjDomainQuestionsAdd(questions, "query-status", NULL);
    if (peripheral)
        qbjDomainQuestionsAdd(questions, "qom-list", peripheral);
    qbjDomainQuestionsAdd(questions, "query-jobs", NULL);
    if (qbjVmRefreshHasChannel(vm->def))
        qbjDomainQuestionsAdd(questions, "query-chardev", NULL);
    if (virDomainDefHasMemballoon(vm->def))
        qbjDomainQuestionsAdd(questions, "query-balloon", NULL);
    if (qbjVmTrayAny(vm->def))
        qbjDomainQuestionsAdd(questions, "query-block", NULL);
    return questions;
}

void
qbjVmRefreshSend(virDomainObj *vm, bool devices)
{
    qbjDomainQuestions *questions = qbjVmRefreshQuestions(vm, devices);

    if (questions)
        qbjDomainQuestionsSend(vm, questions);
    else
        virResetLastError();
}

/* NULL: it was not asked, or QEMU has refused it. */
static virJSONValue *
qbjVmRefreshReply(qbjDomainQuestions *questions, const char *execute)
{
    qbjQmpCommand *command = qbjDomainQuestionsFind(questions, execute);

    return command ? command->reply : NULL;
}

int
qbjVmRefresh(virDomainObj *vm, bool *panicked, virJSONValue **devices)
{
    g_autoptr(qbjDomainQuestions) questions = qbjDomainQuestionsTake(vm);
    const qbjQmpCommand *status;
    qbjQmpCommand *listed;

    if (!questions && !(questions = qbjVmRefreshQuestions(vm, devices != NULL)))
        return -1;
    if (qbjDomainQuestionsRun(vm, questions) < 0)
        return -1;
    status = qbjDomainQuestionsFind(questions, "query-status");
    if (status->failed) {
        qbjQmpReportError(status);
        return -1;
    }
    *panicked = qbjVmRefreshState(vm, status->reply);
    qbjVmRefreshChannels(vm, qbjVmRefreshReply(questions, "query-chardev"));
    qbjEngineStrayListed(vm, qbjVmRefreshReply(questions, "query-jobs"));
    qbjVmRefreshBalloon(vm, qbjDomainQuestionsFind(questions, "query-balloon"));
    if (qbjDomainQuestionsFind(questions, "query-block"))
        qbjVmTrayRead(vm, qbjVmRefreshReply(questions, "query-block"), !QBJ_DOMAIN_PRIVATE(vm)->reconnecting);
    if (devices && (listed = qbjDomainQuestionsFind(questions, "qom-list")))
        *devices = g_steal_pointer(&listed->reply);
    return 0;
}
