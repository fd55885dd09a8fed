/* What the daemon does between two actions: events, timers, clients, saves, its death and restart. The rows
 * that it goes by are those of core/job_table.c, the requests that it takes those of core/job_verb.c. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

void
modelEmit(modelContext *context, const modelWorld *world, const char *label, modelStepKind kind)
{
    context->next(world, label, kind, context->opaque);
}

/* The status file with the record in @state, by one rename. */
void
modelSaveRecord(modelContext *context, modelWorld *world, qbjJobState state)
{
    bool settled = world->saved.exists &&
        (world->saved.state == QBJ_STATE_SETTLED || world->saved.state == QBJ_STATE_CLEANING);

    modelViolate(context, settled && world->mem.known && world->mem.outcome != world->saved.outcome,
                 "8: a job has two outcomes");
    modelCheckSave(context, world, world->saved.live, world->mem.live);
    world->saved = world->mem;
    if (world->saved.exists)
        world->saved.state = state;
    if (context->mistake == MODEL_HOLD_NOT_RECORDED)
        world->saved.stop = 0;
}

/* ---- the table ---- */

static bool
modelIsClientEvent(qbjJobEvent event)
{
    return event == QBJ_EVENT_BEGIN || event == QBJ_EVENT_PIVOT || event == QBJ_EVENT_CANCEL;
}

static void
modelMoved(modelContext *context, modelWorld world, const qbjJobMove *move, bool save)
{
    if (world.mem.state != move->next) {
        world.timers &= move->next == QBJ_STATE_PENDING ? MODEL_TIMER_PIVOT : 0;
        world.again = 0;
    }
    if (move->next != QBJ_STATE_CANCELLING)
        world.mem.soft = 0;                     /* nobody reads it any more */
    world.mem.state = move->next;
    if (save)
        modelSaveRecord(context, &world, move->next);
    modelHoldFollow(context, &world);
    world.event = world.pc = 0;
    world.busy = 1;
    world.action = move->action;
    modelEmit(context, &world, "table", MODEL_STEP_PROGRESS);
}

/* The record cannot be saved, so the move is not made. Who began the job is told, and it is gone; who asked
 * for something else may ask again; any other event comes again. */
static void
modelMoveRefused(modelContext *context, modelWorld world, qbjJobEvent event)
{
    world.event = event == QBJ_EVENT_BEGIN ? 1 + QBJ_EVENT_CANCEL : 0;
    if (event == QBJ_EVENT_PIVOT)
        world.mem.stop = world.hold;
    if (!modelIsClientEvent(event) && !world.ending)
        world.again = 1 + event;
    modelEmit(context, &world, "the record cannot be saved", MODEL_STEP_FAULT);
}

/* TRY and SOON are no promise: the record may be saved at any time anyway (modelOtherSave). */
static void
modelFeed(modelContext *context, modelWorld world)
{
    qbjJobEvent event = world.event - 1;
    const qbjJobMove *move = context->find(context->kind, world.mem.state, event);
    bool before = move && move->save == QBJ_SAVE_BEFORE && context->mistake != MODEL_SAVE_AFTER;

    if (!move) {
        context->noRow(world.mem.state, event, context->opaque);
        world.event = 0;
        modelEmit(context, &world, "no row", MODEL_STEP_PROGRESS);
        return;
    }

    context->row(move, context->opaque);
    if (event == QBJ_EVENT_NEW || event == QBJ_EVENT_OLD) {
        world.mem.known = 1;
        world.mem.outcome = event == QBJ_EVENT_NEW;
    }
    modelViolate(context, move->save == QBJ_SAVE_DONE && (world.saved.state != move->next || !world.saved.live),
                 "2: a move says that its record is saved, and it is not");
    modelMoved(context, world, move, before);
    if (before)
        modelMoveRefused(context, world, event);
}

/* ---- what an idle daemon may do next ---- */

/* Of a job that finalizes itself, pending says nothing. */
static void
modelAsksInstead(modelContext *context, modelWorld world)
{
    int status = modelStatus(&world);

    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;
    world.event = status < 0 ? 0 : 1 + status;
    modelEmit(context, &world, "query-jobs", MODEL_STEP_PROGRESS);
}

static void
modelTakeEvent(modelContext *context, modelWorld world)
{
    if (!world.queue[0])
        return;

    world.event = world.queue[0];
    memmove(world.queue, world.queue + 1, MODEL_QUEUE - 1);
    world.queue[MODEL_QUEUE - 1] = 0;
    if (world.event == 1 + QBJ_EVENT_VM_GONE) {
        world.ending = 1;
        world.timers = world.again = 0;
    }
    if (context->setup->stock && world.event == 1 + QBJ_EVENT_PENDING)
        modelAsksInstead(context, world);
    else
        modelEmit(context, &world, "event of QEMU", MODEL_STEP_PROGRESS);
}

static void
modelTimer(modelContext *context, modelWorld world, guint8 timer, qbjJobEvent event)
{
    if (!(world.timers & timer))
        return;

    world.timers &= ~timer;
    world.event = 1 + event;
    modelEmit(context, &world, "timer", MODEL_STEP_PROGRESS);
}

/* The time of a pivot runs only until its first rename. */
static void
modelTimers(modelContext *context, modelWorld world)
{
    bool pivots = world.mem.state == QBJ_STATE_PIVOTING ||
        (world.mem.state == QBJ_STATE_PENDING && !world.renamed);

    modelTimer(context, world, MODEL_TIMER_TIMEOUT, QBJ_EVENT_TIMEOUT);
    modelTimer(context, world, MODEL_TIMER_RESUME, QBJ_EVENT_RESUME);
    modelTimer(context, world, MODEL_TIMER_SAVE_HALF, QBJ_EVENT_SAVE_HALF);
    if (pivots)
        modelTimer(context, world, MODEL_TIMER_PIVOT, QBJ_EVENT_TIMEOUT);
    if (world.again) {
        world.event = world.again;
        world.again = 0;
        modelEmit(context, &world, "timer: once more", MODEL_STEP_PROGRESS);
    }
}

static bool
modelVerbAllowed(const modelContext *context, const modelWorld *world, qbjJobVerb verb)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    return qbjJobVerbCheck(context->setup->type, world->mem.state, verb, "job", "vda", &refusal) == 0;
}

/* A cancel of a broken job asks QEMU; if it says that the job has ended, this follows (engine_control.c). */
static void
modelClientBroken(modelContext *context, modelWorld world)
{
    bool ended = !modelIsAlive(&world) || context->mistake == MODEL_BROKEN_BLINDLY;

    if (world.mem.state != QBJ_STATE_BROKEN || !modelAnswers(&world) || !ended)
        return;
    world.event = 1 + QBJ_EVENT_RETRY;
    modelEmit(context, &world, "client: cancel of a broken job that has ended", MODEL_STEP_CLIENT);
}

static void
modelClient(modelContext *context, const modelWorld *world)
{
    modelWorld next = *world;

    if (world->ending)
        return;
    if (world->vm && modelVerbAllowed(context, world, QBJ_VERB_PIVOT)) {
        next.mem.stop = context->setup->stops;
        next.event = 1 + QBJ_EVENT_PIVOT;
        modelEmit(context, &next, "client: pivot", MODEL_STEP_CLIENT);
    }
    modelClientBroken(context, *world);
    if (modelVerbAllowed(context, world, QBJ_VERB_CANCEL)) {
        next = *world;
        next.mem.soft = context->setup->type == QBJ_TYPE_COPY && world->mem.state == QBJ_STATE_READY;
        next.event = 1 + QBJ_EVENT_CANCEL;
        modelEmit(context, &next, "client: cancel", MODEL_STEP_CLIENT);
    }
}

/* The monitor was closed and is connected again: what was said meanwhile is lost. */
static void
modelReconnect(modelContext *context, modelWorld world)
{
    bool lost;

    if (!world.vm || world.ending)
        return;

    memset(world.queue, 0, sizeof(world.queue));
    modelHoldFound(context, &world);
    world.event = 1 + QBJ_EVENT_RESUME;
    lost = world.lost;
    world.lost = 0;
    modelEmit(context, &world, "the monitor is connected again", lost ? MODEL_STEP_PROGRESS : MODEL_STEP_FAULT);
}

/* The end of the VM (vm/vm_stop.c): it waits for what is not settled, then the status file goes, with what
 * is in it. */
static void
modelStop(modelContext *context, modelWorld world)
{
    if (!world.ending)
        return;
    if (world.mem.exists && world.mem.state == QBJ_STATE_SETTLING_OFFLINE &&
        (world.dirty || context->mistake != MODEL_STOPS_EARLY)) {
        world.event = 1 + QBJ_EVENT_VM_GONE;
        modelEmit(context, &world, "the end of the VM is tried again", MODEL_STEP_PROGRESS);
        return;
    }

    modelViolate(context, world.mem.exists && world.mem.known && world.mem.outcome && world.files &&
                 context->kind != QBJ_KIND_C && world.mem.state != QBJ_STATE_BROKEN,
                 "9: the VM is forgotten before a file is removed");
    world.rights = world.temps = 0;
    memset(&world.mem, 0, sizeof(world.mem));
    memset(&world.saved, 0, sizeof(world.saved));
    modelEmit(context, &world, "the end of the VM", MODEL_STEP_PROGRESS);
}

/* ---- at any time ---- */

/* The status file holds all of a VM, so anything may save it, but not between the renames of a pivot and the
 * move that follows (job.h: what the engine owes to the table). */
static void
modelOtherSave(modelContext *context, modelWorld world)
{
    bool switching = world.busy && (world.action == QBJ_DO_SWITCH || world.action == QBJ_DO_UNSWITCH ||
                                    world.action == QBJ_DO_SWITCH_FINALIZE);

    if (world.event == 1 + QBJ_EVENT_SAVED || world.event == 1 + QBJ_EVENT_SAVE_HALF)
        switching = true;
    if (context->mistake == MODEL_SAVES_BETWEEN)
        switching = false;
    if (!world.saved.exists || world.ending || switching)
        return;

    modelSaveRecord(context, &world, world.mem.state);
    modelEmit(context, &world, "the status file is saved", MODEL_STEP_PROGRESS);
}

static void
modelDaemonDies(modelContext *context, modelWorld world)
{
    if (context->setup->notes && world.mem.exists && !world.note)
        world.open = 1;                         /* nobody writes it any more */
    memset(&world.mem, 0, sizeof(world.mem));
    memset(world.queue, 0, sizeof(world.queue));
    world.up = world.def = world.dirty = world.renamed = world.done = world.flushed = world.ending = 0;
    world.busy = world.action = world.pc = world.event = world.again = world.timers = 0;
    world.finals = world.readies = world.settled = world.lost = world.hold = world.letgo = world.keep = 0;
    modelEmit(context, &world, "the daemon dies", MODEL_STEP_FAULT);
}

static void
modelDaemonStarts(modelContext *context, modelWorld world)
{
    world.up = 1;
    world.temps = 0;
    world.mem = world.saved;
    world.def = world.named;
    world.ending = !world.vm;
    modelHoldFound(context, &world);
    if (world.mem.exists)
        world.event = 1 + (world.vm ? QBJ_EVENT_RESUME : QBJ_EVENT_VM_GONE);
    modelEmit(context, &world, "the daemon starts", MODEL_STEP_PROGRESS);
}

void
modelDaemonSteps(modelContext *context, const modelWorld *world)
{
    if (world->stock) {
        modelStockSteps(context, world);
        return;
    }
    if (!world->up) {
        modelDaemonStarts(context, *world);
        return;
    }

    if (world->mem.exists && world->letgo) {
        modelHoldLetGo(context, *world);
    } else if (world->mem.exists && world->busy) {
        modelAction(context, world);
    } else if (world->mem.exists && world->event) {
        modelFeed(context, *world);
    } else if (world->mem.exists && world->keep) {
        modelNoteKeep(context, *world);
    } else if (world->mem.exists) {
        modelTakeEvent(context, *world);
        modelTimers(context, *world);
        modelClient(context, world);
        modelReconnect(context, *world);
        modelHoldSteps(context, world);
    }
    if (!world->busy && !world->event && !world->letgo && !world->keep)
        modelStop(context, *world);
    modelOtherSave(context, *world);
    modelDaemonDies(context, *world);
}
