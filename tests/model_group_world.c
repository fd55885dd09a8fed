/* What a group's world is, what must hold in it, and QEMU. */
#include <config.h>

#include "internal.h"
#include "model_group.h"
#include "job_group.h"

static void
modelGroupStart(const modelContext *context G_GNUC_UNUSED, void *opaque)
{
    modelGroup *world = opaque;
    size_t i;

    world->up = world->vm = 1;
    world->oldGood = world->mem.there = MODEL_ALL;
    for (i = 0; i < MODEL_DISKS; i++) {
        world->mem.state[i] = QBJ_STATE_READY;
        world->job[i] = MODEL_JOB_READY;
    }
    world->saved = world->mem;
}

guint8
modelGroupFate(const modelGroupRecord *record)
{
    guint8 fate = 0;
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        guint8 bit = 1 << i;

        if (record->there & bit ? qbjJobGroupGoesNew(record->state[i], record->known & bit, record->outcome & bit,
                                                     record->live & bit) : record->live & bit)
            fate |= bit;
    }
    return fate;
}

int
modelGroupStatus(const modelGroup *world, size_t disk)
{
    switch ((modelJob) world->job[disk]) {
    case MODEL_JOB_READY:
        return world->forced & (1 << disk) ? MODEL_NOTHING : QBJ_EVENT_READY;
    case MODEL_JOB_PENDING:
        return QBJ_EVENT_PENDING;
    case MODEL_JOB_CONCLUDED:
        return QBJ_EVENT_CONCLUDED;
    case MODEL_JOB_RUNNING:
    case MODEL_JOB_NONE:
        break;
    }
    return QBJ_EVENT_GONE;
}

static bool
modelGroupHolds(const modelGroup *world, size_t disk)
{
    return world->vm && (world->job[disk] == MODEL_JOB_PENDING ||
                         (world->job[disk] == MODEL_JOB_READY && world->completing & (1 << disk)));
}

static bool
modelGroupIsHeld(const modelContext *context G_GNUC_UNUSED, const void *opaque)
{
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++) {
        if (modelGroupHolds(opaque, i))
            return true;
    }
    return false;
}

static bool
modelGroupIsEnd(const void *opaque)
{
    const modelGroup *world = opaque;

    return world->up && !world->mem.there && !world->saved.there;
}

/* ---- what must hold ---- */

static bool
modelGroupIsOne(guint8 mask)
{
    return mask == 0 || mask == MODEL_ALL;
}

/* A finalize that fails after another one has not leaves the group in parts, each of them right (protocol 8);
 * but as with one disk, not when QEMU or the host dies before our files have followed. */
static const char *
modelGroupCheck(const modelContext *context G_GNUC_UNUSED, const void *opaque)
{
    const modelGroup *world = opaque;
    guint8 fate = modelGroupFate(&world->saved);
    guint8 mayBeNew = world->named | world->durable;
    guint8 mayBeOld = ~(world->named & world->durable) & MODEL_ALL;

    if (world->strange)
        return NULL;
    if ((mayBeOld & ~world->oldGood) || (mayBeNew & ~world->newGood))
        return "1: a crash now, and the persistent definition names a chain that is not good";
    if (!modelGroupIsOne(world->named) || !modelGroupIsOne(world->durable))
        return "10: the persistent definition names new for one disk, and old for another one";
    if (!world->saved.there && !world->vm)
        return NULL;                    /* the status file is gone */
    if ((fate & ~world->newGood) || (~fate & MODEL_ALL & ~world->oldGood))
        return "1: QEMU dies now, and the record names a chain that is not good";
    if (!modelGroupIsOne(fate))
        return "10: the record makes one disk new, and another one old";
    if (modelGroupIsEnd(world) && world->vm && (world->mem.live != world->root || world->named != world->root))
        return "9: a definition does not say what the guest uses";
    return NULL;
}

/* ---- QEMU and the guest ---- */

static void
modelGroupStep(modelContext *context, const modelGroup *world, const char *label, modelStepKind kind)
{
    context->next(world, label, kind, context->opaque);
}

static void
modelGroupQemuOne(modelContext *context, const modelGroup *world, size_t disk)
{
    modelGroup next = *world;
    guint8 bit = 1 << disk;

    if (world->job[disk] == MODEL_JOB_READY) {
        next.completing &= ~bit;
        next.forced &= ~bit;
        next.news |= world->up ? bit : 0;
        next.job[disk] = MODEL_JOB_CONCLUDED;
        modelGroupStep(context, &next, "a mirror ends", world->forced & bit ? MODEL_STEP_PROGRESS : MODEL_STEP_FAULT);
        next.job[disk] = MODEL_JOB_PENDING;
        next.newGood |= bit;
        if (world->completing & bit && !(world->forced & bit))
            modelGroupStep(context, &next, "a mirror is pending", MODEL_STEP_PROGRESS);
    }
    if (!modelGroupHolds(world, disk)) {
        next = *world;
        *(world->root & bit ? &next.oldGood : &next.newGood) &= ~bit;
        modelGroupStep(context, &next, "the guest writes", MODEL_STEP_PROGRESS);
    }
}

void
modelGroupQemuSteps(modelContext *context, const modelGroup *world)
{
    modelGroup next = *world;
    size_t i;

    if (!world->vm)
        return;
    for (i = 0; i < MODEL_DISKS; i++)
        modelGroupQemuOne(context, world, i);
    memset(next.job, 0, sizeof(next.job));
    next.vm = next.completing = next.forced = next.news = 0;
    modelGroupStep(context, &next, "QEMU dies", MODEL_STEP_FAULT);
}

/* ---- in a trace ---- */

static char *
modelGroupRecordText(const modelGroupRecord *record)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < MODEL_DISKS; i++)
        g_string_append_printf(text, "%s%s%s", i > 0 ? ", " : "",
                               record->there & (1 << i) ? qbjJobStateTypeToString(record->state[i]) : "-",
                               record->live & (1 << i) ? " new" : "");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
modelGroupText(const void *opaque)
{
    static const char *const jobs[] = { "no job", "running", "ready", "PENDING", "concluded" };
    const modelGroup *world = opaque;
    g_autofree char *mem = modelGroupRecordText(&world->mem);
    g_autofree char *saved = modelGroupRecordText(&world->saved);

    return g_strdup_printf("daemon: %s; S: %s; P: new for %x, durable %x; QEMU: %s, %s, on new: %x; "
                           "good: old %x, new %x",
                           world->up ? mem : "dead", saved, world->named, world->durable,
                           world->vm ? jobs[world->job[0]] : "dead", world->vm ? jobs[world->job[1]] : "dead",
                           world->root, world->oldGood, world->newGood);
}

static char *
modelGroupRow(const void *from, const void *to, const char *label)
{
    const modelGroup *before = from;
    const modelGroup *after = to;
    size_t i;

    if (STRNEQ(label, "table"))
        return NULL;
    for (i = 0; i + 1 < MODEL_DISKS && !(before->event[i] && before->mem.there & (1 << i)); i++)
        ;
    return g_strdup_printf("disk %zu: %s x %s -> %s", i, qbjJobStateTypeToString(before->mem.state[i]),
                           qbjJobEventTypeToString(before->event[i] - 1), qbjJobStateTypeToString(after->mem.state[i]));
}

const modelFace modelGroupFace = {
    .size = sizeof(modelGroup), .start = modelGroupStart, .steps = modelGroupSteps, .check = modelGroupCheck,
    .isHeld = modelGroupIsHeld, .isEnd = modelGroupIsEnd, .text = modelGroupText, .row = modelGroupRow,
};
