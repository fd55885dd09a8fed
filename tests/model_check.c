/* The invariants of the block-job protocol, as far as one job can break them.
 *
 *   1  after every crash the chain that the definition (B: and the image's header) names has every write that
 *      the guest was told of
 *   2  finalize of a switching job: both definitions are new and durable; cancel while pending: neither is
 *   3  finalize of a shortening job: the written image is flushed, the parent writable
 *   4  after a successful finalize old is not saved, after a cancel or an error new is not saved
 *   5  a file is removed only when no definition, no node and no later recovery needs it
 *   6  a held guest goes on by itself, also across a restart of the daemon
 *   7  after job-complete no soft cancel; no question for nodes when a pull has concluded
 *   8  one outcome for each job, whatever is repeated
 *   9  at the end no job, node, right, file or record is left; the final event was sent, once
 *  11  a guest that was stopped for a pivot goes on, and one that a client has suspended does not; 1 holds
 *      then for a finalize that fails as well
 *  10  after every crash all disks of a group are new, or all are old: model_group_world.c
 *
 * 6 and "the job can end" are about all that can follow, and checked by model_explore.c. */
#include <config.h>

#include "internal.h"
#include "model_world.h"

void
modelViolate(modelContext *context, bool broken, const char *what)
{
    if (broken && !context->violation)
        context->violation = what;
}

/* 4. @was, @now: what the file that is being saved names. */
void
modelCheckSave(modelContext *context, const modelWorld *world, bool was, bool now)
{
    if (context->kind != QBJ_KIND_A || was == now || world->strange)
        return;

    modelViolate(context, !now && world->root, "4: old is saved after a successful finalize");
    modelViolate(context, now && world->vm && world->job == MODEL_JOB_CONCLUDED && !world->root,
                 "4: new is saved after a cancel or an error");
}

/* 1: the host dies now. S is gone; of a rename that was not synced nobody knows. */
static const char *
modelCheckCrash(const modelContext *context, const modelWorld *world)
{
    bool mayBeOld = !world->named || !world->durable;
    bool mayBeNew = world->named || world->durable;

    if (context->kind == QBJ_KIND_C || !modelMayDie(context, world))
        return NULL;
    if (mayBeOld && !world->oldGood)
        return "1: a crash now, and the persistent definition names the old chain, which is not good";
    if (mayBeNew && !world->newGood)
        return "1: a crash now, and the persistent definition names the new chain, which is not good";
    if (context->kind == QBJ_KIND_B && !world->strange && (world->header ? !world->newGood : !world->oldGood))
        return "1: a crash now, and the image's header names a chain that is not good";

    return NULL;
}

static const char *
modelCheckEnd(const modelContext *context, const modelWorld *world)
{
    if (world->temps)
        return "9: a temporary file is left";
    if (world->rights)
        return "9: an access right is left";
    if (!world->vm)
        return NULL;
    if (world->stopped != world->wanted)
        return world->stopped ? "11: the guest stands still, and no client wants that" :
            "11: the guest runs, and a client has suspended it";
    if (world->mem.paused != world->wanted)
        return "11: clients do not see what they have made of the guest";

    if (world->job != MODEL_JOB_NONE)
        return "9: a job is left in QEMU";
    if (context->kind != QBJ_KIND_C && (world->mem.live != world->root || world->named != world->root))
        return "9: a definition does not say what the guest uses";
    if (world->added || (world->nodes && world->root && context->kind != QBJ_KIND_C))
        return "9: nodes are left";
    if (!world->nodes && !world->root)
        return "9: nodes that the guest uses are gone";
    if (context->kind != QBJ_KIND_C && world->root && world->files)
        return "9: a file is left";
    if (world->mem.acked && !world->told)
        return "9: the final event was not sent";

    return NULL;
}

const char *
modelCheck(const modelContext *context, const modelWorld *world)
{
    const char *broken = modelCheckCrash(context, world);

    if (!broken)
        broken = modelNoteCheck(context, world);
    if (broken)
        return broken;
    if (!world->saved.exists && world->job != MODEL_JOB_NONE && !world->mem.exists)
        return "9: QEMU has a job that no record knows";
    if (world->finals > 1 || world->readies > 1)
        return "8: an event was sent twice";

    return modelIsEnd(world) ? modelCheckEnd(context, world) : NULL;
}
