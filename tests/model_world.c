/* What a world of the model is, and what it looks like in a trace. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* The daemon comes back and finds a record that it does not understand. */
static void
modelStartBroken(modelWorld *world)
{
    world->up = world->event = 0;
    world->job = MODEL_JOB_RUNNING;
    world->added = world->rights = 1;
    world->saved = world->mem;
    world->saved.state = QBJ_STATE_BROKEN;
    memset(&world->mem, 0, sizeof(world->mem));
}

modelWorld
modelStart(const modelSetup *setup)
{
    modelWorld world;

    memset(&world, 0, sizeof(world));
    world.up = world.vm = world.nodes = world.files = world.oldGood = 1;
    world.mem.exists = 1;
    world.mem.state = QBJ_STATE_PLANNED;
    world.event = 1 + QBJ_EVENT_BEGIN;
    if (setup->unreadable)
        modelStartBroken(&world);
    if (setup->stock)
        modelStockStart(&world);
    return world;
}

bool
modelAnswers(const modelWorld *world)
{
    return world->vm && !world->late;
}

bool
modelIsPull(const modelContext *context)
{
    return context->setup->type == QBJ_TYPE_PULL;
}

bool
modelIsAlive(const modelWorld *world)
{
    return world->job == MODEL_JOB_RUNNING || world->job == MODEL_JOB_READY || world->job == MODEL_JOB_PENDING;
}

bool
modelIsHeld(const modelContext *context, const modelWorld *world)
{
    return context->kind == QBJ_KIND_A && world->vm &&
        (world->job == MODEL_JOB_PENDING || (world->job == MODEL_JOB_READY && world->completing && !world->paused) ||
         (world->stopped && !world->wanted));
}

bool
modelIsEnd(const modelWorld *world)
{
    return world->up && !world->mem.exists && !world->saved.exists && !world->late;
}

int
modelStatus(const modelWorld *world)
{
    switch ((modelJob) world->job) {
    case MODEL_JOB_RUNNING:
        return world->forced ? MODEL_NOTHING : QBJ_EVENT_RUNNING;   /* forced: "aborting" */
    case MODEL_JOB_READY:
        return world->forced ? MODEL_NOTHING : QBJ_EVENT_READY;
    case MODEL_JOB_PENDING:
        return QBJ_EVENT_PENDING;
    case MODEL_JOB_CONCLUDED:
        return QBJ_EVENT_CONCLUDED;
    case MODEL_JOB_NONE:
        break;
    }

    return QBJ_EVENT_GONE;
}

/* Nobody can help it when somebody else switches the device, or QEMU by itself for a stock daemon (or
 * finalize fails, which no QEMU was seen to do: H12), and QEMU dies before our definitions have followed. So
 * that is left out; and only that. Who has the guest stop need not fear it. */
bool
modelMayDie(const modelContext *context, const modelWorld *world)
{
    return context->kind != QBJ_KIND_A || !world->strange || (context->setup->stops && !world->open) ||
        (world->named == world->root && world->durable == world->root && world->saved.live == world->root &&
         (!world->saved.known || world->saved.outcome == world->root));
}

static const char *
modelJobText(const modelWorld *world)
{
    static const char *const texts[] = { "no job", "running", "ready", "PENDING", "concluded" };
    static const char *const paused[] = { "no job", "paused", "standby", "PENDING", "concluded" };

    return world->paused ? paused[world->job] : texts[world->job];
}

static char *
modelDaemonText(const modelWorld *world)
{
    const char *doing = world->busy ? qbjJobActionTypeToString(world->action) : "";

    if (!world->up)
        return g_strdup("dead");
    if (!world->mem.exists)
        return g_strdup("no job");
    return g_strdup_printf("%s%s%s%s", qbjJobStateTypeToString(world->mem.state), world->busy ? " does " : "", doing,
                           world->mem.live ? " (live new)" : "");
}

static const char *
modelGuestText(const modelWorld *world)
{
    if (!world->stopped)
        return "";
    return world->hold ? ", guest held" : ", guest stopped";
}

char *
modelText(const modelWorld *world)
{
    g_autofree char *daemon = modelDaemonText(world);

    return g_strdup_printf("daemon: %s; S: %s%s; P: %s%s; QEMU: %s%s%s%s%s%s, %s%s; old %s, new %s%s%s%s",
                           daemon,
                           world->saved.exists ? qbjJobStateTypeToString(world->saved.state) : "-",
                           world->saved.live ? " new" : "",
                           world->named ? "new" : "old",
                           world->named == world->durable ? "" : " (not durable)",
                           world->vm ? modelJobText(world) : "dead",
                           world->completing ? " completing" : "", world->softly ? " softly cancelled" : "",
                           world->forced ? " aborting" : "", world->failed ? " error" : "",
                           world->strange ? " not ours" : "",
                           world->root ? "on new" : "on old",
                           modelGuestText(world),
                           world->oldGood ? "good" : "BAD", world->newGood ? "good" : "BAD",
                           world->header ? ", header new" : "", world->files ? "" : ", unlinked",
                           world->note ? ", note" : world->noted ? ", note (not durable)" : "");
}
