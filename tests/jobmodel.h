/* A small model of one block job's world: QEMU's job, the two definitions on disk, the daemon that drives the
 * real table of core/job.h, and everything that can go wrong between two steps.
 *
 * The invariants are those of the block-job protocol as far as they concern one job:
 *   1  after every crash the chain that is chosen offline has all acknowledged writes
 *   2  finalize of a switching job: both definitions are new and durable; cancel while pending: neither is
 *   new 3  finalize of a shortening job: the written image is flushed, the parent writable
 *   4  after a successful finalize old is not saved, after a cancel or an error new is not saved
 *   5  a file is removed only when no definition, no live node and no later step of recovery needs it
 *   6  a held guest goes on within bounded steps, also across a restart of the daemon
 *   7  after job-complete no soft cancel; nothing is asked of the nodes of a job that has concluded
 *   8  one outcome for each job, whatever is repeated
 *   9  at the end no job, node, right or record is left, and the final event was sent
 *
 * The guest writes whenever it can, so a chain that is not written to is stale at once. A crash of the host
 * loses the status file: then the persistent definition alone must name a valid chain, at every instant. */
#pragma once

#include "internal.h"
#include "job.h"

typedef enum {
    MODEL_JOB_NONE,
    MODEL_JOB_RUNNING,
    MODEL_JOB_READY,
    MODEL_JOB_PENDING,
    MODEL_JOB_CONCLUDED,
} modelJob;

/* What the daemon knows of the job, in memory or in the status file. */
typedef struct _modelRecord modelRecord;
struct _modelRecord {
    guint8 exists;
    guint8 state;               /* qbjJobState */
    guint8 new;                 /* the live definition names new */
    guint8 known;               /* outcome is known ... */
    guint8 outcomeNew;          /* ... and is new */
    guint8 soft;                /* recorded kind of cancel */
    guint8 ack;                 /* the start call returned success */
};

#define MODEL_QUEUE 8

/* Bytes only, all of them always set, so that two worlds can be compared as memory. */
typedef struct _modelWorld modelWorld;
struct _modelWorld {
    modelRecord saved;          /* status file */
    guint8 persistentNew;       /* persistent definition */

    guint8 up;                  /* the daemon runs */
    modelRecord mem;
    guint8 busy;                /* carries an action out ... */
    guint8 action;              /* ... this one ... */
    guint8 pc;                  /* ... and is at this step of it */
    guint8 event;               /* 1 + qbjJobEvent to be fed next, or 0 */
    guint8 timer;
    guint8 queue[MODEL_QUEUE];  /* 1 + qbjJobEvent that QEMU has sent */

    guint8 vm;                  /* QEMU runs */
    guint8 job;                 /* modelJob */
    guint8 completing;          /* job-complete was accepted */
    guint8 softCancelled;
    guint8 forced;
    guint8 failed;              /* the job ended with an error */
    guint8 rootNew;             /* the guest uses new (A); the graph is new (B) */
    guint8 equal;               /* A: guest held, both chains are the same; B, C: the written image is
                                 * flushed */
    guint8 parentWritable;
    guint8 nodes;               /* the removed images are still open */
    guint8 prepared;            /* access rights are raised */

    guint8 files;               /* the removed images still exist */
    guint8 finals;              /* final events sent */

    /* how much may still go wrong */
    guint8 daemonDeaths;
    guint8 vmDeaths;
    guint8 saveFailures;
    guint8 otherFailures;
    guint8 timeouts;
    guint8 blips;
};

typedef struct _modelSetup modelSetup;
struct _modelSetup {
    const char *name;
    qbjJobType type;
    bool softCancel;            /* a cancel in READY is the soft one */
    bool finalizeFails;         /* the failure budget may be spent on a finalize that fails in QEMU */
    modelWorld start;           /* budgets */
};

/* How a step is to be seen when asking whether the world goes on by itself. */
typedef enum {
    MODEL_STEP_PROGRESS,
    MODEL_STEP_CLIENT,          /* needs a client */
    MODEL_STEP_FAULT,
} modelStepKind;

typedef struct _modelContext modelContext;
struct _modelContext {
    const modelSetup *setup;
    qbjJobKind kind;
    const char *violation;      /* set by a step that breaks an invariant */
    const qbjJobMove *(*find)(qbjJobKind kind, qbjJobState state, qbjJobEvent event);
    /* called with each world that can follow */
    void (*next)(const modelWorld *world, const char *label, modelStepKind kind, void *opaque);
    void *opaque;
};

modelWorld modelStart(const modelSetup *setup);

/* Produces all worlds that can follow @world in one step. */
void modelSteps(modelContext *context, const modelWorld *world);

/* The next step of the action that the daemon is at. */
void modelAction(modelContext *context, const modelWorld *world);

/* Parts of a step, for the files of the model. @event: qbjJobEvent that the action ends with, or -1:
 * QEMU's follow. */
void modelResult(modelContext *context, modelWorld world, int event, const char *label, modelStepKind kind);
void modelFail(modelContext *context, modelWorld world, int event, const char *label);
void modelGoOn(modelContext *context, modelWorld world, const char *label);
void modelStartAction(modelContext *context, modelWorld world);
void modelCommandAction(modelContext *context, modelWorld world);
void modelQueryPending(modelContext *context, modelWorld world);
void modelFinalize(modelContext *context, modelWorld world);
bool modelIsAlive(const modelWorld *world);
void modelViolate(modelContext *context, bool broken, const char *what);
void modelEmit(modelContext *context, const modelWorld *world, const char *label, modelStepKind kind);
void modelPush(modelWorld *world, qbjJobEvent event);
void modelConclude(modelWorld *world, bool failed);
void modelCheckDefinition(modelContext *context, const modelWorld *world, bool was, bool new);
int modelStatus(const modelWorld *world);

/* What must hold in every world; NULL when it does. */
const char *modelCheck(const modelContext *context, const modelWorld *world);

/* The job and its record are gone and nothing is on its way. */
bool modelIsEnd(const modelWorld *world);

/* The guest's I/O is held. */
bool modelIsHeld(const modelContext *context, const modelWorld *world);

/* One line for a trace. */
char *modelText(const modelWorld *world);
