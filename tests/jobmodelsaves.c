/* What the actions that save the definitions and clean up do to the world of the model, step by step. */
#include <config.h>

#include "internal.h"
#include "jobmodel.h"

/* 4 */
static void
modelSavePersistent(modelContext *context, modelWorld *world, bool new)
{
    modelCheckDefinition(context, world, world->persistentNew, new);
    world->persistentNew = new;
}

static void
modelSaveFail(modelContext *context, modelWorld world, qbjJobEvent event, const char *label)
{
    if (world.saveFailures == 0)
        return;

    world.saveFailures--;
    modelResult(context, world, event, label, MODEL_STEP_FAULT);
}

/* The record of @state with the live definition @new goes into the status file by one rename. */
static void
modelRenameStatus(modelContext *context, modelWorld *world, qbjJobState state, bool new)
{
    modelCheckDefinition(context, world, world->saved.new, new);
    world->saved = world->mem;
    world->saved.state = state;
    world->saved.new = new;
}

static void
modelSwitch(modelContext *context, modelWorld world)
{
    switch (world.pc) {
    case 0:
        if (!world.vm) {
            modelResult(context, world, QBJ_EVENT_VM_GONE, "no QEMU", MODEL_STEP_PROGRESS);
            break;
        }
        modelFail(context, world, QBJ_EVENT_FAILED, "bitmaps fail");
        modelGoOn(context, world, "bitmaps merged");
        break;
    case 1:
        modelSaveFail(context, world, QBJ_EVENT_SAVE_FAILED, "temporary files fail");
        modelFail(context, world, QBJ_EVENT_TIMEOUT, "called off before the first rename");
        modelRenameStatus(context, &world, QBJ_STATE_COMMITTED, true);
        modelGoOn(context, world, "status file renamed");
        break;
    default:
        modelSaveFail(context, world, QBJ_EVENT_SAVE_HALF, "second rename fails");
        modelSavePersistent(context, &world, true);
        world.mem.new = 1;
        modelResult(context, world, QBJ_EVENT_SAVED, "both renamed", MODEL_STEP_PROGRESS);
        break;
    }
}

static void
modelUnswitch(modelContext *context, modelWorld world)
{
    modelWorld back = world;

    if (world.pc == 0) {
        modelRenameStatus(context, &back, QBJ_STATE_PENDING, false);
        modelGoOn(context, back, "old status file renamed back");
    } else {
        modelSavePersistent(context, &back, false);
        back.mem.new = 0;
        modelResult(context, back, QBJ_EVENT_SAVE_FAILED, "both renamed back", MODEL_STEP_PROGRESS);
    }

    /* forward, from whatever is there */
    if (world.pc == 0) {
        modelRenameStatus(context, &world, QBJ_STATE_COMMITTED, true);
        modelSavePersistent(context, &world, true);
        world.mem.new = 1;
        modelResult(context, world, QBJ_EVENT_SAVED, "went forward", MODEL_STEP_PROGRESS);
    }
}

static void
modelSwitchFinalize(modelContext *context, modelWorld world)
{
    if (!world.vm && (world.pc == 0 || world.pc == 3)) {
        modelResult(context, world, QBJ_EVENT_VM_GONE, "no QEMU", MODEL_STEP_PROGRESS);
    } else if (world.pc == 0) {
        modelQueryPending(context, world);
    } else if (world.pc == 1) {
        modelRenameStatus(context, &world, QBJ_STATE_COMMITTED, true);
        modelGoOn(context, world, "status file saved again");
    } else if (world.pc == 2) {
        modelSaveFail(context, world, QBJ_EVENT_SAVE_HALF, "definition cannot be saved again");
        modelSavePersistent(context, &world, true);
        world.mem.new = 1;
        modelGoOn(context, world, "definition saved again");
    } else {
        modelFinalize(context, world);
    }
}

static void
modelSettle(modelContext *context, modelWorld world)
{
    bool new = world.mem.outcomeNew;

    if (world.action == QBJ_DO_SETTLE_OLD)
        new = false;
    else if (world.action == QBJ_DO_SETTLE_NEW)
        new = true;
    else if (world.action == QBJ_DO_SETTLE_BY_RECORD && !world.mem.known)
        new = world.mem.new;

    modelSaveFail(context, world, QBJ_EVENT_SAVE_FAILED,
                  "definitions cannot be saved");
    modelViolate(context, context->kind == QBJ_KIND_C && new && !world.equal,
                 "1: a copy that is not flushed is called good");
    world.mem.known = 1;
    world.mem.outcomeNew = new;
    if (context->kind != QBJ_KIND_C) {
        world.mem.new = new;
        modelSavePersistent(context, &world, new);
    }
    modelResult(context, world, QBJ_EVENT_OK, new ? "settled new" : "settled old", MODEL_STEP_PROGRESS);
}

/* ---- actions: the end ---- */

static void
modelOutcome(modelContext *context, modelWorld world)
{
    int event = world.rootNew ? QBJ_EVENT_NEW : QBJ_EVENT_OLD;

    modelFail(context, world, QBJ_EVENT_FAILED, "outcome cannot be asked");
    if (world.action == QBJ_DO_LOOK_AT_ROOT)
        modelFail(context, world, QBJ_EVENT_NEITHER, "device is on a strange node");
    else if (context->kind == QBJ_KIND_B && world.job == MODEL_JOB_CONCLUDED && world.failed && world.rootNew)
        event = QBJ_EVENT_STREAM_FAILED;
    else if (context->kind == QBJ_KIND_C && world.failed)
        event = QBJ_EVENT_OLD;

    world.mem.known = event != QBJ_EVENT_STREAM_FAILED;
    world.mem.outcomeNew = event == QBJ_EVENT_NEW;
    modelResult(context, world, event, "outcome", MODEL_STEP_PROGRESS);
}

static void
modelUnlink(modelContext *context, modelWorld *world)
{
    if (!world->mem.outcomeNew || context->kind == QBJ_KIND_C)
        return;

    modelViolate(context, !world->saved.new || !world->persistentNew, "5: a file is removed that a definition names");
    modelViolate(context, world->vm && world->nodes, "5: a file is removed that QEMU uses");
    world->files = 0;
}

static bool
modelDismiss(modelWorld *world)
{
    if (modelIsAlive(world))
        return false;

    world->job = MODEL_JOB_NONE;
    return true;
}

static void
modelFinish(modelContext *context, modelWorld world)
{
    modelFail(context, world, QBJ_EVENT_FAILED, "finish fails");
    if (context->kind == QBJ_KIND_A && world.pc == 0) {
        world.prepared = 0;
        if (world.mem.outcomeNew)
            world.nodes = 0;
        modelGoOn(context, world, "nodes and rights");
        return;
    }

    if (!modelDismiss(&world))
        modelResult(context, world, QBJ_EVENT_FAILED, "dismiss refused", MODEL_STEP_PROGRESS);
    else
        modelResult(context, world, QBJ_EVENT_OK, "dismissed", MODEL_STEP_PROGRESS);
}

static void
modelClean(modelContext *context, modelWorld world)
{
    if (world.pc == 0) {
        modelFail(context, world, QBJ_EVENT_FAILED, "cleaning fails");
        world.prepared = 0;
        if (world.mem.outcomeNew && context->kind != QBJ_KIND_A)
            world.nodes = 0;
        modelGoOn(context, world, "nodes and rights");
    } else {
        modelUnlink(context, &world);
        modelResult(context, world, QBJ_EVENT_OK, "unlinked", MODEL_STEP_PROGRESS);
    }
}

static void
modelCleanOffline(modelContext *context, modelWorld world)
{
    world.prepared = 0;
    modelUnlink(context, &world);
    modelResult(context, world, QBJ_EVENT_OK, "cleaned offline", MODEL_STEP_PROGRESS);
}

static void
modelDrop(modelContext *context, modelWorld world, bool event)
{
    world.finals += event && world.vm && world.finals < 3;
    world.mem.exists = 0;
    world.saved.exists = 0;
    modelResult(context, world, -1, "record dropped", MODEL_STEP_PROGRESS);
}

static void
modelEndAction(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_READ_OUTCOME:
    case QBJ_DO_LOOK_AT_ROOT:
        modelOutcome(context, world);
        break;
    case QBJ_DO_PUT_GRAPH_BACK:
        modelFail(context, world, QBJ_EVENT_NEITHER, "graph cannot be put back");
        world.job = MODEL_JOB_NONE;
        world.rootNew = 0;
        world.mem.known = 1;
        world.mem.outcomeNew = 0;
        modelResult(context, world, QBJ_EVENT_OLD, "graph put back", MODEL_STEP_PROGRESS);
        break;
    case QBJ_DO_FINISH:
        modelFinish(context, world);
        break;
    case QBJ_DO_CLEAN:
        modelClean(context, world);
        break;
    case QBJ_DO_CLEAN_OFFLINE:
        modelCleanOffline(context, world);
        break;
    case QBJ_DO_EMIT_FINAL:
        modelDrop(context, world, world.mem.ack);
        break;
    case QBJ_DO_EMIT_FAILED:
        modelDrop(context, world, world.mem.ack);
        break;
    case QBJ_DO_DROP:
        modelDrop(context, world, false);
        break;
    case QBJ_DO_RETRY_LATER:
        world.timer = 1;
        modelResult(context, world, -1, "retry later", MODEL_STEP_PROGRESS);
        break;
    default:                                    /* NOTHING, REPORT, EMIT_READY */
        modelResult(context, world, -1, "nothing more", MODEL_STEP_PROGRESS);
        break;
    }
}

static void
modelQemuAction(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_START:
    case QBJ_DO_UNDO_PREPARE:
    case QBJ_DO_DISMISS_STRAY:
        modelStartAction(context, world);
        break;
    case QBJ_DO_READ_OUTCOME:
    case QBJ_DO_LOOK_AT_ROOT:
    case QBJ_DO_PUT_GRAPH_BACK:
    case QBJ_DO_FINISH:
    case QBJ_DO_CLEAN:
        modelEndAction(context, world);
        break;
    default:
        modelCommandAction(context, world);
        break;
    }
}

void
modelAction(modelContext *context, const modelWorld *world)
{
    switch ((qbjJobAction) world->action) {
    case QBJ_DO_PREPARE:
    case QBJ_DO_UNDO_HOST:
        modelStartAction(context, *world);
        return;
    case QBJ_DO_SWITCH:
        modelSwitch(context, *world);
        return;
    case QBJ_DO_UNSWITCH:
        modelUnswitch(context, *world);
        return;
    case QBJ_DO_SWITCH_FINALIZE:
        modelSwitchFinalize(context, *world);
        return;
    case QBJ_DO_SETTLE:
    case QBJ_DO_SETTLE_OLD:
    case QBJ_DO_SETTLE_NEW:
    case QBJ_DO_SETTLE_BY_RECORD:
        modelSettle(context, *world);
        return;
    case QBJ_DO_CLEAN_OFFLINE:
    case QBJ_DO_EMIT_FINAL:
    case QBJ_DO_EMIT_FAILED:
    case QBJ_DO_EMIT_READY:
    case QBJ_DO_DROP:
    case QBJ_DO_RETRY_LATER:
    case QBJ_DO_NOTHING:
    case QBJ_DO_REPORT:
        modelEndAction(context, *world);
        return;
    default:
        break;
    }

    /* all others talk to QEMU */
    if (!world->vm)
        modelResult(context, *world, QBJ_EVENT_VM_GONE, "no QEMU", MODEL_STEP_PROGRESS);
    else
        modelQemuAction(context, *world);
}
