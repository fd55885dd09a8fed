/* Actions of the table, for a member of a group. What is done once, for all of them: the two renames of the
 * pivot, their way back, and the persistent definition when QEMU has gone. */
#include <config.h>

#include "internal.h"
#include "model_group.h"

typedef struct _modelGroupAt modelGroupAt;
struct _modelGroupAt {
    modelContext *context;
    size_t disk;
    guint8 bit;
    guint8 set;                 /* the disks that are switched together */
};

static void
modelGroupEnds(const modelGroupAt *at, modelGroup world, int event, const char *label)
{
    modelGroupResult(at->context, world, at->disk, event, label, MODEL_STEP_PROGRESS);
}

static void
modelGroupFails(const modelGroupAt *at, modelGroup world, int event, const char *label)
{
    modelGroupResult(at->context, world, at->disk, event, label, MODEL_STEP_FAULT);
}

static void
modelGroupGoOn(const modelGroupAt *at, modelGroup world, guint8 pc, const char *label)
{
    world.pc = pc;
    at->context->next(&world, label, MODEL_STEP_PROGRESS, at->context->opaque);
}

/* Nothing was done, as far as anybody knows. */
static void
modelGroupSilence(const modelGroupAt *at, modelGroup world, int event)
{
    modelGroupResult(at->context, world, at->disk, event, "QEMU does not answer",
                     world.vm ? MODEL_STEP_FAULT : MODEL_STEP_PROGRESS);
}

/* ---- the files ---- */

static void
modelGroupName(const modelGroupAt *at, modelGroup *world, guint8 names)
{
    guint8 back = world->named & ~names;
    guint8 forth = names & ~world->named;
    size_t i;

    modelViolate(at->context, back & world->root & ~world->strange, "4: old is saved after a successful finalize");
    for (i = 0; i < MODEL_DISKS; i++)
        modelViolate(at->context, forth & (1 << i) && world->vm && world->job[i] == MODEL_JOB_CONCLUDED &&
                     !(world->root & (1 << i)), "4: new is saved after a cancel or an error");
    world->named = names;
}

static void
modelGroupSync(const modelGroupAt *at, modelGroup *world)
{
    if (at->context->mistake != MODEL_GROUP_NO_SYNC)
        world->durable = world->named;
}

/* An older daemon may have ended the job of one that it has recorded as PENDING. */
static bool
modelGroupAllPending(const modelGroupAt *at, const modelGroup *world)
{
    bool seen = world->seen == MODEL_ALL || at->context->mistake == MODEL_GROUP_TRUSTS_RECORD;
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        if (!(world->mem.there & (1 << i)) || world->mem.state[i] != QBJ_STATE_PENDING)
            return false;
    }
    return seen;
}

/* Parts @first to @first + 2: S, P, and P's folder. @failed, @half: what the action ends with before and
 * after the first rename. */
static void
modelGroupRenames(const modelGroupAt *at, modelGroup world, guint8 first, int failed, int half)
{
    modelGroupRecord record;
    size_t i;

    switch (world.pc - first) {
    case 0:
        modelGroupFails(at, world, world.renamed ? half : failed, "the status file cannot be renamed");
        world.renamed = world.mem.half = 1;
        record = world.mem;
        record.live |= at->set;
        for (i = 0; i < MODEL_DISKS; i++) {
            if (at->set & (1 << i))
                record.state[i] = QBJ_STATE_COMMITTED;
        }
        modelGroupSave(at->context, &world, &record);
        modelGroupFails(at, world, half, "status file renamed, its folder cannot be synced");
        modelGroupGoOn(at, world, world.pc + 1, "status file renamed");
        break;
    case 1:
        modelGroupFails(at, world, half, "the persistent definition cannot be renamed");
        modelGroupName(at, &world, world.named | at->set);
        modelGroupGoOn(at, world, world.pc + 1, "persistent definition renamed");
        break;
    default:
        modelGroupFails(at, world, half, "its folder cannot be synced");
        modelGroupSync(at, &world);
        world.mem.live |= at->set;
        world.def |= at->set;
        world.done = 1;
        modelGroupEnds(at, world, QBJ_EVENT_SAVED, "persistent definition durable");
        break;
    }
}

/* The last one that gets to PENDING does it for all. */
static void
modelGroupSwitch(const modelGroupAt *at, modelGroup world)
{
    int failed = world.renamed ? QBJ_EVENT_SAVE_HALF : QBJ_EVENT_SAVE_FAILED;

    if (at->context->mistake != MODEL_GROUP_EACH_SWITCHES && !modelGroupAllPending(at, &world)) {
        modelGroupEnds(at, world, MODEL_NOTHING, "another disk is not so far");
    } else if (world.pc == 0) {
        modelGroupFails(at, world, failed, "bitmaps or temporary files cannot be made");
        modelGroupFails(at, world, world.renamed ? QBJ_EVENT_SAVE_HALF : QBJ_EVENT_TIMEOUT, "a disk does not answer");
        modelGroupGoOn(at, world, 1, "bitmaps merged, temporary files written");
    } else {
        modelGroupRenames(at, world, 1, failed, QBJ_EVENT_SAVE_HALF);
    }
}

/* Neither back nor forward. */
static void
modelGroupStuck(const modelGroupAt *at, modelGroup world, const char *label)
{
    modelGroup forward = world;

    world.half |= at->bit;
    modelGroupFails(at, world, MODEL_NOTHING, label);
    forward.pc = 3;
    if (modelGroupAllPending(at, &forward))
        at->context->next(&forward, label, MODEL_STEP_FAULT, at->context->opaque);
}

static void
modelGroupUnswitch(const modelGroupAt *at, modelGroup world)
{
    modelGroup forward = world;

    switch (world.pc) {
    case 0:
        world.renamed = 1;              /* perhaps by an earlier daemon */
        world.mem.live &= ~at->set;
        world.def &= ~at->set;
        world.done = 0;
        modelGroupStuck(at, world, "the persistent definition cannot be written");
        modelGroupName(at, &world, world.named & ~at->set);
        modelGroupGoOn(at, world, 1, "persistent definition renamed back");
        break;
    case 1:
        modelGroupStuck(at, world, "its folder cannot be synced");
        modelGroupSync(at, &world);
        modelGroupGoOn(at, world, 2, "persistent definition durable");
        break;
    case 2:
        modelGroupStuck(at, world, "the status file cannot be saved");
        world.mem.half = 0;
        modelGroupSave(at->context, &world, &world.mem);
        world.renamed = 0;
        modelGroupEnds(at, world, QBJ_EVENT_SAVE_FAILED, "status file is the old one");
        break;
    default:
        forward.half |= at->bit;
        modelGroupRenames(at, forward, 3, MODEL_NOTHING, MODEL_NOTHING);
        break;
    }
}

/* ---- commands ---- */

/* All of them are new, or none: 2 and 10. */
static void
modelGroupFinalize(const modelGroupAt *at, modelGroup world)
{
    guint8 ended = world.strange | (MODEL_ALL & ~world.saved.there);
    modelGroup error;

    modelGroupSilence(at, world, MODEL_LATER);
    if (!world.vm)
        return;
    if (world.job[at->disk] != MODEL_JOB_PENDING) {
        modelGroupEnds(at, world, QBJ_EVENT_FAILED, "job-finalize is refused");
        return;
    }
    modelViolate(at->context, (world.durable | world.strange) != MODEL_ALL || (world.saved.live | ended) != MODEL_ALL,
                 "2: finalize while a definition does not name new for each disk, or is not durable");
    world.job[at->disk] = MODEL_JOB_CONCLUDED;
    world.news |= at->bit;
    error = world;
    world.root |= at->bit;
    modelGroupEnds(at, world, QBJ_EVENT_NEW, "job-finalize, and the question for the outcome");
    modelGroupEnds(at, world, MODEL_NOTHING, "job-finalize");
    modelGroupResult(at->context, world, at->disk, MODEL_LATER, "job-finalize", MODEL_STEP_SILENCE);
    if (at->context->setup->finalizeFails) {
        error.strange |= at->bit;
        modelGroupFails(at, error, MODEL_NOTHING, "job-finalize ends with an error");
    }
}

/* Once one of them was finalized the decision is durable, and there is nothing to be saved again. */
static void
modelGroupSwitchFinalize(const modelGroupAt *at, modelGroup world)
{
    bool last = at->context->mistake == MODEL_GROUP_GOES_BACK_LATE;
    size_t i;

    switch (world.pc) {
    case 0:
        modelGroupSilence(at, world, MODEL_LATER);
        if (!world.vm)
            return;
        if (world.job[at->disk] != MODEL_JOB_PENDING) {
            modelGroupEnds(at, world, modelGroupStatus(&world, at->disk), "query-jobs");
            return;
        }
        for (i = 0; i < MODEL_DISKS && world.job[i] == MODEL_JOB_PENDING; i++)
            ;
        modelGroupGoOn(at, world, i == MODEL_DISKS || last ? 1 : 4, "query-jobs: it is pending");
        break;
    case 1:
        world.def |= at->context->mistake == MODEL_GROUP_SAVES_ONE_AGAIN ? at->bit : at->set;
        modelGroupFails(at, world, QBJ_EVENT_SAVE_HALF, "the persistent definition cannot be written");
        modelGroupName(at, &world, world.def);
        modelGroupGoOn(at, world, 2, "persistent definition renamed");
        break;
    case 2:
        modelGroupFails(at, world, QBJ_EVENT_SAVE_HALF, "its folder cannot be synced");
        modelGroupSync(at, &world);
        modelGroupGoOn(at, world, 3, "persistent definition durable");
        break;
    case 3:
        modelGroupFails(at, world, QBJ_EVENT_SAVE_HALF, "the status file cannot be saved");
        modelGroupSave(at->context, &world, &world.mem);
        modelGroupGoOn(at, world, 4, "status file saved");
        break;
    default:
        modelGroupFinalize(at, world);
        break;
    }
}

static void
modelGroupComplete(const modelGroupAt *at, modelGroup world)
{
    modelGroupSilence(at, world, MODEL_LATER);
    if (!world.vm)
        return;
    if (world.job[at->disk] != MODEL_JOB_READY || world.forced & at->bit) {
        modelGroupEnds(at, world, QBJ_EVENT_FAILED, "job-complete is refused");
        return;
    }
    modelGroupFails(at, world, QBJ_EVENT_FAILED, "job-complete is refused");
    world.completing |= at->bit;
    modelGroupEnds(at, world, MODEL_NOTHING, "job-complete");
    modelGroupResult(at->context, world, at->disk, MODEL_LATER, "job-complete", MODEL_STEP_SILENCE);
}

static void
modelGroupCompleteAgain(const modelGroupAt *at, modelGroup world)
{
    modelGroupSilence(at, world, MODEL_LATER);
    if (!world.vm)
        return;
    if (world.job[at->disk] != MODEL_JOB_READY) {
        modelGroupEnds(at, world, modelGroupStatus(&world, at->disk), "query-jobs");
        return;
    }
    world.pivot = 1;
    modelGroupFails(at, world, QBJ_EVENT_TIMEOUT, "a disk does not answer");
    world.completing |= world.forced & at->bit ? 0 : at->bit;
    modelGroupEnds(at, world, MODEL_NOTHING, "job-complete once more");
}

static void
modelGroupForced(const modelGroupAt *at, modelGroup world)
{
    guint8 *job = &world.job[at->disk];

    modelGroupSilence(at, world, MODEL_LATER);
    if (!world.vm)
        return;
    if (*job == MODEL_JOB_NONE || *job == MODEL_JOB_CONCLUDED) {
        modelGroupEnds(at, world, QBJ_EVENT_FAILED, "job-cancel is refused");
        return;
    }
    modelViolate(at->context, *job == MODEL_JOB_PENDING && (world.named | world.durable | world.saved.live) & at->bit,
                 "2: cancel while a definition names new");
    if (*job == MODEL_JOB_PENDING) {
        *job = MODEL_JOB_CONCLUDED;
        world.news |= at->bit;
    } else {
        world.forced |= at->bit;
    }
    modelGroupEnds(at, world, MODEL_NOTHING, "job-cancel");
}

/* ---- the outcome ---- */

/* Without QEMU the persistent definition follows at once for all disks that the record sends the same way. */
static void
modelGroupSettle(const modelGroupAt *at, modelGroup world, qbjJobAction action)
{
    guint8 fate = modelGroupFate(&world.mem);
    guint8 set = at->bit;
    bool new = action == QBJ_DO_SETTLE ? world.mem.outcome & at->bit : fate & at->bit;

    if (world.pc == 0) {
        if (action != QBJ_DO_SETTLE && at->context->mistake != MODEL_GROUP_SETTLES_ONE)
            set |= world.mem.there & (new ? fate : ~fate);
        world.mem.known |= at->bit;
        world.mem.outcome = (world.mem.outcome & ~at->bit) | (new ? at->bit : 0);
        world.dirty |= new ? !world.done : (world.def & set) || world.renamed || world.mem.half;
        world.def = new ? world.def | set : world.def & ~set;
        if (world.dirty) {
            modelGroupGoOn(at, world, 1, "the persistent definition is to be saved");
            return;
        }
    } else if (world.pc == 1) {
        modelGroupFails(at, world, QBJ_EVENT_SAVE_FAILED, "the persistent definition cannot be written");
        modelGroupName(at, &world, world.def);
        modelGroupGoOn(at, world, 2, "persistent definition renamed");
        return;
    } else {
        modelGroupFails(at, world, QBJ_EVENT_SAVE_FAILED, "its folder cannot be synced");
        modelGroupSync(at, &world);
    }
    world.dirty = 0;
    world.mem.live = (world.mem.live & ~at->bit) | (world.mem.outcome & at->bit);
    modelGroupEnds(at, world, QBJ_EVENT_OK, world.mem.outcome & at->bit ? "settled: new" : "settled: old");
}

static void
modelGroupFinish(const modelGroupAt *at, modelGroup world)
{
    modelGroupSilence(at, world, QBJ_EVENT_FAILED);
    if (!world.vm)
        return;
    if (world.job[at->disk] == MODEL_JOB_CONCLUDED)
        world.job[at->disk] = MODEL_JOB_NONE;
    modelGroupEnds(at, world, QBJ_EVENT_OK, "nodes deleted, job dismissed");
}

static void
modelGroupDrop(const modelGroupAt *at, modelGroup world)
{
    world.mem.there &= ~at->bit;
    world.mem.known &= ~at->bit;
    world.mem.outcome &= ~at->bit;
    world.mem.state[at->disk] = 0;
    world.again &= ~at->bit;
    world.later &= ~at->bit;
    world.half &= ~at->bit;
    if (!world.mem.there)
        world.pivot = world.renamed = world.done = world.mem.half = world.dirty = 0;
    if (!world.ending) {
        modelGroupFails(at, world, MODEL_NOTHING, "the record is dropped, but not saved");
        modelGroupSave(at->context, &world, &world.mem);
    }
    modelGroupEnds(at, world, MODEL_NOTHING, "the record is dropped");
}

void
modelGroupDo(modelContext *context, const modelGroup *world, size_t disk)
{
    modelGroupAt at = { context, disk, 1 << disk,
                        context->mistake == MODEL_GROUP_EACH_SWITCHES ? 1 << disk : world->mem.there };
    qbjJobAction action = world->action[disk] - 1;
    modelGroup next = *world;

    switch (action) {
    case QBJ_DO_SEND_COMPLETE:
        modelGroupComplete(&at, next);
        break;
    case QBJ_DO_COMPLETE_AGAIN:
        modelGroupCompleteAgain(&at, next);
        break;
    case QBJ_DO_SEND_FORCED:
    case QBJ_DO_SEND_CANCEL:
    case QBJ_DO_CANCEL_AGAIN:
        modelGroupForced(&at, next);
        break;
    case QBJ_DO_SWITCH:
        modelGroupSwitch(&at, next);
        break;
    case QBJ_DO_UNSWITCH:
        modelGroupUnswitch(&at, next);
        break;
    case QBJ_DO_FINALIZE:
        modelGroupFinalize(&at, next);
        break;
    case QBJ_DO_SWITCH_FINALIZE:
        modelGroupSwitchFinalize(&at, next);
        break;
    case QBJ_DO_QUERY:
        modelGroupSilence(&at, next, MODEL_LATER);
        if (world->vm)
            modelGroupEnds(&at, next, modelGroupStatus(world, disk), "query-jobs");
        break;
    case QBJ_DO_LOOK_AT_ROOT:
        next.again |= world->ending ? 0 : at.bit;
        modelGroupSilence(&at, next, MODEL_NOTHING);
        next.again = world->again;
        if (world->vm)
            modelGroupEnds(&at, next, world->root & at.bit ? QBJ_EVENT_NEW : QBJ_EVENT_OLD, "qom-get");
        break;
    case QBJ_DO_SETTLE:
    case QBJ_DO_SETTLE_OLD:
    case QBJ_DO_SETTLE_NEW:
    case QBJ_DO_SETTLE_BY_RECORD:
        modelGroupSettle(&at, next, action);
        break;
    case QBJ_DO_FINISH:
        modelGroupFinish(&at, next);
        break;
    case QBJ_DO_CLEAN:
    case QBJ_DO_CLEAN_OFFLINE:
        modelGroupEnds(&at, next, QBJ_EVENT_OK, "cleaned");
        break;
    case QBJ_DO_EMIT_FINAL:
        modelGroupDrop(&at, next);
        break;
    case QBJ_DO_RETRY_LATER:
        next.again |= world->ending ? 0 : at.bit;
        modelGroupEnds(&at, next, MODEL_NOTHING, "it will be tried again");
        break;
    default:
        modelGroupEnds(&at, next, MODEL_NOTHING, "nothing to do");
        break;
    }
}
