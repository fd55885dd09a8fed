/* Actions that find out how a job has ended, and clean up: engine_do_end.c, engine_pull_end.c. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* A pull that somebody else has finalized: nodes are asked for when it is dismissed (H3), the image is
 * flushed (H1). */
static void
modelPullEnded(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    if (world.pc == 1) {
        if (context->mistake != MODEL_ASKS_NODES)
            modelQemuDismiss(context, &world);
        if (modelIsAlive(&world))
            modelResult(context, world, MODEL_RETRY, "job-dismiss is refused", MODEL_STEP_PROGRESS);
        else
            modelGoOn(context, world, "job-dismiss");
        return;
    }

    modelViolate(context, world.job == MODEL_JOB_CONCLUDED,
                 "7: QEMU is asked for nodes when a pull has concluded (H3)");
    modelResult(context, world, MODEL_RETRY, "the flush fails", MODEL_STEP_FAULT);
    world.newGood = world.newGood || world.root;
    modelResult(context, world, MODEL_RETRY, "flushed", MODEL_STEP_SILENCE);
    world.flushed = 1;
    modelResult(context, world, QBJ_EVENT_NEW, "flushed", MODEL_STEP_PROGRESS);
}

static void
modelReadOutcome(modelContext *context, modelWorld world)
{
    bool listed = world.job != MODEL_JOB_NONE;
    bool good = listed ? !world.failed : world.root;

    if (world.pc > 0) {
        modelPullEnded(context, world);
        return;
    }
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    if (context->kind == QBJ_KIND_C && !listed)
        good = world.flushed || context->mistake == MODEL_ANY_END_IS_GOOD;
    if (good && modelIsPull(context) && !world.flushed)
        modelGoOn(context, world, "query-jobs: done, but not flushed by us");
    else if (good)
        modelResult(context, world, QBJ_EVENT_NEW, "query-jobs: done", MODEL_STEP_PROGRESS);
    else if (modelIsPull(context) && world.root)
        modelResult(context, world, QBJ_EVENT_STREAM_FAILED, "query-jobs: failed, the graph has changed",
                    MODEL_STEP_PROGRESS);
    else
        modelResult(context, world, QBJ_EVENT_OLD, "query-jobs: failed", MODEL_STEP_PROGRESS);
}

static void
modelLookAtRoot(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;
    if (world.root)
        modelResult(context, world, QBJ_EVENT_NEW, "the device is on new", MODEL_STEP_PROGRESS);
    else
        modelResult(context, world, QBJ_EVENT_OLD, "the device is on old", MODEL_STEP_PROGRESS);
}

static void
modelPutGraphBack(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;
    modelQemuDismiss(context, &world);
    modelResult(context, world, QBJ_EVENT_NEITHER, "the graph cannot be put back", MODEL_STEP_FAULT);
    if (context->mistake != MODEL_NO_GRAPH_BACK)
        world.root = 0;
    modelCommand(context, world, QBJ_EVENT_OLD, "graph put back");
}

/* ---- cleaning up ---- */

/* Nodes and rights; what a type B job holds is refused until the job is dismissed (H4). */
static void
modelTidy(const modelContext *context, modelWorld *world)
{
    bool busy = modelIsAlive(world) || (context->kind == QBJ_KIND_B && world->job != MODEL_JOB_NONE);

    world->rights = 0;
    if (!modelAnswers(world) || busy)
        return;
    world->added = 0;
    if (world->mem.outcome && context->kind != QBJ_KIND_C)
        world->nodes = 0;
}

/* QEMU did not hear of it: all of it once more, later. */
static void
modelTidyUnheard(modelContext *context, modelWorld world)
{
    world.rights = 0;
    if (context->mistake != MODEL_TIDY_ONCE) {
        modelNoAnswer(context, world);
        return;
    }
    world.pc++;
    modelEmit(context, &world, "QEMU does not answer, the nodes stay", MODEL_STEP_FAULT);
}

static void
modelUnlink(modelContext *context, modelWorld *world)
{
    if (!world->mem.outcome || context->kind == QBJ_KIND_C)
        return;

    modelViolate(context, !world->saved.live || !world->named || !world->durable,
                 "5: a file is removed that a definition names, or may name after a crash");
    modelViolate(context, world->vm && world->nodes, "5: a file is removed that QEMU uses");
    world->files = world->oldGood = 0;
}

static void
modelDismiss(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;
    modelQemuDismiss(context, &world);
    if (world.job != MODEL_JOB_NONE)
        modelResult(context, world, QBJ_EVENT_FAILED, "job-dismiss is refused", MODEL_STEP_PROGRESS);
    else
        modelCommand(context, world, QBJ_EVENT_OK, "job-dismiss");
}

static void
modelFinish(modelContext *context, modelWorld world)
{
    bool tidies = context->kind == QBJ_KIND_A || context->mistake == MODEL_NODES_FIRST;

    if (!tidies || world.pc > 0) {
        modelDismiss(context, world);
        return;
    }
    modelTidyUnheard(context, world);
    if (!modelAnswers(&world))
        return;
    if (context->mistake == MODEL_UNLINK_FIRST)
        modelUnlink(context, &world);
    modelTidy(context, &world);
    modelGoOn(context, world, "nodes deleted, rights taken back");
}

static void
modelClean(modelContext *context, modelWorld world)
{
    if (world.mem.stop && context->mistake != MODEL_HOLD_LEFT_AT_THE_END) {
        modelResult(context, world, QBJ_EVENT_FAILED, "the guest still stands still", MODEL_STEP_PROGRESS);
        return;
    }
    if (world.pc > 0) {
        modelUnlink(context, &world);
        modelResult(context, world, QBJ_EVENT_OK, "files removed", MODEL_STEP_PROGRESS);
        return;
    }
    if (context->kind != QBJ_KIND_A && context->mistake != MODEL_NODES_FIRST) {
        modelTidyUnheard(context, world);
        if (!modelAnswers(&world))
            return;
        modelTidy(context, &world);
    }
    modelGoOn(context, world, "nodes deleted, rights taken back");
}

void
modelDoEnd(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_READ_OUTCOME:
        modelReadOutcome(context, world);
        break;
    case QBJ_DO_LOOK_AT_ROOT:
        modelLookAtRoot(context, world);
        break;
    case QBJ_DO_PUT_GRAPH_BACK:
        modelPutGraphBack(context, world);
        break;
    case QBJ_DO_FINISH:
        modelFinish(context, world);
        break;
    case QBJ_DO_CLEAN:
        modelClean(context, world);
        break;
    default:                                    /* CLEAN_OFFLINE */
        world.rights = 0;
        modelUnlink(context, &world);
        modelResult(context, world, QBJ_EVENT_OK, "cleaned without QEMU", MODEL_STEP_PROGRESS);
        break;
    }
}
