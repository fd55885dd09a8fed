/* A job that the stock driver has begun. QEMU finalizes and switches by itself; its record is written after
 * the command, and says less than ours. What its daemon has done when it ends, and ours comes, may be any of
 * this; it has dismissed the job before it saves what has come of it. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

void
modelStockStart(modelWorld *world)
{
    world->stock = 1;
    world->up = world->event = 0;
    world->job = MODEL_JOB_RUNNING;
    world->added = world->rights = world->writable = 1;
    memset(&world->mem, 0, sizeof(world->mem));
    world->saved.exists = world->saved.acked = 1;
    world->saved.state = QBJ_STATE_STARTING;
}

static void
modelStockRecords(modelContext *context, modelWorld world, qbjJobState state)
{
    if (world.saved.state == state)
        return;
    world.saved.state = state;
    modelEmit(context, &world, "the stock daemon records it", MODEL_STEP_FAULT);
}

/* Its word for the outcome is no help where a device tells (06/R5), nor that a pull is done, whose image
 * nobody has flushed. */
static void
modelStockConcluded(modelContext *context, modelWorld world)
{
    bool tells = (context->kind == QBJ_KIND_B && !modelIsPull(context)) ||
        context->mistake == MODEL_STOCK_RECORD_IS_TRUSTED;

    if (tells && world.saved.state != QBJ_STATE_CANCELLING) {
        world.saved.known = 1;
        world.saved.outcome = !world.failed;
    }
    modelStockRecords(context, world, QBJ_STATE_CONCLUDED);
}

static void
modelStockCommands(modelContext *context, const modelWorld *world)
{
    modelWorld next = *world;

    next.strange = next.open = 1;
    if (modelQemuComplete(context, &next))
        modelEmit(context, &next, "the stock daemon completes the job", MODEL_STEP_FAULT);
    next = *world;
    if (modelQemuSoftCancel(context, &next))
        modelEmit(context, &next, "the stock daemon cancels the job", MODEL_STEP_FAULT);
    next = *world;
    if (modelQemuDismiss(context, &next))
        modelEmit(context, &next, "the stock daemon dismisses the job", MODEL_STEP_FAULT);
}

void
modelStockSteps(modelContext *context, const modelWorld *world)
{
    modelWorld next = *world;

    next.stock = 0;
    modelEmit(context, &next, "the stock daemon ends", MODEL_STEP_PROGRESS);
    if (!world->vm)
        return;

    modelStockCommands(context, world);
    if (world->saved.state == QBJ_STATE_STARTING)
        modelStockRecords(context, *world, QBJ_STATE_RUNNING);
    if (world->job == MODEL_JOB_CONCLUDED) {
        modelStockConcluded(context, *world);
    } else if (world->forced || world->softly) {
        next = *world;
        next.saved.soft = context->setup->type == QBJ_TYPE_COPY;
        modelStockRecords(context, next, QBJ_STATE_CANCELLING);
    } else if (world->completing) {
        modelStockRecords(context, *world, QBJ_STATE_PIVOTING);
    } else if (world->job == MODEL_JOB_READY) {
        next = *world;
        next.saved.ready = 1;
        modelStockRecords(context, next, QBJ_STATE_READY);
    }
}
