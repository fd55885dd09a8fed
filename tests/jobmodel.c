#include <config.h>

#include "internal.h"
#include "jobmodel.h"

modelWorld
modelStart(const modelSetup *setup)
{
    modelWorld world = setup->start;

    world.up = 1;
    world.vm = 1;
    world.nodes = 1;
    world.files = 1;
    world.mem.exists = 1;
    world.mem.state = QBJ_STATE_PLANNED;
    world.event = 1 + QBJ_EVENT_BEGIN;
    return world;
}

bool
modelIsEnd(const modelWorld *world)
{
    return world->up && !world->mem.exists && !world->busy;
}

bool
modelIsHeld(const modelContext *context, const modelWorld *world)
{
    return context->kind == QBJ_KIND_A && world->vm &&
        (world->job == MODEL_JOB_PENDING || (world->job == MODEL_JOB_READY && world->completing));
}

char *
modelText(const modelWorld *world)
{
    static const char *const jobs[] = { "none", "running", "ready", "pending", "concluded" };

    return g_strdup_printf("%s %s%s%s%s  S: %s%s %s  P: %s  QEMU: %s %s%s%s%s%s root %s%s%s",
                           world->up ? "up" : "down",
                           world->mem.exists ? qbjJobStateTypeToString(world->mem.state) : "-",
                           world->busy ? " doing " : "",
                           world->busy ? qbjJobActionTypeToString(world->action) : "",
                           world->mem.new ? " (new)" : "",
                           world->saved.exists ? qbjJobStateTypeToString(world->saved.state) : "-",
                           world->saved.known ? world->saved.outcomeNew ? " outcome new" : " outcome old" : "",
                           world->saved.new ? "new" : "old", world->persistentNew ? "new" : "old",
                           world->vm ? "alive" : "dead", jobs[world->job],
                           world->completing ? " completing" : "", world->softCancelled ? " soft" : "",
                           world->forced ? " forced" : "", world->failed ? " failed" : "",
                           world->rootNew ? "new" : "old", world->equal ? " equal" : "",
                           world->files ? "" : " unlinked");
}

/* ---- invariants of a world ---- */

static bool
modelOldIsValid(const modelContext *context, const modelWorld *world)
{
    if (!world->files)
        return false;

    return context->kind != QBJ_KIND_A || !world->rootNew;
}

static bool
modelNewIsValid(const modelWorld *world)
{
    return world->equal || world->rootNew;
}

static bool
modelPersistentIsValid(const modelContext *context, const modelWorld *world)
{
    return world->persistentNew ? modelNewIsValid(world) : modelOldIsValid(context, world);
}

static const char *
modelCheckEnd(const modelContext *context, const modelWorld *world)
{
    bool crashed = world->daemonDeaths < context->setup->start.daemonDeaths;

    if (world->saved.exists || world->prepared)
        return "9: a record or an access right is left";
    if (world->mem.new != world->persistentNew || world->saved.new != world->mem.new)
        return "9: the definitions differ at the end";
    if (!world->vm)
        return NULL;

    if (world->job != MODEL_JOB_NONE)
        return "9: a job is left in QEMU";
    if (context->kind != QBJ_KIND_C && world->mem.new != world->rootNew)
        return "9: the definitions do not say what the guest uses";
    if (context->kind != QBJ_KIND_C && world->rootNew && world->nodes)
        return "9: nodes are left";
    if (world->mem.ack && (world->finals == 0 || (world->finals > 1 && !crashed)))
        return "9: the final event was not sent once";

    return NULL;
}

const char *
modelCheck(const modelContext *context, const modelWorld *world)
{
    /* a finalize that failed in QEMU leaves new, which is right only until the guest goes on, named until
     * it is seen */
    bool excused = context->setup->finalizeFails && world->failed && world->persistentNew;

    if (!modelPersistentIsValid(context, world) && !excused)
        return "1: the persistent definition names a chain that is not valid";
    if (!world->up && !world->saved.exists && world->job != MODEL_JOB_NONE)
        return "9: QEMU has a job that no record knows";

    return modelIsEnd(world) ? modelCheckEnd(context, world) : NULL;
}

/* ---- parts of a step ---- */

void
modelViolate(modelContext *context, bool broken, const char *what)
{
    if (broken && !context->violation)
        context->violation = what;
}

void
modelEmit(modelContext *context, const modelWorld *world, const char *label, modelStepKind kind)
{
    context->next(world, label, kind, context->opaque);
}

void
modelPush(modelWorld *world, qbjJobEvent event)
{
    size_t i;

    for (i = 0; i < MODEL_QUEUE && world->queue[i]; i++);
    g_assert_cmpuint(i, <, MODEL_QUEUE);
    if (world->up)
        world->queue[i] = 1 + event;
}

void
modelConclude(modelWorld *world, bool failed)
{
    world->job = MODEL_JOB_CONCLUDED;
    world->failed = failed;
    modelPush(world, QBJ_EVENT_CONCLUDED);
}

void
modelCheckDefinition(modelContext *context, const modelWorld *world, bool was, bool new)
{
    if (context->kind != QBJ_KIND_A || was == new)
        return;

    modelViolate(context, !new && world->rootNew, "4: old is saved after a successful finalize");
    modelViolate(context, new && world->vm && world->job == MODEL_JOB_CONCLUDED && !world->rootNew,
                 "4: new is saved after a cancel or an error");
}

int
modelStatus(const modelWorld *world)
{
    switch ((modelJob) world->job) {
    case MODEL_JOB_RUNNING:
        return QBJ_EVENT_RUNNING;
    case MODEL_JOB_READY:
        return QBJ_EVENT_READY;
    case MODEL_JOB_PENDING:
        return QBJ_EVENT_PENDING;
    case MODEL_JOB_CONCLUDED:
        return QBJ_EVENT_CONCLUDED;
    case MODEL_JOB_NONE:
        break;
    }

    return QBJ_EVENT_GONE;
}

/* ---- the daemon between two actions ---- */

static void
modelSaveRecord(modelContext *context, modelWorld *world)
{
    bool settled = world->saved.exists &&
        (world->saved.state == QBJ_STATE_SETTLED || world->saved.state == QBJ_STATE_CLEANING);

    modelViolate(context, settled && world->mem.known && world->mem.outcomeNew != world->saved.outcomeNew,
                 "8: a job has two outcomes");
    modelCheckDefinition(context, world, world->saved.new, world->mem.new);
    world->saved = world->mem;
}

static bool
modelIsClientEvent(qbjJobEvent event)
{
    return event == QBJ_EVENT_BEGIN || event == QBJ_EVENT_PIVOT || event == QBJ_EVENT_CANCEL ||
        event == QBJ_EVENT_RETRY;
}

static void
modelMoved(modelContext *context, modelWorld world, const qbjJobMove *move, bool save, const char *label)
{
    world.mem.state = move->next;
    if (save)
        modelSaveRecord(context, &world);
    world.event = 0;
    world.busy = 1;
    world.action = move->action;
    world.pc = 0;
    modelEmit(context, &world, label, MODEL_STEP_PROGRESS);
}

/* The move that the table names for the waiting event. */
static void
modelFeed(modelContext *context, modelWorld world)
{
    qbjJobEvent event = world.event - 1;
    const qbjJobMove *move = context->find(context->kind, world.mem.state, event);
    const char *label = qbjJobEventTypeToString(event);
    modelWorld refused = world;

    if (!move) {
        world.event = 0;
        modelEmit(context, &world, "no row", MODEL_STEP_PROGRESS);
        return;
    }

    modelViolate(context, move->save == QBJ_SAVE_DONE && (world.saved.state != move->next || !world.saved.new),
                 "2: a move says that its record is saved, and it is not");
    if (move->save == QBJ_SAVE_SOON || move->save == QBJ_SAVE_TRY || move->save == QBJ_SAVE_BEFORE)
        modelMoved(context, world, move, true, label);
    if (move->save != QBJ_SAVE_BEFORE)
        modelMoved(context, world, move, false, label);
    if (move->save != QBJ_SAVE_BEFORE || world.saveFailures == 0)
        return;

    /* not made: a client is told, any other event comes again */
    refused.saveFailures--;
    if (modelIsClientEvent(event))
        refused.event = 0;
    if (event == QBJ_EVENT_BEGIN)
        refused.mem.exists = 0;
    modelEmit(context, &refused, "record cannot be saved", MODEL_STEP_FAULT);
}

static void
modelTakeEvent(modelContext *context, modelWorld world)
{
    world.event = world.queue[0];
    memmove(world.queue, world.queue + 1, MODEL_QUEUE - 1);
    world.queue[MODEL_QUEUE - 1] = 0;
    modelEmit(context, &world, "event", MODEL_STEP_PROGRESS);
}

static bool
modelVerbAllowed(const modelContext *context, const modelWorld *world, qbjJobVerb verb)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    return world->vm &&
        qbjJobVerbCheck(context->setup->type, world->mem.state, verb, "job", "vda", &refusal) == 0;
}

static void
modelClient(modelContext *context, modelWorld world)
{
    if (modelVerbAllowed(context, &world, QBJ_VERB_PIVOT)) {
        world.event = 1 + QBJ_EVENT_PIVOT;
        modelEmit(context, &world, "client: pivot", MODEL_STEP_CLIENT);
    }
    if (modelVerbAllowed(context, &world, QBJ_VERB_CANCEL)) {
        world.mem.soft = context->setup->softCancel && world.mem.state == QBJ_STATE_READY;
        world.event = 1 + QBJ_EVENT_CANCEL;
        modelEmit(context, &world, "client: cancel", MODEL_STEP_CLIENT);
    }
    if (world.mem.state == QBJ_STATE_BROKEN) {
        world.event = 1 + QBJ_EVENT_RETRY;
        modelEmit(context, &world, "client: retry", MODEL_STEP_CLIENT);
    }
}

static void
modelTimers(modelContext *context, modelWorld world)
{
    bool watched = world.mem.state == QBJ_STATE_PIVOTING || world.mem.state == QBJ_STATE_CANCELLING ||
        world.mem.state == QBJ_STATE_CALLING_OFF;
    bool armed = world.timer;

    if (!armed && (!watched || world.timeouts == 0))
        return;

    if (!armed)
        world.timeouts--;
    world.timer = 0;
    world.event = 1 + QBJ_EVENT_TIMEOUT;
    modelEmit(context, &world, "timer", armed ? MODEL_STEP_PROGRESS : MODEL_STEP_FAULT);
}

/* The end of the VM waits for its definitions (vm_stop.c). */
static void
modelStopAgain(modelContext *context, modelWorld world)
{
    if (world.vm || world.mem.state != QBJ_STATE_SETTLING_OFFLINE)
        return;
    world.event = 1 + QBJ_EVENT_VM_GONE;
    modelEmit(context, &world, "the end of the VM again", MODEL_STEP_PROGRESS);
}

static void
modelDaemon(modelContext *context, const modelWorld *world)
{
    if (!world->up || !world->mem.exists)
        return;

    if (world->busy) {
        modelAction(context, world);
    } else if (world->event) {
        modelFeed(context, *world);
    } else {
        if (world->queue[0])
            modelTakeEvent(context, *world);
        modelClient(context, *world);
        modelTimers(context, *world);
        modelStopAgain(context, *world);
    }
}

/* The status file holds all of a VM, so anything may save it, at any time but while it is being switched, and
 * before the state has followed (job.h: what the engine owes to the table). */
static void
modelUnrelatedSave(modelContext *context, modelWorld world)
{
    bool switching = world.busy && (world.action == QBJ_DO_SWITCH || world.action == QBJ_DO_UNSWITCH ||
                                    world.action == QBJ_DO_SWITCH_FINALIZE);

    switching = switching || world.event == 1 + QBJ_EVENT_SAVED;
    if (!world.up || !world.mem.exists || !world.saved.exists || switching)
        return;

    modelSaveRecord(context, &world);
    modelEmit(context, &world, "unrelated save", MODEL_STEP_FAULT);
}

/* ---- QEMU ---- */

static void
modelPending(modelContext *context, modelWorld world)
{
    world.job = MODEL_JOB_PENDING;
    world.equal = context->kind == QBJ_KIND_A;
    modelPush(&world, QBJ_EVENT_PENDING);
    modelEmit(context, &world, "job pending", MODEL_STEP_PROGRESS);
}

static void
modelReady(modelContext *context, modelWorld world)
{
    world.job = MODEL_JOB_READY;
    modelPush(&world, QBJ_EVENT_READY);
    modelEmit(context, &world, "job ready", MODEL_STEP_PROGRESS);
}

static void
modelEnded(modelContext *context, modelWorld world, const char *label, modelStepKind kind)
{
    if (context->kind == QBJ_KIND_A)
        world.equal = 0;
    modelConclude(&world, true);
    modelEmit(context, &world, label, kind);
}

static void
modelQemu(modelContext *context, const modelWorld *world)
{
    modelWorld other = *world;
    bool ready = world->job == MODEL_JOB_READY;

    if (!world->vm || world->job == MODEL_JOB_NONE || world->job == MODEL_JOB_CONCLUDED)
        return;

    if (world->forced) {
        modelEnded(context, *world, "job cancelled", MODEL_STEP_PROGRESS);
        return;
    }
    if (world->job == MODEL_JOB_RUNNING && context->kind == QBJ_KIND_A)
        modelReady(context, *world);
    else if (world->job == MODEL_JOB_RUNNING || (ready && (world->completing || world->softCancelled)))
        modelPending(context, *world);

    if (world->job != MODEL_JOB_PENDING && other.otherFailures > 0) {
        other.otherFailures--;
        modelEnded(context, other, "job fails", MODEL_STEP_FAULT);
    }
    if (ready && world->blips > 0 && !world->queue[2]) {
        other = *world;
        other.blips--;
        modelPush(&other, QBJ_EVENT_READY);
        modelEmit(context, &other, "ready again", MODEL_STEP_FAULT);
    }
}

/* ---- ends and restarts ---- */

static void
modelVmDies(modelContext *context, modelWorld world)
{
    if (!world.vm || world.vmDeaths == 0)
        return;

    world.vmDeaths--;
    world.vm = world.job = world.completing = world.softCancelled = world.forced = world.nodes = 0;
    modelPush(&world, QBJ_EVENT_VM_GONE);
    modelEmit(context, &world, "QEMU dies", MODEL_STEP_FAULT);
}

static void
modelDaemonDies(modelContext *context, modelWorld world)
{
    if (!world.up || world.daemonDeaths == 0)
        return;

    world.daemonDeaths--;
    world.up = world.busy = world.action = world.pc = world.event = world.timer = 0;
    memset(&world.mem, 0, sizeof(world.mem));
    memset(world.queue, 0, sizeof(world.queue));
    modelEmit(context, &world, "daemon dies", MODEL_STEP_FAULT);
}

static void
modelDaemonStarts(modelContext *context, modelWorld world)
{
    if (world.up)
        return;

    world.up = 1;
    world.mem = world.saved;
    if (world.mem.exists)
        world.event = 1 + (world.vm ? QBJ_EVENT_RESUME : QBJ_EVENT_VM_GONE);
    modelEmit(context, &world, "daemon starts", MODEL_STEP_PROGRESS);
}

void
modelSteps(modelContext *context, const modelWorld *world)
{
    if (modelIsEnd(world))
        return;

    modelDaemon(context, world);
    modelUnrelatedSave(context, *world);
    modelQemu(context, world);
    modelVmDies(context, *world);
    modelDaemonDies(context, *world);
    modelDaemonStarts(context, *world);
}
