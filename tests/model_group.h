/* Several disks whose pivots are one decision (protocol 8), as a world of its own: two disks, from the moment
 * that both mirrors are ready. What one disk does alone is proved by model_world.h, so it is kept short here:
 * one part for each action, but for those that the group shares. The rows are those of the same table; what
 * the group adds to them is core/job_group.h.
 *
 * A mask has a bit for each disk. */
#pragma once

#include "model_world.h"

#define MODEL_DISKS 2
#define MODEL_ALL ((1 << MODEL_DISKS) - 1)

/* What the daemon knows, in memory and in the status file S. */
typedef struct _modelGroupRecord modelGroupRecord;
struct _modelGroupRecord {
    guint8 there;               /* mask: the record exists */
    guint8 state[MODEL_DISKS];  /* qbjJobState */
    guint8 live;                /* mask: the live definition names new */
    guint8 half;                /* a rename was issued */
    guint8 known;               /* mask: the outcome is known ... */
    guint8 outcome;             /* ... and is new */
};

typedef struct _modelGroup modelGroup;
struct _modelGroup {
    modelGroupRecord saved;     /* S: a crash of the host loses it */
    guint8 named;               /* mask: P names new */
    guint8 durable;             /* mask: after a crash of the host */
    guint8 oldGood;             /* mask: the chain has all that the guest was told is written */
    guint8 newGood;

    guint8 up;                  /* the daemon */
    modelGroupRecord mem;
    guint8 def;                 /* mask: the persistent definition in memory names new ... */
    guint8 dirty;               /* ... and is to be saved */
    guint8 seen;                /* mask: this daemon has heard from QEMU that it is pending */
    guint8 renamed;             /* the first rename was issued */
    guint8 done;                /* both were, by this daemon */
    guint8 ending;              /* it knows that QEMU has gone */
    guint8 event[MODEL_DISKS];  /* 1 + qbjJobEvent to be fed next */
    guint8 action[MODEL_DISKS]; /* 1 + qbjJobAction to be carried out, the first disk's first ... */
    guint8 pc;                  /* ... at this part */
    guint8 again;               /* masks of timers: TIMEOUT, RESUME, SAVE_HALF */
    guint8 later;
    guint8 half;
    guint8 pivot;               /* the time of the pivot runs */

    guint8 vm;                  /* QEMU */
    guint8 job[MODEL_DISKS];    /* modelJob */
    guint8 completing;          /* mask */
    guint8 forced;              /* mask: took a forced cancel, not ended yet */
    guint8 root;                /* mask: the guest uses new */
    guint8 news;                /* mask: an event of QEMU waits */
    guint8 strange;             /* mask: finalize ended on old */
};

extern const modelFace modelGroupFace;

/* model_group.c: carries out what comes next */
void modelGroupSteps(modelContext *context, const void *world);
void modelGroupResult(modelContext *context, modelGroup world, size_t disk, int event, const char *label,
                      modelStepKind kind);
void modelGroupSave(modelContext *context, modelGroup *world, const modelGroupRecord *record);

/* model_group_do.c: the next part of the action of @disk */
void modelGroupDo(modelContext *context, const modelGroup *world, size_t disk);

/* model_group_world.c */
guint8 modelGroupFate(const modelGroupRecord *record);      /* mask: what a record makes of it without QEMU */
int modelGroupStatus(const modelGroup *world, size_t disk);
void modelGroupQemuSteps(modelContext *context, const modelGroup *world);
