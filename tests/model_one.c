/* One disk's world, as the search sees it. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

static void
modelOneStart(const modelContext *context, void *world)
{
    *(modelWorld *) world = modelStart(context->setup);
}

static void
modelOneSteps(modelContext *context, const void *world)
{
    modelDaemonSteps(context, world);
    modelQemuSteps(context, world);
}

static const char *
modelOneCheck(const modelContext *context, const void *world)
{
    return modelCheck(context, world);
}

static bool
modelOneIsHeld(const modelContext *context, const void *world)
{
    return modelIsHeld(context, world);
}

static bool
modelOneIsEnd(const void *world)
{
    return modelIsEnd(world);
}

static char *
modelOneText(const void *world)
{
    return modelText(world);
}

static char *
modelOneRow(const void *from, const void *to, const char *label)
{
    const modelWorld *before = from;
    const modelWorld *after = to;

    if (STREQ(label, "no row"))
        return g_strdup_printf("%s changes nothing in %s", qbjJobEventTypeToString(before->event - 1),
                               qbjJobStateTypeToString(before->mem.state));
    if (STREQ(label, "table"))
        return g_strdup_printf("%s x %s -> %s, do %s", qbjJobStateTypeToString(before->mem.state),
                               qbjJobEventTypeToString(before->event - 1), qbjJobStateTypeToString(after->mem.state),
                               qbjJobActionTypeToString(after->action));
    return NULL;
}

const modelFace modelOneFace = {
    .size = sizeof(modelWorld), .start = modelOneStart, .steps = modelOneSteps, .check = modelOneCheck,
    .isHeld = modelOneIsHeld, .isEnd = modelOneIsEnd, .text = modelOneText, .row = modelOneRow,
};
