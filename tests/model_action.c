/* Carrying an action out: one part after the other, and what its end means to the daemon. The parts are those
 * of src/qemu_blockjob/engine: engine_do_start.c, engine_do_run.c, engine_switch.c, engine_do_end.c. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* The end of a VM starts no timers. */
void
modelArm(modelWorld *world, guint8 timer)
{
    if (!world->ending)
        world->timers |= timer;
}

/* The action ends. */
void
modelResult(modelContext *context, modelWorld world, int event, const char *label, modelStepKind kind)
{
    world.busy = world.pc = world.action = 0;
    world.event = event < 0 ? 0 : 1 + event;
    if (event == MODEL_LATER)
        modelArm(&world, MODEL_TIMER_RESUME);
    if (event == MODEL_RETRY)
        modelArm(&world, MODEL_TIMER_TIMEOUT);
    modelEmit(context, &world, label, kind);
}

/* A part of the action is done, there are more. */
void
modelGoOn(modelContext *context, modelWorld world, const char *label)
{
    world.pc++;
    modelEmit(context, &world, label, MODEL_STEP_PROGRESS);
}

/* What an action ends with when QEMU does not answer. */
static int
modelSilence(const modelWorld *world)
{
    switch ((qbjJobAction) world->action) {
    case QBJ_DO_START:
        return QBJ_EVENT_TIMEOUT;
    case QBJ_DO_PREPARE:
    case QBJ_DO_UNDO_PREPARE:
    case QBJ_DO_PREFLUSH:
    case QBJ_DO_FINISH:
    case QBJ_DO_CLEAN:
        return QBJ_EVENT_FAILED;
    case QBJ_DO_READ_OUTCOME:
    case QBJ_DO_LOOK_AT_ROOT:
        return MODEL_RETRY;
    case QBJ_DO_DISMISS_STRAY:
        return world->pc == 0 ? MODEL_NOTHING : QBJ_EVENT_FAILED;
    case QBJ_DO_FLUSH_FINALIZE:
        return world->pc == 1 || world->pc == 2 ? QBJ_EVENT_FAILED : MODEL_LATER;
    case QBJ_DO_PUT_GRAPH_BACK:
        return QBJ_EVENT_NEITHER;
    default:
        return MODEL_LATER;
    }
}

/* Nothing was done, as far as anybody knows. */
void
modelNoAnswer(modelContext *context, modelWorld world)
{
    bool fault = modelAnswers(&world);

    modelResult(context, world, modelSilence(&world), world.vm ? "QEMU does not answer" : "there is no QEMU",
                fault ? MODEL_STEP_FAULT : MODEL_STEP_PROGRESS);
}

/* QEMU has carried out the last command of an action: @world is after it, and @event says so. */
void
modelCommand(modelContext *context, modelWorld world, int event, const char *label)
{
    modelResult(context, world, event, label, MODEL_STEP_PROGRESS);
    modelResult(context, world, modelSilence(&world), label, MODEL_STEP_SILENCE);
}

static void
modelDrop(modelContext *context, modelWorld world, bool event)
{
    if (event && !world.ending) {
        world.told = 1;
        world.finals++;
    }
    if (context->setup->notes)
        modelNoteForget(context, &world, false);
    world.mem.exists = world.temps = world.timers = world.again = world.letgo = world.keep = world.settled = 0;
    memset(world.queue, 0, sizeof(world.queue));
    if (!world.ending) {
        modelResult(context, world, MODEL_NOTHING, "the record is dropped, but not saved", MODEL_STEP_FAULT);
        modelSaveRecord(context, &world, world.mem.state);
    }
    modelResult(context, world, MODEL_NOTHING, "the record is dropped", MODEL_STEP_PROGRESS);
}

static void
modelEmitReady(modelContext *context, modelWorld world)
{
    if (!world.mem.ready) {
        world.mem.ready = 1;
        world.readies++;
    }
    modelResult(context, world, MODEL_NOTHING, "READY is sent", MODEL_STEP_PROGRESS);
}

void
modelAction(modelContext *context, const modelWorld *world)
{
    modelWorld next = *world;

    switch ((qbjJobAction) world->action) {
    case QBJ_DO_PREPARE:
    case QBJ_DO_START:
    case QBJ_DO_UNDO_PREPARE:
    case QBJ_DO_UNDO_HOST:
    case QBJ_DO_DISMISS_STRAY:
        modelDoStart(context, next);
        break;
    case QBJ_DO_SWITCH:
    case QBJ_DO_UNSWITCH:
    case QBJ_DO_SWITCH_FINALIZE:
    case QBJ_DO_SETTLE:
    case QBJ_DO_SETTLE_OLD:
    case QBJ_DO_SETTLE_NEW:
    case QBJ_DO_SETTLE_BY_RECORD:
        modelDoSave(context, next);
        break;
    case QBJ_DO_READ_OUTCOME:
    case QBJ_DO_LOOK_AT_ROOT:
    case QBJ_DO_PUT_GRAPH_BACK:
    case QBJ_DO_FINISH:
    case QBJ_DO_CLEAN:
    case QBJ_DO_CLEAN_OFFLINE:
        modelDoEnd(context, next);
        break;
    case QBJ_DO_EMIT_READY:
        modelEmitReady(context, next);
        break;
    case QBJ_DO_EMIT_FAILED:
        modelDrop(context, next, next.mem.acked);
        break;
    case QBJ_DO_EMIT_FINAL:
        modelDrop(context, next, true);
        break;
    case QBJ_DO_DROP:
        modelDrop(context, next, false);
        break;
    case QBJ_DO_RETRY_LATER:
        modelArm(&next, MODEL_TIMER_TIMEOUT);
        modelResult(context, next, MODEL_NOTHING, "it will be tried again", MODEL_STEP_PROGRESS);
        break;
    case QBJ_DO_NOTHING:
    case QBJ_DO_REPORT:
        modelResult(context, next, MODEL_NOTHING, "nothing to do", MODEL_STEP_PROGRESS);
        break;
    default:
        modelDoCommand(context, next);
        break;
    }
}
