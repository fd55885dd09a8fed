/* Actions that consist of commands to QEMU: engine_do_start.c, engine_do_run.c. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* ---- the start, and its undoing ---- */

static void
modelPrepare(modelContext *context, modelWorld world)
{
    modelResult(context, world, QBJ_EVENT_FAILED, "nothing can be prepared", MODEL_STEP_FAULT);
    world.rights = 1;
    if (!world.vm) {
        modelNoAnswer(context, world);
        return;
    }
    world.added = 1;
    world.target = context->setup->notes && context->setup->type == QBJ_TYPE_COPY;
    modelResult(context, world, QBJ_EVENT_FAILED, "the last preparation fails", MODEL_STEP_FAULT);
    modelCommand(context, world, QBJ_EVENT_OK, "prepared");
}

static void
modelStartJob(modelContext *context, modelWorld world)
{
    modelWorld late = world;

    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    late.late = 1;
    modelNoAnswer(context, late);
    modelResult(context, world, QBJ_EVENT_FAILED, "QEMU refuses to start the job", MODEL_STEP_FAULT);
    world.job = MODEL_JOB_RUNNING;
    modelPush(&world, QBJ_EVENT_RUNNING);
    modelResult(context, world, QBJ_EVENT_TIMEOUT, "job started", MODEL_STEP_SILENCE);
    world.mem.acked = 1;
    world.keep = context->setup->notes;
    modelResult(context, world, QBJ_EVENT_OK, "job started", MODEL_STEP_PROGRESS);
}

static void
modelUndo(modelContext *context, modelWorld world, bool qemu)
{
    world.rights = 0;
    if (qemu)
        modelNoAnswer(context, world);
    if (qemu && !modelAnswers(&world))
        return;

    modelResult(context, world, QBJ_EVENT_FAILED, "something cannot be undone", MODEL_STEP_FAULT);
    if (qemu && world.job != MODEL_JOB_NONE) {
        modelResult(context, world, QBJ_EVENT_FAILED, "the job's nodes are in use", MODEL_STEP_PROGRESS);
        return;
    }
    world.added = world.target = 0;
    modelResult(context, world, QBJ_EVENT_OK, "undone", MODEL_STEP_PROGRESS);
}

static void
modelDismissStray(modelContext *context, modelWorld world)
{
    if (world.pc > 0) {
        modelUndo(context, world, true);
        return;
    }
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;
    modelQemuDismiss(context, &world);
    modelResult(context, world, MODEL_NOTHING, "job-dismiss", MODEL_STEP_SILENCE);
    modelGoOn(context, world, "job-dismiss");
}

void
modelDoStart(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_PREPARE:
        modelPrepare(context, world);
        break;
    case QBJ_DO_START:
        modelStartJob(context, world);
        break;
    case QBJ_DO_DISMISS_STRAY:
        modelDismissStray(context, world);
        break;
    default:
        modelUndo(context, world, world.action == QBJ_DO_UNDO_PREPARE);
        break;
    }
}

/* ---- commands to a job that runs ---- */

static void
modelQuery(modelContext *context, modelWorld world)
{
    modelNoAnswer(context, world);
    if (modelAnswers(&world))
        modelResult(context, world, modelStatus(&world), "query-jobs", MODEL_STEP_PROGRESS);
}

/* Its refusal is followed by a question; a refusal of one that was sent before says nothing. */
static void
modelComplete(modelContext *context, modelWorld world)
{
    modelWorld refused;
    bool taken;

    if (context->setup->stock && modelHoldMustBegin(context, &world)) {
        modelHoldBegin(context, world);
        return;
    }
    modelArm(&world, MODEL_TIMER_PIVOT);
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    refused = world;
    refused.pc++;
    if ((taken = modelQemuComplete(context, &world)))
        modelCommand(context, world, MODEL_NOTHING, "job-complete");
    modelEmit(context, &refused, "job-complete is refused", taken ? MODEL_STEP_FAULT : MODEL_STEP_PROGRESS);
}

static void
modelCompleteRefused(modelContext *context, modelWorld world)
{
    int status = modelStatus(&world);

    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    if (status == QBJ_EVENT_RUNNING || status == QBJ_EVENT_READY)
        status = world.action == QBJ_DO_COMPLETE_AGAIN ? MODEL_NOTHING : QBJ_EVENT_FAILED;
    modelResult(context, world, status, "query-jobs", MODEL_STEP_PROGRESS);
}

/* A forced cancel lets the guest go: the chain is old now, whenever the job ends. */
static void
modelTaken(modelContext *context, modelWorld world, const char *label)
{
    modelWorld free = world;

    if (world.action == QBJ_DO_SEND_FORCED && world.mem.stop) {
        modelHoldEnd(context, &free);
        modelResult(context, free, MODEL_NOTHING, label, MODEL_STEP_PROGRESS);
        modelResult(context, world, MODEL_LATER, label, MODEL_STEP_SILENCE);
        return;
    }
    modelCommand(context, world, MODEL_NOTHING, label);
}

/* @taken: what QEMU said to the command that made @world. */
static void
modelSent(modelContext *context, modelWorld before, modelWorld world, bool taken, const char *label)
{
    /* an earlier cancel may have been taken */
    bool again = before.action == QBJ_DO_CANCEL_AGAIN;
    int refused = again && context->mistake != MODEL_CANCELS_ONCE ? QBJ_EVENT_TIMEOUT : QBJ_EVENT_FAILED;

    modelNoAnswer(context, before);
    if (!modelAnswers(&before))
        return;
    /* of a pivot QEMU is asked for the outcome in the same write */
    if (taken && context->kind == QBJ_KIND_A && before.mem.state == QBJ_STATE_COMMITTED && world.root)
        modelCommand(context, world, QBJ_EVENT_NEW, label);
    if (taken)
        modelTaken(context, world, label);
    else
        modelResult(context, before, refused, "QEMU refuses", MODEL_STEP_PROGRESS);
    modelResult(context, before, refused, "QEMU fails to do it", MODEL_STEP_FAULT);
}

static void
modelCancel(modelContext *context, modelWorld world, bool soft)
{
    modelWorld after = world;
    bool taken;

    if (!soft && world.job == MODEL_JOB_PENDING && context->kind == QBJ_KIND_A && !world.strange)
        modelViolate(context, world.saved.live || world.named || world.durable,
                     "2: cancelled while a definition is new");
    if (soft)
        modelViolate(context, world.completing && !world.strange, "7: soft cancel after job-complete (H9)");
    taken = soft ? modelQemuSoftCancel(context, &after) : modelQemuForcedCancel(context, &after);
    modelSent(context, world, after, taken, soft ? "block-job-cancel, soft" : "job-cancel");
}

static void
modelSendCancel(modelContext *context, modelWorld world)
{
    if (context->setup->type == QBJ_TYPE_COPY)
        modelArm(&world, MODEL_TIMER_TIMEOUT);
    /* QEMU refuses the soft one of a job that an error has paused */
    if (world.mem.soft && modelIsAlive(&world) && world.paused)
        world.mem.soft = 0;
    modelCancel(context, world, world.mem.soft);
}

static void
modelSendForced(modelContext *context, modelWorld world)
{
    if (context->mistake != MODEL_SOFT_CALL_OFF)
        world.mem.soft = 0;
    modelCancel(context, world, context->mistake == MODEL_SOFT_CALL_OFF);
}

void
modelDoFinalize(modelContext *context, modelWorld world)
{
    modelWorld after = world;
    bool taken;

    if (modelHoldMustBegin(context, &world)) {
        modelHoldBegin(context, world);
        return;
    }
    taken = modelQemuFinalize(context, &after);

    if (taken && context->kind == QBJ_KIND_A)
        modelViolate(context, !world.saved.live || !world.named || !world.durable,
                     "2: finalize before both definitions are new and durable");
    if (taken && context->kind == QBJ_KIND_B)
        modelViolate(context, !after.vm, "3: finalize without a writable parent kills QEMU (H2)");
    if (taken && context->kind != QBJ_KIND_A)
        modelViolate(context, !world.newGood, "3: finalize of an image that is not flushed (H1)");
    modelSent(context, world, after, taken, "job-finalize");
    if (!taken || !after.vm)
        return;

    /* the header of the image is written first, its tables perhaps not any more */
    after.newGood = world.newGood;
    modelEndVm(&after);
    if (modelMayDie(context, &world))
        modelResult(context, after, MODEL_NOTHING, "QEMU dies inside job-finalize", MODEL_STEP_FAULT);
    if (!context->setup->finalizeFails || (context->kind == QBJ_KIND_B && !modelIsPull(context)))
        return;

    after = world;                              /* H15: the graph has changed, the header has not */
    after.strange = 1;
    after.root = context->kind == QBJ_KIND_B;
    modelConclude(context, &after, true);
    modelResult(context, after, MODEL_NOTHING, "job-finalize ends the job with an error", MODEL_STEP_FAULT);
}

/* A question, and only if the job is not past it the command. */
static void
modelAgain(modelContext *context, modelWorld world)
{
    int status = modelStatus(&world);

    if (world.pc == 2) {
        modelCompleteRefused(context, world);
    } else if (world.pc == 1 && world.action == QBJ_DO_COMPLETE_AGAIN) {
        modelResult(context, world, QBJ_EVENT_TIMEOUT, "a disk does not answer", MODEL_STEP_FAULT);
        modelComplete(context, world);
    } else if (world.pc == 1) {
        modelSendCancel(context, world);
    } else if (modelAnswers(&world) && (status == QBJ_EVENT_RUNNING || status == QBJ_EVENT_READY)) {
        modelNoAnswer(context, world);
        modelGoOn(context, world, "query-jobs: it still runs");
    } else {
        modelQuery(context, world);
    }
}

/* The pending phase of B and C; @first: which part of the action it begins with. */
static void
modelPreflush(modelContext *context, modelWorld world, unsigned int first)
{
    modelNoAnswer(context, world);
    if (!modelAnswers(&world))
        return;

    modelResult(context, world, QBJ_EVENT_FAILED, "the flush fails", MODEL_STEP_FAULT);
    if (world.pc == first) {
        modelResult(context, world, MODEL_LATER, "another disk is being pulled", MODEL_STEP_FAULT);
        modelViolate(context, modelIsPull(context) && world.job != MODEL_JOB_PENDING && !world.strange,
                     "7: QEMU is asked for nodes when a pull has concluded (H3)");
        if (modelIsPull(context) && world.job == MODEL_JOB_CONCLUDED)
            modelEndVm(&world);
        else
            world.writable = context->mistake != MODEL_NO_PARENT;
        modelGoOn(context, world, "nodes asked for, top's parent reopened for writing");
        return;
    }

    if (context->mistake != MODEL_NO_FLUSH && (world.job == MODEL_JOB_PENDING || world.root))
        world.newGood = 1;
    modelResult(context, world, QBJ_EVENT_FAILED, "flushed", MODEL_STEP_SILENCE);
    world.flushed = 1;
    if (first == 0)
        modelResult(context, world, QBJ_EVENT_OK, "flushed", MODEL_STEP_PROGRESS);
    else
        modelGoOn(context, world, "flushed");
}

static void
modelFlushFinalize(modelContext *context, modelWorld world)
{
    if (world.pc == 0 && modelAnswers(&world) && world.job == MODEL_JOB_PENDING) {
        modelNoAnswer(context, world);
        modelGoOn(context, world, "query-jobs: it is pending");
    } else if (world.pc == 0) {
        modelQuery(context, world);
    } else if (world.pc < 3) {
        modelPreflush(context, world, 1);
    } else {
        modelDoFinalize(context, world);
    }
}

void
modelDoCommand(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_QUERY:
        modelQuery(context, world);
        break;
    case QBJ_DO_SEND_COMPLETE:
        if (world.pc == 0)
            modelComplete(context, world);
        else
            modelCompleteRefused(context, world);
        break;
    case QBJ_DO_COMPLETE_AGAIN:
    case QBJ_DO_CANCEL_AGAIN:
        modelAgain(context, world);
        break;
    case QBJ_DO_SEND_CANCEL:
        modelSendCancel(context, world);
        break;
    case QBJ_DO_SEND_FORCED:
        modelSendForced(context, world);
        break;
    case QBJ_DO_FINALIZE:
        modelDoFinalize(context, world);
        break;
    case QBJ_DO_PREFLUSH:
        modelPreflush(context, world, 0);
        break;
    case QBJ_DO_FLUSH_FINALIZE:
        modelFlushFinalize(context, world);
        break;
    default:
        g_error("no model of '%s'", qbjJobActionTypeToString(world.action));
    }
}
