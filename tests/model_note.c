/* The note for a crash of the host (engine_note.c), and what the next start makes of it (vm_leftover.c). */
#include <config.h>

#include "internal.h"
#include "model_world.h"

/* The job has begun; without a note nothing is promised of what a crash of the host leaves. */
void
modelNoteKeep(modelContext *context, modelWorld world)
{
    modelWorld failed = world;

    failed.keep = world.keep = 0;
    failed.open = 1;
    modelEmit(context, &failed, "the note cannot be written", MODEL_STEP_FAULT);
    world.note = 1;
    modelEmit(context, &world, "the note is written", MODEL_STEP_PROGRESS);
}

/* Only with @durable it cannot come back. */
void
modelNoteForget(const modelContext *context, modelWorld *world, bool durable)
{
    world->note = 0;
    if (durable && context->mistake != MODEL_NOTE_NOT_SYNCED)
        world->noted = 0;
}

/* Whether the next start removes what the note names, when the persistent definition names new or old. */
static bool
modelNoteDecides(const modelContext *context, bool new)
{
    bool copy = context->setup->type == QBJ_TYPE_COPY;

    if (context->mistake == MODEL_NOTE_ASKS_NOBODY)
        return true;
    return new != copy || context->mistake == MODEL_NOTE_ASKS_FOR_NEW;
}

/* The host has crashed; @new is what the definition says, and @note what there is. */
static const char *
modelNoteCrash(const modelContext *context, const modelWorld *world, bool new, bool note)
{
    bool copy = context->setup->type == QBJ_TYPE_COPY;
    bool removed = note && modelNoteDecides(context, new);

    if (removed && !copy && !new)
        return "5: after a crash of the host the next start removes images of the chain";
    if (removed && copy && new)
        return "5: after a crash of the host the next start removes the image that the definition names";
    if (removed && copy && world->told && world->target)
        return "5: after a crash of the host the next start removes a copy that is its client's";
    if (removed || !world->mem.acked || world->keep || world->open || note != world->note)
        return NULL;
    if (copy ? world->target && !new : world->files && new)
        return "9: a crash of the host leaves a file that no note names";
    return NULL;
}

/* What was not synced may be there after the crash, or not. */
const char *
modelNoteCheck(const modelContext *context, const modelWorld *world)
{
    const char *broken = NULL;
    unsigned int i;

    if (!context->setup->notes)
        return NULL;
    for (i = 0; i < 4 && !broken; i++)
        broken = modelNoteCrash(context, world, i & 1 ? world->named : world->durable,
                                i & 2 ? world->note : world->noted);
    return broken;
}
