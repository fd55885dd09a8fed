/* blockjob_pivot_stop_guest: what engine_hold.c does, and clients that suspend the guest meanwhile. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* Not yet decided, or decided and not yet saved. */
static bool
modelHoldNeeds(const modelContext *context, guint8 state)
{
    switch ((qbjJobState) state) {
    case QBJ_STATE_PIVOTING:
    case QBJ_STATE_PENDING:
    case QBJ_STATE_COMMITTED:
    case QBJ_STATE_CALLING_OFF:
        return true;
    case QBJ_STATE_CONCLUDED:
    case QBJ_STATE_SETTLING:
        return context->mistake != MODEL_HOLD_ENDS_EARLY;
    default:
        return false;
    }
}

/* Whether the record says that the guest may have been stopped for the job. */
static bool
modelHoldMayHave(const modelContext *context, const modelWorld *world)
{
    return world->mem.exists && world->mem.stop &&
        (world->mem.state != QBJ_STATE_PIVOTING || context->setup->stock);
}

bool
modelHoldMustBegin(const modelContext *context, const modelWorld *world)
{
    bool held = world->hold && (world->stopped || context->mistake == MODEL_HOLD_TRUSTED);

    return context->kind == QBJ_KIND_A && world->mem.stop && !held && !world->mem.paused && !world->open &&
        context->mistake != MODEL_HOLD_NONE;
}

/* A part of its own: `stop`, before what QEMU could switch by. */
void
modelHoldBegin(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    world.hold = 1;
    world.stopped = 1;
    modelResult(context, world, MODEL_LATER, "stop", MODEL_STEP_SILENCE);
    modelEmit(context, &world, "stop", MODEL_STEP_PROGRESS);
    world.hold = world.stopped = 0;
    world.open = 1;
    modelEmit(context, &world, "QEMU refuses to stop the guest", MODEL_STEP_FAULT);
}

/* The guest need not stand still any more. */
void
modelHoldEnd(const modelContext *context, modelWorld *world)
{
    if (!world->mem.stop || context->mistake == MODEL_HOLD_NEVER_ENDS)
        return;

    world->letgo = 1;
    if (context->mistake == MODEL_HOLD_FORGETS_FIRST)
        world->mem.stop = 0;
}

/* The job has come to another state. */
void
modelHoldFollow(const modelContext *context, modelWorld *world)
{
    if (world->mem.state == QBJ_STATE_BROKEN && world->mem.stop)
        world->open = world->strange = 1;       /* a person is waited for, and the guest does not wait so long */
    if (!modelHoldNeeds(context, world->mem.state))
        modelHoldEnd(context, world);
}

/* What the daemon does next, before anything else of the job. */
void
modelHoldLetGo(modelContext *context, modelWorld world)
{
    world.letgo = 0;
    if (!world.hold || world.ending || (world.mem.paused && context->mistake != MODEL_HOLD_CONTINUES_PAUSED)) {
        world.mem.stop = 0;
        world.hold = world.hold && world.ending;
        modelEmit(context, &world, "the guest is not to be continued", MODEL_STEP_PROGRESS);
        return;
    }

    world.mem.stop = world.lost = 1;
    modelEmit(context, &world, "QEMU does not answer to cont",
              modelAnswers(&world) ? MODEL_STEP_FAULT : MODEL_STEP_PROGRESS);
    if (!modelAnswers(&world))
        return;
    world.lost = 0;
    world.stopped = 0;
    modelEmit(context, &world, "cont", MODEL_STEP_SILENCE);
    world.mem.stop = world.hold = 0;
    modelEmit(context, &world, "cont", MODEL_STEP_PROGRESS);
}

/* The monitor is connected, and QEMU asked whether the guest runs. */
void
modelHoldFound(const modelContext *context, modelWorld *world)
{
    world->hold = 0;
    if (!world->vm || world->stopped == world->mem.paused)
        return;
    if (world->stopped && modelHoldMayHave(context, world))
        world->hold = 1;
    else
        world->mem.paused = world->stopped;
}

/* qbjEngineHoldLimit(): before the definitions are saved, when the guest has stood still for 10 s, or a disk
 * hangs. */
static void
modelHoldTooLong(modelContext *context, modelWorld world)
{
    if (!world.hold || !world.mem.stop || world.mem.state != QBJ_STATE_SETTLING)
        return;
    world.open = world.strange = 1;
    world.letgo = 1;
    modelEmit(context, &world, "the guest has stood still for too long", MODEL_STEP_FAULT);
}

static void
modelHoldSuspend(modelContext *context, modelWorld world)
{
    world.stopped = world.mem.paused = world.wanted = 1;
    modelSaveRecord(context, &world, world.mem.state);
    modelEmit(context, &world, "client: suspend", MODEL_STEP_CLIENT);
}

/* A guest that stands still for a pivot as well goes on after it. */
static void
modelHoldResume(modelContext *context, modelWorld world)
{
    bool delays = modelHoldMayHave(context, &world);

    if (context->mistake != MODEL_HOLD_NOT_RESUMED)
        delays = delays && modelHoldNeeds(context, world.mem.state);
    if (context->mistake != MODEL_HOLD_RESUMED)
        world.hold = delays;
    if (!world.hold)
        world.stopped = 0;
    world.mem.paused = world.wanted = 0;
    modelSaveRecord(context, &world, world.mem.state);
    modelEmit(context, &world, "client: resume", MODEL_STEP_CLIENT);
}

/* What a daemon that is not at an action may do with the guest. */
void
modelHoldSteps(modelContext *context, const modelWorld *world)
{
    if (!context->setup->stops || world->ending || !modelAnswers(world))
        return;

    modelHoldTooLong(context, *world);
    if (!world->saved.exists || !context->setup->suspends)
        return;
    if (world->mem.paused)
        modelHoldResume(context, *world);
    else
        modelHoldSuspend(context, *world);
}
