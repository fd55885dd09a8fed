/* What the daemon does with a group between two actions. A member moves by the rows of the table; some of
 * them make the others move as well. */
#include <config.h>

#include "internal.h"
#include "model_group.h"
#include "job_group.h"

static void
modelGroupEmit(modelContext *context, const modelGroup *world, const char *label, modelStepKind kind)
{
    context->next(world, label, kind, context->opaque);
}

/* The action of @disk ends. */
void
modelGroupResult(modelContext *context, modelGroup world, size_t disk, int event, const char *label,
                 modelStepKind kind)
{
    world.action[disk] = world.pc = 0;
    world.event[disk] = event < 0 ? 0 : 1 + event;
    if (event == MODEL_LATER && !world.ending)
        world.later |= 1 << disk;
    modelGroupEmit(context, &world, label, kind);
}

void
modelGroupSave(modelContext *context, modelGroup *world, const modelGroupRecord *record)
{
    guint8 gone = world->saved.live & ~record->live;

    modelViolate(context, gone & world->root & ~world->strange, "4: old is saved after a successful finalize");
    world->saved = *record;
}

/* ---- the table ---- */

static bool
modelGroupIsBefore(qbjJobState state)
{
    return state == QBJ_STATE_PIVOTING || state == QBJ_STATE_PENDING;
}

static qbjJobEvent
modelGroupOther(const modelContext *context, const modelGroup *world, size_t disk, qbjJobEvent event, size_t other)
{
    qbjJobEvent its = qbjJobGroupOther(world->mem.state[disk], event, world->mem.state[other]);

    if ((context->mistake == MODEL_GROUP_EACH_SWITCHES && its == QBJ_EVENT_SAVED) ||
        (context->mistake == MODEL_GROUP_CALLS_ONE_OFF && its == QBJ_EVENT_TIMEOUT))
        return QBJ_EVENT_LAST;
    return its;
}

static void
modelGroupMoveOne(modelContext *context, modelGroup *world, size_t disk, qbjJobEvent event, bool act)
{
    const qbjJobMove *move = context->find(QBJ_KIND_A, world->mem.state[disk], event);

    if (event == QBJ_EVENT_NEW || event == QBJ_EVENT_OLD) {
        world->mem.known |= 1 << disk;
        world->mem.outcome = (world->mem.outcome & ~(1 << disk)) | (event == QBJ_EVENT_NEW ? 1 << disk : 0);
    }
    world->seen = move->next != QBJ_STATE_PENDING ? world->seen & ~(1 << disk)
        : event == QBJ_EVENT_PENDING ? world->seen | 1 << disk : world->seen;
    if (world->mem.state[disk] != move->next) {
        world->again &= ~(1 << disk);
        world->later &= ~(1 << disk);
        world->half &= ~(1 << disk);
    }
    world->mem.state[disk] = move->next;
    world->event[disk] = 0;
    world->action[disk] = act ? 1 + move->action : 0;
}

/* All that move do so before the first of their actions, and by one save. */
static void
modelGroupFeed(modelContext *context, modelGroup world, size_t disk)
{
    qbjJobEvent event = world.event[disk] - 1;
    const qbjJobMove *move;
    modelGroup after;
    size_t i;

    event = qbjJobGroupEvent(world.mem.state[disk], event);
    move = context->find(QBJ_KIND_A, world.mem.state[disk], event);
    after = world;
    if (!move) {
        after.event[disk] = 0;
        modelGroupEmit(context, &after, "no row", MODEL_STEP_PROGRESS);
        return;
    }

    modelViolate(context, move->save == QBJ_SAVE_DONE && context->mistake != MODEL_GROUP_EACH_SWITCHES &&
                 (world.saved.live & world.saved.there) != world.saved.there,
                 "2: a move says that its record is saved, and it is not");
    for (i = 0; i < MODEL_DISKS; i++) {
        qbjJobEvent others = i != disk && world.mem.there & (1 << i)
            ? modelGroupOther(context, &world, disk, event, i) : QBJ_EVENT_LAST;

        if (others == QBJ_EVENT_LAST)
            continue;
        if (context->mistake == MODEL_GROUP_ONE_BY_ONE && others == QBJ_EVENT_SAVED)
            after.event[i] = 1 + others;
        else                            /* one of them puts the files back, for all */
            modelGroupMoveOne(context, &after, i, others, others != QBJ_EVENT_SAVE_HALF);
    }
    modelGroupMoveOne(context, &after, disk, event, true);
    if (move->save == QBJ_SAVE_BEFORE) {
        modelGroup refused = world;

        refused.event[disk] = 0;
        if (event != QBJ_EVENT_PIVOT && event != QBJ_EVENT_CANCEL && !world.ending)
            refused.later |= 1 << disk;
        if (!world.ending || event != QBJ_EVENT_OK)
            modelGroupEmit(context, &refused, "the record cannot be saved", MODEL_STEP_FAULT);
        modelGroupSave(context, &after, &after.mem);
    }
    modelGroupEmit(context, &after, "table", MODEL_STEP_PROGRESS);
}

/* ---- an idle daemon ---- */

static void
modelGroupIdleOne(modelContext *context, const modelGroup *world, size_t disk)
{
    const struct {
        guint8 set;
        int event;
        const char *label;
    } news[] = {
        { world->news, modelGroupStatus(world, disk), "event of QEMU" },
        { world->again, QBJ_EVENT_TIMEOUT, "timer" },
        { world->later, QBJ_EVENT_RESUME, "timer: resume" },
        { world->half, QBJ_EVENT_SAVE_HALF, "timer: half saved" },
        { world->pivot && modelGroupIsBefore(world->mem.state[disk]) && !world->renamed ? MODEL_ALL : 0,
          QBJ_EVENT_TIMEOUT, "timer of the pivot" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(news); i++) {
        modelGroup next = *world;
        guint8 bit = 1 << disk;

        if (!(news[i].set & bit))
            continue;
        next.news &= i == 0 ? ~bit : 0xff;
        next.again &= i == 1 ? ~bit : 0xff;
        next.later &= i == 2 ? ~bit : 0xff;
        next.half &= i == 3 ? ~bit : 0xff;
        next.pivot = i == 4 ? 0 : next.pivot;
        if (world->mem.there & bit)
            next.event[disk] = news[i].event < 0 ? 0 : 1 + news[i].event;
        modelGroupEmit(context, &next, news[i].label, MODEL_STEP_PROGRESS);
    }
}

/* All mirrors are ready: they are pivoted. Else those that are left are given up. */
static void
modelGroupClient(modelContext *context, const modelGroup *world)
{
    modelGroup next = *world;
    guint8 ready = 0;
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++)
        ready |= world->mem.there & (1 << i) && world->mem.state[i] == QBJ_STATE_READY ? 1 << i : 0;
    if (ready == MODEL_ALL) {
        next.event[0] = 1 + QBJ_EVENT_PIVOT;
        next.pivot = 1;
        modelGroupEmit(context, &next, "client: pivot", MODEL_STEP_CLIENT);
    } else if (ready) {
        next.event[ready - 1] = 1 + QBJ_EVENT_CANCEL;
        modelGroupEmit(context, &next, "client: abort", MODEL_STEP_CLIENT);
    }
}

static void
modelGroupEveryone(modelGroup *world, qbjJobEvent event)
{
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++)
        world->event[i] = world->mem.there & (1 << i) ? 1 + event : 0;
}

/* The end of the VM: the status file goes when all is settled. */
static void
modelGroupStop(modelContext *context, modelGroup world)
{
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        if (world.mem.there & (1 << i) && world.mem.state[i] == QBJ_STATE_SETTLING_OFFLINE) {
            world.event[i] = 1 + QBJ_EVENT_VM_GONE;
            modelGroupEmit(context, &world, "the end of the VM is tried again", MODEL_STEP_PROGRESS);
            return;
        }
    }
    memset(&world.mem, 0, sizeof(world.mem));
    memset(&world.saved, 0, sizeof(world.saved));
    modelGroupEmit(context, &world, "the end of the VM", MODEL_STEP_PROGRESS);
}

static void
modelGroupIdle(modelContext *context, const modelGroup *world)
{
    modelGroup next = *world;
    size_t i;

    if (world->ending) {
        modelGroupStop(context, *world);
        return;
    }
    if (!world->vm) {
        next.ending = 1;
        next.news = next.again = next.later = next.half = next.pivot = 0;
        modelGroupEveryone(&next, QBJ_EVENT_VM_GONE);
        modelGroupEmit(context, &next, "QEMU has gone", MODEL_STEP_PROGRESS);
        return;
    }
    for (i = 0; i < MODEL_DISKS; i++)
        modelGroupIdleOne(context, world, i);
    modelGroupClient(context, world);
}

/* ---- at any time ---- */

static bool
modelGroupSwitches(const modelContext *context, const modelGroup *world)
{
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        if (world->event[i] == 1 + QBJ_EVENT_SAVED)
            return context->mistake != MODEL_GROUP_ONE_BY_ONE;
        if (world->event[i] == 1 + QBJ_EVENT_SAVE_HALF || world->action[i] == 1 + QBJ_DO_SWITCH ||
            world->action[i] == 1 + QBJ_DO_UNSWITCH || world->action[i] == 1 + QBJ_DO_SWITCH_FINALIZE)
            return true;
    }
    return false;
}

static void
modelGroupOtherSave(modelContext *context, modelGroup world)
{
    if (!world.saved.there || world.ending || modelGroupSwitches(context, &world))
        return;
    modelGroupSave(context, &world, &world.mem);
    modelGroupEmit(context, &world, "the status file is saved", MODEL_STEP_PROGRESS);
}

static void
modelGroupDies(modelContext *context, modelGroup world)
{
    memset(&world.mem, 0, sizeof(world.mem));
    memset(world.event, 0, sizeof(world.event));
    memset(world.action, 0, sizeof(world.action));
    world.up = world.def = world.dirty = world.seen = world.renamed = world.done = world.ending = world.pc = 0;
    world.again = world.later = world.half = world.pivot = world.news = 0;
    modelGroupEmit(context, &world, "the daemon dies", MODEL_STEP_FAULT);
}

static void
modelGroupComesBack(modelContext *context, modelGroup world)
{
    world.up = 1;
    world.mem = world.saved;
    world.def = world.named;
    world.ending = !world.vm;
    modelGroupEveryone(&world, world.vm ? QBJ_EVENT_RESUME : QBJ_EVENT_VM_GONE);
    modelGroupEmit(context, &world, "the daemon starts", MODEL_STEP_PROGRESS);
}

/* All actions of one move before what any of them has led to: a guest that waits for each disk is let go
 * soon. */
static bool
modelGroupGoesOn(modelContext *context, const modelGroup *world)
{
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        if (world->action[i]) {
            modelGroupDo(context, world, i);
            return true;
        }
    }
    for (i = 0; i < MODEL_DISKS; i++) {
        if (world->event[i] && world->mem.there & (1 << i)) {
            modelGroupFeed(context, *world, i);
            return true;
        }
    }
    return false;
}

void
modelGroupSteps(modelContext *context, const void *opaque)
{
    const modelGroup *world = opaque;

    if (!world->up) {
        modelGroupComesBack(context, *world);
    } else {
        if (!modelGroupGoesOn(context, world))
            modelGroupIdle(context, world);
        modelGroupOtherSave(context, *world);
        modelGroupDies(context, *world);
    }
    modelGroupQemuSteps(context, world);
}
