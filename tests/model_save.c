/* Actions that save the two definitions: engine_switch.c, and what engine_do_end.c settles. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* ---- one file ---- */

/* P becomes what memory says; durable only with modelSyncPersistent(). */
static void
modelRenamePersistent(modelContext *context, modelWorld *world)
{
    modelCheckSave(context, world, world->named, world->def);
    world->named = world->def;
}

static void
modelSyncPersistent(const modelContext *context, modelWorld *world)
{
    if (context->mistake == MODEL_NO_SYNC)
        return;
    world->durable = world->named;
    world->noted = world->note;
}

/* Parts @first and @first + 1 of an action: P is saved. The action ends with @failed when that is not
 * possible. */
static void
modelSavePersistent(modelContext *context, modelWorld world, unsigned int first, int failed)
{
    if (world.pc == first) {
        modelResult(context, world, failed, "the persistent definition cannot be written", MODEL_STEP_FAULT);
        modelRenamePersistent(context, &world);
        modelGoOn(context, world, "persistent definition renamed");
    } else {
        modelResult(context, world, failed, "its folder cannot be synced", MODEL_STEP_FAULT);
        modelSyncPersistent(context, &world);
        modelGoOn(context, world, "persistent definition durable");
    }
}

/* ---- the two renames of a pivot ---- */

/* Memory has followed the files. */
static void
modelSwitched(modelContext *context, modelWorld world)
{
    world.mem.live = world.def = world.done = 1;
    world.temps = 0;
    modelResult(context, world, QBJ_EVENT_SAVED, "persistent definition durable", MODEL_STEP_PROGRESS);
}

/* Parts @first to @first + 2. What fails before the first rename was issued can be called off. */
static void
modelRenames(modelContext *context, modelWorld world, unsigned int first, int failed, int half)
{
    bool skip;

    switch (world.pc - first) {
    case 0:
        modelResult(context, world, world.renamed ? half : failed, "the status file cannot be renamed",
                    MODEL_STEP_FAULT);
        world.renamed = world.mem.half = 1;
        skip = context->mistake == MODEL_P_FIRST_ONLY;
        if (!skip) {
            modelWorld as = world;

            as.mem.live = 1;
            modelSaveRecord(context, &as, QBJ_STATE_COMMITTED);
            world.saved = as.saved;
        }
        modelResult(context, world, half, "status file renamed, its folder cannot be synced", MODEL_STEP_FAULT);
        modelGoOn(context, world, "status file renamed");
        break;
    case 1:
        modelResult(context, world, half, "the persistent definition cannot be renamed", MODEL_STEP_FAULT);
        if (context->mistake == MODEL_S_FIRST_ONLY) {
            modelSwitched(context, world);
            return;
        }
        modelCheckSave(context, &world, world.named, true);
        world.named = 1;
        modelGoOn(context, world, "persistent definition renamed");
        break;
    default:
        modelResult(context, world, half, "its folder cannot be synced", MODEL_STEP_FAULT);
        modelSyncPersistent(context, &world);
        modelSwitched(context, world);
        break;
    }
}

static void
modelSwitch(modelContext *context, modelWorld world)
{
    int failed = world.renamed ? QBJ_EVENT_SAVE_HALF : QBJ_EVENT_SAVE_FAILED;
    int late = world.renamed ? QBJ_EVENT_SAVE_HALF : QBJ_EVENT_TIMEOUT;

    switch (world.pc) {
    case 0:
        modelResult(context, world, failed, "the bitmaps cannot be merged", MODEL_STEP_FAULT);
        modelGoOn(context, world, world.vm ? "bitmaps merged" : "there are no bitmaps");
        break;
    case 1:
        world.temps = 0;
        modelResult(context, world, failed, "temporary files cannot be written", MODEL_STEP_FAULT);
        modelResult(context, world, late, "a disk does not answer in time", MODEL_STEP_FAULT);
        world.temps = 1;
        modelGoOn(context, world, "temporary files written");
        break;
    default:
        modelRenames(context, world, 2, failed, QBJ_EVENT_SAVE_HALF);
        break;
    }
}

/* ---- back again ---- */

/* What the persistent definition in memory is to be; whether it must be saved (engine_switch.c). What an
 * earlier daemon has renamed may not be durable: new is saved again by each daemon. */
static bool
modelSetPersistent(const modelContext *context, modelWorld *world, bool new)
{
    bool save = new ? !world->done : world->mem.half || world->renamed;

    if (new && world->def && context->mistake == MODEL_TRUSTS_RENAME)
        save = false;
    if (!new && !world->def && context->mistake == MODEL_TRUSTS_MEMORY)
        save = false;
    if (!new && !world->def && !world->renamed && context->mistake == MODEL_TRUSTS_BACK)
        save = false;
    if (save)
        world->def = new;
    return save;
}

/* Neither back nor forward: once more, later. */
static void
modelUnswitchFailed(modelContext *context, modelWorld world, const char *label)
{
    modelArm(&world, MODEL_TIMER_SAVE_HALF);
    modelResult(context, world, MODEL_NOTHING, label, MODEL_STEP_FAULT);
}

/* Parts 0 to 2: back; what fails there goes to part 3: forward. */
static void
modelUnswitch(modelContext *context, modelWorld world)
{
    modelWorld forward;

    if (world.pc == 0) {
        world.renamed = 1;                      /* perhaps by an earlier daemon */
        modelSetPersistent(context, &world, false);
        world.mem.live = world.done = 0;
    }
    forward = world;
    forward.pc = 3;

    switch (world.pc) {
    case 0:
        if (!world.named && !world.durable) {   /* the engine may know that it has not been replaced */
            forward.pc = 2;
            modelEmit(context, &forward, "the persistent definition is the old one", MODEL_STEP_PROGRESS);
            forward.pc = 3;
        }
        modelEmit(context, &forward, "the persistent definition cannot be written", MODEL_STEP_FAULT);
        modelRenamePersistent(context, &world);
        modelGoOn(context, world, "persistent definition renamed back");
        break;
    case 1:
        modelEmit(context, &forward, "its folder cannot be synced", MODEL_STEP_FAULT);
        modelSyncPersistent(context, &world);
        modelGoOn(context, world, "persistent definition durable");
        break;
    case 2:
        modelEmit(context, &forward, "the status file cannot be saved", MODEL_STEP_FAULT);
        modelSaveRecord(context, &world, world.mem.state);
        world.renamed = world.mem.half = 0;
        modelResult(context, world, QBJ_EVENT_SAVE_FAILED, "status file is the old one", MODEL_STEP_PROGRESS);
        break;
    case 3:
        modelUnswitchFailed(context, world, "temporary files cannot be written");
        world.temps = 1;
        modelGoOn(context, world, "temporary files written");
        break;
    default:
        forward = world;
        modelArm(&forward, MODEL_TIMER_SAVE_HALF);
        modelRenames(context, forward, 4, MODEL_NOTHING, MODEL_NOTHING);
        break;
    }
}

/* ---- after a restart ---- */

static void
modelSwitchFinalize(modelContext *context, modelWorld world)
{
    switch (world.pc) {
    case 0:
        modelNoAnswer(context, world);
        if (modelAnswers(&world) && world.job != MODEL_JOB_PENDING)
            modelResult(context, world, modelStatus(&world), "query-jobs", MODEL_STEP_PROGRESS);
        else if (modelAnswers(&world))
            modelGoOn(context, world, "query-jobs: it is pending");
        break;
    case 1:
        world.def = 1;
        modelSavePersistent(context, world, 1, QBJ_EVENT_SAVE_HALF);
        break;
    case 2:
        modelSavePersistent(context, world, 1, QBJ_EVENT_SAVE_HALF);
        break;
    case 3:
        modelResult(context, world, QBJ_EVENT_SAVE_HALF, "the status file cannot be saved", MODEL_STEP_FAULT);
        modelSaveRecord(context, &world, world.mem.state);
        modelGoOn(context, world, "status file saved");
        break;
    default:
        modelDoFinalize(context, world);
        break;
    }
}

/* ---- the outcome ---- */

static bool
modelOutcome(const modelWorld *world)
{
    if (world->action == QBJ_DO_SETTLE_OLD)
        return false;
    if (world->action == QBJ_DO_SETTLE_NEW)
        return true;
    if (world->action == QBJ_DO_SETTLE || world->mem.known)
        return world->mem.outcome;
    return world->done || world->mem.live;
}

static bool
modelSettlePersistent(const modelContext *context, modelWorld *world)
{
    bool new = world->mem.outcome;

    if (context->kind == QBJ_KIND_A)
        return modelSetPersistent(context, world, new);
    if (context->kind == QBJ_KIND_C || !new || world->mem.live)
        return false;
    world->def = 1;
    return true;
}

/* Whether both files say so already: new, by this daemon's renames; old, as a client wanted it, when there
 * were none. */
static bool
modelIsSaved(const modelContext *context, const modelWorld *world)
{
    if (context->kind != QBJ_KIND_A)
        return false;
    if (context->mistake == MODEL_TRUSTS_SAVE)
        return true;
    if (world->dirty || world->settled)
        return false;
    return world->mem.outcome ? world->done : !world->done && !world->renamed && !world->mem.half;
}

/* What an aborted copy has made is its client's from now on. */
static void
modelSettleNote(modelContext *context, modelWorld *world)
{
    bool early = context->mistake == MODEL_NOTE_FORGOTTEN_EARLY;

    if (!context->setup->notes || (world->mem.outcome && !early))
        return;
    world->open = !world->mem.outcome;
    if (world->note || world->noted)
        modelResult(context, *world, QBJ_EVENT_SAVE_FAILED, "the note cannot be removed", MODEL_STEP_FAULT);
    modelNoteForget(context, world, !world->mem.outcome);
}

/* Memory follows: from now on the record says what is on disk. */
static void
modelSettled(modelContext *context, modelWorld world)
{
    bool saved = world.action == QBJ_DO_SETTLE && modelIsSaved(context, &world);

    world.dirty = 0;
    modelSettleNote(context, &world);

    if (context->kind == QBJ_KIND_A)
        world.mem.live = world.mem.outcome;
    else if (context->kind == QBJ_KIND_B && world.mem.outcome)
        world.mem.live = 1;
    world.done = world.renamed = world.temps = world.mem.half = 0;
    world.settled = !saved && world.action == QBJ_DO_SETTLE;
    if (saved)
        modelResult(context, world, QBJ_EVENT_SAVED, "settled: as it is saved", MODEL_STEP_PROGRESS);
    else
        modelResult(context, world, QBJ_EVENT_OK, world.mem.outcome ? "settled: new" : "settled: old",
                    MODEL_STEP_PROGRESS);
}

static void
modelSettle(modelContext *context, modelWorld world)
{
    if (world.pc == 0) {
        world.mem.outcome = modelOutcome(&world);
        world.mem.known = 1;
        modelViolate(context, context->kind == QBJ_KIND_C && world.mem.outcome && !world.newGood,
                     "1: an image that is not whole or not flushed is called complete");
        world.dirty = modelSettlePersistent(context, &world) || world.dirty;
        modelResult(context, world, QBJ_EVENT_FAILED, "the definition cannot be changed", MODEL_STEP_FAULT);
        if (world.dirty && context->mistake != MODEL_SETTLE_BLINDLY)
            modelGoOn(context, world, "the persistent definition is to be saved");
        else
            modelSettled(context, world);
    } else if (world.pc < 3) {
        modelSavePersistent(context, world, 1, QBJ_EVENT_SAVE_FAILED);
    } else {
        modelSettled(context, world);
    }
}

void
modelDoSave(modelContext *context, modelWorld world)
{
    switch ((qbjJobAction) world.action) {
    case QBJ_DO_SWITCH:
        modelSwitch(context, world);
        break;
    case QBJ_DO_UNSWITCH:
        modelUnswitch(context, world);
        break;
    case QBJ_DO_SWITCH_FINALIZE:
        modelSwitchFinalize(context, world);
        break;
    default:
        modelSettle(context, world);
        break;
    }
}
