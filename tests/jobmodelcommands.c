/* What the actions that send commands to QEMU do to the world of the model, step by step. */
#include <config.h>

#include "internal.h"
#include "jobmodel.h"

/* ---- small parts of a step ---- */

/* The action ends, and @event is its result; without one QEMU's events follow. */
void
modelResult(modelContext *context, modelWorld world, int event, const char *label, modelStepKind kind)
{
    world.busy = world.pc = world.action = 0;
    world.event = event < 0 ? 0 : 1 + event;
    modelEmit(context, &world, label, kind);
}

void
modelFail(modelContext *context, modelWorld world, int event, const char *label)
{
    if (world.otherFailures == 0)
        return;

    world.otherFailures--;
    modelResult(context, world, event, label, MODEL_STEP_FAULT);
}

void
modelGoOn(modelContext *context, modelWorld world, const char *label)
{
    world.pc++;
    modelEmit(context, &world, label, MODEL_STEP_PROGRESS);
}

bool
modelIsAlive(const modelWorld *world)
{
    return world->job == MODEL_JOB_RUNNING || world->job == MODEL_JOB_READY || world->job == MODEL_JOB_PENDING;
}

/* ---- actions: the start ---- */

void
modelStartAction(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_PREPARE:
        modelFail(context, world, QBJ_EVENT_FAILED, "prepare fails");
        world.prepared = 1;
        modelFail(context, world, QBJ_EVENT_FAILED, "prepare fails half way");
        modelResult(context, world, QBJ_EVENT_OK, "prepared", MODEL_STEP_PROGRESS);
        break;
    case QBJ_DO_START:
        if (world.pc == 0) {
            modelFail(context, world, QBJ_EVENT_FAILED, "QEMU refuses to start");
            world.job = MODEL_JOB_RUNNING;
            modelPush(&world, QBJ_EVENT_RUNNING);
            modelGoOn(context, world, "QEMU starts the job");
        } else {
            modelFail(context, world, QBJ_EVENT_TIMEOUT, "the reply is lost");
            world.mem.ack = 1;
            modelResult(context, world, QBJ_EVENT_OK, "started", MODEL_STEP_PROGRESS);
        }
        break;
    default:                                    /* UNDO_PREPARE, UNDO_HOST, DISMISS_STRAY */
        if (world.action == QBJ_DO_DISMISS_STRAY && world.job == MODEL_JOB_CONCLUDED)
            world.job = MODEL_JOB_NONE;
        modelFail(context, world, QBJ_EVENT_FAILED, "undo fails");
        world.prepared = 0;
        modelResult(context, world, QBJ_EVENT_OK, "undone", MODEL_STEP_PROGRESS);
        break;
    }
}

/* ---- actions: commands to a job ---- */

/* Nothing of a pending job runs any more, so QEMU ends it within the command. */
static void
modelEndPending(const modelContext *context, modelWorld *world, bool failed)
{
    if (context->kind == QBJ_KIND_A)
        world->equal = 0;
    modelConclude(world, failed);
}

static void
modelForced(modelContext *context, modelWorld world)
{
    if (!modelIsAlive(&world)) {
        modelResult(context, world, QBJ_EVENT_FAILED, "forced cancel refused", MODEL_STEP_PROGRESS);
        return;
    }

    modelViolate(context, context->kind == QBJ_KIND_A && world.job == MODEL_JOB_PENDING &&
                 (world.saved.new || world.persistentNew), "2: cancelled while a definition is new");
    modelFail(context, world, QBJ_EVENT_FAILED, "forced cancel fails");
    world.forced = 1;
    if (world.job == MODEL_JOB_PENDING)
        modelEndPending(context, &world, true);
    modelResult(context, world, -1, "forced cancel", MODEL_STEP_PROGRESS);
}

static void
modelCancel(modelContext *context, modelWorld world)
{
    if (!world.mem.soft) {
        modelForced(context, world);
        return;
    }
    if (!modelIsAlive(&world)) {
        modelResult(context, world, QBJ_EVENT_FAILED, "cancel refused", MODEL_STEP_PROGRESS);
        return;
    }

    modelViolate(context, world.completing, "7: soft cancel after job-complete");
    modelFail(context, world, QBJ_EVENT_FAILED, "cancel refused while the target is in error");
    if (world.job == MODEL_JOB_READY)
        world.softCancelled = 1;
    else if (world.job == MODEL_JOB_PENDING)
        modelEndPending(context, &world, true);
    else
        world.forced = 1;
    modelResult(context, world, -1, "soft cancel", MODEL_STEP_PROGRESS);
}

static void
modelComplete(modelContext *context, modelWorld world, bool again)
{
    bool good = world.job == MODEL_JOB_READY && !world.softCancelled && !world.forced;

    if (!again)
        modelFail(context, world, QBJ_EVENT_FAILED, "job-complete refused");
    if (good)
        world.completing = 1;
    modelResult(context, world, good || again ? -1 : QBJ_EVENT_FAILED, "job-complete", MODEL_STEP_PROGRESS);
}

/* A query, and then the command unless the job is past it. */
static void
modelAgain(modelContext *context, modelWorld world)
{
    int status = modelStatus(&world);

    if (world.pc == 0 && (status == QBJ_EVENT_RUNNING || status == QBJ_EVENT_READY))
        modelGoOn(context, world, "query: still running");
    else if (world.pc == 0)
        modelResult(context, world, status, "query", MODEL_STEP_PROGRESS);
    else if (world.action == QBJ_DO_COMPLETE_AGAIN)
        modelComplete(context, world, true);
    else
        modelCancel(context, world);
}

/* The first step of what may be done only while the job is pending. */
void
modelQueryPending(modelContext *context, modelWorld world)
{
    if (world.job == MODEL_JOB_PENDING)
        modelGoOn(context, world, "query: still pending");
    else
        modelResult(context, world, modelStatus(&world), "query", MODEL_STEP_PROGRESS);
}

static void
modelFlush(modelContext *context, modelWorld world, unsigned int first)
{
    modelViolate(context, world.job != MODEL_JOB_PENDING, "7: nodes are asked for when the job has concluded");
    modelFail(context, world, QBJ_EVENT_FAILED, "flush fails");
    if (world.pc == first) {
        world.parentWritable = 1;
        modelGoOn(context, world, "parent writable");
        return;
    }

    world.equal = 1;
    if (first == 0)
        modelResult(context, world, QBJ_EVENT_OK, "flushed", MODEL_STEP_PROGRESS);
    else
        modelGoOn(context, world, "flushed");
}

void
modelFinalize(modelContext *context, modelWorld world)
{
    if (world.job != MODEL_JOB_PENDING) {
        modelResult(context, world, QBJ_EVENT_FAILED, "finalize refused", MODEL_STEP_PROGRESS);
        return;
    }

    if (context->kind == QBJ_KIND_A)
        modelViolate(context, !world.saved.new || !world.persistentNew, "2: finalize before both definitions are new");
    else
        modelViolate(context, !world.equal || (context->kind == QBJ_KIND_B && !world.parentWritable),
                     "3: finalize without flush or writable parent");
    modelFail(context, world, QBJ_EVENT_FAILED, "finalize refused");

    if (context->setup->finalizeFails && world.otherFailures > 0) {
        modelWorld failed = world;

        failed.otherFailures--;
        if (context->kind == QBJ_KIND_A)
            failed.equal = 0;
        else
            failed.rootNew = context->kind == QBJ_KIND_B;
        modelConclude(&failed, true);
        modelResult(context, failed, -1, "finalize fails in QEMU", MODEL_STEP_FAULT);
    }

    world.rootNew = 1;
    modelConclude(&world, false);
    modelResult(context, world, -1, "finalize", MODEL_STEP_PROGRESS);
}

static void
modelEndCancel(modelContext *context, modelWorld world)
{
    if (!world.mem.soft) {
        modelForced(context, world);
        return;
    }
    if (world.job != MODEL_JOB_PENDING) {
        modelResult(context, world, QBJ_EVENT_FAILED, "end of cancel refused", MODEL_STEP_PROGRESS);
        return;
    }

    /* QEMU pivots if job-complete was first, whatever was sent later */
    modelViolate(context, !world.softCancelled || world.completing, "2: a finalize that was to end a cancel pivots");
    modelEndPending(context, &world, false);
    modelResult(context, world, -1, "finalize of the cancelled job", MODEL_STEP_PROGRESS);
}

void
modelCommandAction(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_QUERY:
        modelResult(context, world, modelStatus(&world), "query", MODEL_STEP_PROGRESS);
        break;
    case QBJ_DO_SEND_COMPLETE:
        modelComplete(context, world, false);
        break;
    case QBJ_DO_COMPLETE_AGAIN:
    case QBJ_DO_CANCEL_AGAIN:
        modelAgain(context, world);
        break;
    case QBJ_DO_SEND_CANCEL:
        modelCancel(context, world);
        break;
    case QBJ_DO_SEND_FORCED:
        modelForced(context, world);
        break;
    case QBJ_DO_END_CANCEL:
        modelEndCancel(context, world);
        break;
    case QBJ_DO_FINALIZE:
        modelFinalize(context, world);
        break;
    case QBJ_DO_PREFLUSH:
        modelFlush(context, world, 0);
        break;
    case QBJ_DO_FLUSH_FINALIZE:
        if (world.pc == 0)
            modelQueryPending(context, world);
        else if (world.pc < 3)
            modelFlush(context, world, 1);
        else
            modelFinalize(context, world);
        break;
    default:
        g_error("no model of '%s'", qbjJobActionTypeToString(world.action));
    }
}
