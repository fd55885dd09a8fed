/* What QEMU makes of commands, what it does by itself, the guest, and other people at the monitor: the facts
 * of the block-job protocol, sections 1 to 3. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* A daemon that is not there hears nothing. */
void
modelPush(modelWorld *world, qbjJobEvent event)
{
    size_t i = 0;

    while (i < MODEL_QUEUE && world->queue[i])
        i++;
    g_assert_cmpuint(i, <, MODEL_QUEUE);
    if (world->up && world->mem.exists)
        world->queue[i] = 1 + event;
}

void
modelConclude(const modelContext *context, modelWorld *world, bool failed)
{
    world->job = MODEL_JOB_CONCLUDED;
    world->failed = failed && context->kind != QBJ_KIND_A;
    world->completing = world->softly = world->forced = world->paused = 0;
    modelPush(world, QBJ_EVENT_CONCLUDED);
}

/* What was in memory only is lost: newGood and header say what is on disk. */
void
modelEndVm(modelWorld *world)
{
    world->vm = world->job = world->completing = world->softly = world->forced = world->paused = world->failed = 0;
    world->nodes = world->added = world->writable = world->late = world->stopped = 0;
    modelPush(world, QBJ_EVENT_VM_GONE);
}

/* ---- commands ---- */

bool
modelQemuComplete(const modelContext *context, modelWorld *world)
{
    if (world->job != MODEL_JOB_READY || world->paused || world->softly || world->forced)
        return false;

    world->completing = 1;
    return true;
}

/* H9: after job-complete it is taken, and nothing comes of it. */
bool
modelQemuSoftCancel(const modelContext *context, modelWorld *world)
{
    if (!modelIsAlive(world) || world->paused)
        return false;

    if (world->job == MODEL_JOB_PENDING)
        modelConclude(context, world, true);
    else if (world->job == MODEL_JOB_RUNNING)
        world->forced = 1;
    else if (!world->completing)
        world->softly = 1;
    return true;
}

/* Nothing of a pending job runs any more, so it ends within the command. */
bool
modelQemuForcedCancel(const modelContext *context, modelWorld *world)
{
    if (!modelIsAlive(world))
        return false;

    if (world->job == MODEL_JOB_PENDING)
        modelConclude(context, world, true);
    else
        world->forced = 1;
    return true;
}

bool
modelQemuFinalize(const modelContext *context, modelWorld *world)
{
    if (world->job != MODEL_JOB_PENDING)
        return false;

    if (context->kind == QBJ_KIND_B && !modelIsPull(context) && !world->writable) {
        modelEndVm(world);                      /* H2 */
        return true;
    }
    if (!world->softly && context->kind != QBJ_KIND_C)
        world->root = 1;
    if (context->kind == QBJ_KIND_B) {
        world->header = 1;
        if (!modelIsPull(context))
            world->newGood = 1;                 /* flushed after the header: see modelDiesInside() */
    }
    modelConclude(context, world, false);
    return true;
}

bool
modelQemuDismiss(const modelContext *context, modelWorld *world)
{
    if (world->job != MODEL_JOB_CONCLUDED)
        return false;

    world->job = MODEL_JOB_NONE;
    world->failed = 0;
    return true;
}

/* ---- QEMU by itself ---- */

/* From now on a guest that runs writes to new alone, and a pull's header names what is not flushed. */
static void
modelFinalizesItself(modelContext *context, modelWorld world)
{
    if (!world.stopped)
        world.strange = 1;
    if (!(world.up ? world.mem.stop : world.saved.stop))
        world.open = 1;
    modelQemuFinalize(context, &world);
    modelEmit(context, &world, "QEMU: the job is pending, and finalized", MODEL_STEP_PROGRESS);
}

/* A: the last drain has flushed the target, the guest's I/O is held. B, C: nothing is flushed (H1). */
static void
modelPending(modelContext *context, modelWorld world)
{
    world.job = MODEL_JOB_PENDING;
    if (context->kind == QBJ_KIND_A)
        world.newGood = 1;
    modelPush(&world, QBJ_EVENT_PENDING);
    if (context->setup->stock)
        modelFinalizesItself(context, world);
    else
        modelEmit(context, &world, "QEMU: the job is pending", MODEL_STEP_PROGRESS);
}

static void
modelReady(modelContext *context, modelWorld world)
{
    world.job = MODEL_JOB_READY;
    modelPush(&world, QBJ_EVENT_READY);
    modelEmit(context, &world, "QEMU: the job is ready", MODEL_STEP_PROGRESS);
}

static void
modelEnds(modelContext *context, modelWorld world, const char *label, modelStepKind kind)
{
    modelConclude(context, &world, true);
    modelEmit(context, &world, label, kind);
}

/* An event of the same kind that is still to be read says no less. */
static void
modelGoesOn(modelContext *context, modelWorld world)
{
    qbjJobEvent event = world.job == MODEL_JOB_READY ? QBJ_EVENT_READY : QBJ_EVENT_RUNNING;

    world.paused = 0;
    if (!memchr(world.queue, 1 + event, MODEL_QUEUE))
        modelPush(&world, event);
    modelEmit(context, &world, "QEMU: the job goes on", MODEL_STEP_PROGRESS);
}

static void
modelPauses(modelContext *context, modelWorld world)
{
    world.paused = 1;
    modelEmit(context, &world, "QEMU: an error of the target pauses the job", MODEL_STEP_FAULT);
}

static void
modelJobSteps(modelContext *context, const modelWorld *world)
{
    if (world->job != MODEL_JOB_RUNNING && world->job != MODEL_JOB_READY)
        return;

    if (world->forced) {
        modelEnds(context, *world, "QEMU: the job is cancelled", MODEL_STEP_PROGRESS);
        return;
    }
    modelEnds(context, *world, "QEMU: the job fails", MODEL_STEP_FAULT);
    if (world->paused) {
        modelGoesOn(context, *world);
        return;
    }
    modelPauses(context, *world);
    if (world->job == MODEL_JOB_RUNNING && context->kind == QBJ_KIND_A)
        modelReady(context, *world);
    else if (world->job == MODEL_JOB_RUNNING || world->completing || world->softly)
        modelPending(context, *world);
}

/* A start command that nobody waits for any more. */
static void
modelStartsLate(modelContext *context, modelWorld world)
{
    if (!world.late)
        return;

    world.late = 0;
    modelEmit(context, &world, "QEMU never read the start command", MODEL_STEP_PROGRESS);
    if (world.added) {
        world.job = MODEL_JOB_RUNNING;
        modelPush(&world, QBJ_EVENT_RUNNING);
        modelEmit(context, &world, "QEMU: the job starts late", MODEL_STEP_PROGRESS);
    }
}

static void
modelVmDies(modelContext *context, modelWorld world)
{
    if (!modelMayDie(context, &world))
        return;

    modelEndVm(&world);
    modelEmit(context, &world, "QEMU dies", MODEL_STEP_FAULT);
}

/* ---- the guest ---- */

/* It may write at any time while it is not held, or be idle. B and C: a write is in both chains. */
static void
modelGuestWrites(modelContext *context, modelWorld world)
{
    if (context->kind != QBJ_KIND_A || modelIsHeld(context, &world) || world.stopped)
        return;
    if (world.root ? !world.oldGood : !world.newGood)
        return;

    if (world.root)
        world.oldGood = 0;
    else
        world.newGood = 0;
    modelEmit(context, &world, "the guest writes", MODEL_STEP_FAULT);
}

/* ---- other people at the monitor ---- */

typedef struct _modelForeignAct modelForeignAct;
struct _modelForeignAct {
    bool (*command)(const modelContext *context, modelWorld *world);
    const char *label;
};

static const modelForeignAct modelForeignActs[] = {
    { modelQemuComplete, "somebody else completes the job" },
    { modelQemuSoftCancel, "somebody else cancels the job softly" },
    { modelQemuForcedCancel, "somebody else cancels the job" },
    { modelQemuFinalize, "somebody else finalizes the job" },
    { modelQemuDismiss, "somebody else dismisses the job" },
};

/* Nobody ends a job by hand whose start has been given up. */
static bool
modelForeignMay(const modelContext *context, const modelWorld *world)
{
    return context->setup->foreign && world->saved.exists && world->saved.state != QBJ_STATE_ROLLBACK;
}

static void
modelForeign(modelContext *context, const modelWorld *world)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(modelForeignActs); i++) {
        modelWorld next = *world;

        next.strange = 1;
        if (modelForeignActs[i].command(context, &next))
            modelEmit(context, &next, modelForeignActs[i].label, MODEL_STEP_FAULT);
    }
}

void
modelQemuSteps(modelContext *context, const modelWorld *world)
{
    if (!world->vm)
        return;

    modelJobSteps(context, world);
    modelStartsLate(context, *world);
    modelVmDies(context, *world);
    modelGuestWrites(context, *world);
    if (modelForeignMay(context, world))
        modelForeign(context, world);
}
