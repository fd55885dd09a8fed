/* One disk, one block job, and all that the protocol is about, as a record of small numbers: a world.
 *
 * A step makes one world of another: the daemon carries out one part of an action of the job table, QEMU goes
 * on by itself, the guest writes, a client asks for something, somebody else interferes, something fails or
 * dies. Nothing counts how often: whatever may happen once may happen any number of times.
 *
 * What is left out, and how a trace is read: docs/kbase/internals/testing.rst, "The model". */
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

/* What the daemon knows of the job: in memory, and in the status file S. */
typedef struct _modelRecord modelRecord;
struct _modelRecord {
    guint8 exists;
    guint8 state;               /* qbjJobState */
    guint8 live;                /* the live definition names new */
    guint8 half;                /* A: a rename was issued; the record has the old disk */
    guint8 known;               /* the outcome is known ... */
    guint8 outcome;             /* ... and is new */
    guint8 soft;                /* recorded kind of cancel */
    guint8 acked;               /* the start call returned success */
    guint8 ready;               /* the READY event was sent */
    guint8 stop;                /* the guest may be stopped for it */
    guint8 paused;              /* what clients see of the guest */
};

#define MODEL_QUEUE 8

/* The engine's timers that are set; all but the pivot's belong to the state that they were set in. */
#define MODEL_TIMER_TIMEOUT 1
#define MODEL_TIMER_RESUME 2
#define MODEL_TIMER_SAVE_HALF 4
#define MODEL_TIMER_PIVOT 8

/* Bytes only, so that two worlds are compared as memory. A flag about a chain: 0 is old, 1 is new. */
typedef struct _modelWorld modelWorld;
struct _modelWorld {
    /* files of the host */
    modelRecord saved;          /* S: a crash of the host loses it */
    guint8 named;               /* P names new */
    guint8 durable;             /* P names new after a crash of the host */
    guint8 temps;               /* temporary files beside them */
    guint8 files;               /* the images that leave the chain still exist */
    guint8 rights;              /* access that the job was given */
    guint8 target;              /* the file of a copy that was made for it */
    guint8 note;                /* the note for a crash of the host is there ... */
    guint8 noted;               /* ... and was when its folder was synced last */

    /* what is on disk in the images */
    guint8 oldGood;             /* the old chain has all that the guest was told is written */
    guint8 newGood;             /* so has the new one; B, C: and it is flushed */
    guint8 header;              /* B: the header of the written image names new */

    /* the daemon */
    guint8 up;
    modelRecord mem;
    guint8 def;                 /* the persistent definition in memory names new ... */
    guint8 dirty;               /* ... and is still to be saved */
    guint8 renamed;             /* the first rename was issued */
    guint8 done;                /* both were, by this daemon */
    guint8 settled;             /* memory is ahead of the record */
    guint8 flushed;             /* pull: this daemon has flushed after the job's last write */
    guint8 ending;              /* it knows that QEMU has gone */
    guint8 busy;                /* carries out ... */
    guint8 action;              /* ... this, ... */
    guint8 pc;                  /* ... the next part of which is this one */
    guint8 event;               /* 1 + qbjJobEvent to be fed next, or 0 */
    guint8 again;               /* 1 + qbjJobEvent whose record could not be saved: fed again later */
    guint8 timers;
    guint8 queue[MODEL_QUEUE];  /* 1 + qbjJobEvent that QEMU has sent */
    guint8 keep;                /* the job has begun, the note is to be written */
    guint8 hold;                /* it has stopped the guest */
    guint8 letgo;               /* it is about to continue the guest */
    guint8 lost;                /* QEMU has not heard that; it is asked anew when the monitor is back */

    /* QEMU */
    guint8 vm;                  /* runs */
    guint8 job;                 /* modelJob */
    guint8 completing;          /* took job-complete */
    guint8 softly;              /* took a soft cancel when ready */
    guint8 forced;              /* took a forced cancel, job not ended yet */
    guint8 paused;              /* by an error of its target: "paused" or "standby" */
    guint8 failed;              /* B, C: ended with an error; A: the root tells */
    guint8 root;                /* A: the guest uses new; B: the graph is new */
    guint8 nodes;               /* those of the images that leave the chain are there */
    guint8 added;               /* what was prepared is there: nodes, images opened for writing */
    guint8 writable;            /* B: top's parent was reopened for writing (H2) */
    guint8 late;                /* has not got to the start command yet: until then it answers nothing */
    guint8 stopped;             /* the guest stands still */

    /* what people saw */
    guint8 told;                /* of the end */
    guint8 finals;              /* final events, READY events that this daemon has sent, at most 2 */
    guint8 readies;
    guint8 wanted;              /* a client wants the guest to stand still */
    guint8 open;                /* it was let go before its time: nothing is promised any more */
    guint8 stock;               /* the daemon is still the stock one */
    guint8 strange;             /* somebody else, or a finalize that failed, decided the outcome: see
                                 * modelMayDie() */
};

/* What the setup lets happen besides crashes, failed saves and commands. */
typedef struct _modelSetup modelSetup;
struct _modelSetup {
    const char *name;
    qbjJobType type;
    bool foreign;               /* somebody else cancels, completes, finalizes, dismisses */
    bool finalizeFails;         /* job-finalize ends the job with an error */
    bool group;                 /* two disks whose pivots are one decision: model_group.h */
    bool slow;                  /* only with -m slow */
    bool unreadable;            /* begins with a daemon that finds a record it does not understand */
    bool stops;                 /* the guest is stopped around the end of a pivot */
    bool suspends;              /* ... and clients suspend and resume it as well */
    bool stock;                 /* begun by the stock driver: QEMU finalizes by itself */
    bool notes;                 /* images are made or deleted: there is a note for a crash of the host */
};

/* Wrong orders of the engine, which the model must find; MODEL_RIGHT is the engine as it is. */
typedef enum {
    MODEL_RIGHT,
    MODEL_NO_FLUSH,
    MODEL_NO_PARENT,
    MODEL_ASKS_NODES,
    MODEL_NODES_FIRST,
    MODEL_SOFT_CALL_OFF,
    MODEL_SAVE_AFTER,
    MODEL_P_FIRST_ONLY,
    MODEL_S_FIRST_ONLY,
    MODEL_NO_SYNC,
    MODEL_SAVES_BETWEEN,
    MODEL_UNLINK_FIRST,
    MODEL_SETTLE_BLINDLY,
    MODEL_NO_GRAPH_BACK,
    MODEL_TIDY_ONCE,
    MODEL_ANY_END_IS_GOOD,
    MODEL_BROKEN_BLINDLY,
    MODEL_STOPS_EARLY,
    MODEL_TRUSTS_RENAME,
    MODEL_TRUSTS_MEMORY,
    MODEL_CANCELS_ONCE,
    MODEL_GROUP_EACH_SWITCHES,
    MODEL_GROUP_ONE_BY_ONE,
    MODEL_GROUP_CALLS_ONE_OFF,
    MODEL_GROUP_SETTLES_ONE,
    MODEL_GROUP_SAVES_ONE_AGAIN,
    MODEL_GROUP_GOES_BACK_LATE,
    MODEL_GROUP_NO_SYNC,
    MODEL_GROUP_TRUSTS_RECORD,
    MODEL_TRUSTS_SAVE,
    MODEL_TRUSTS_BACK,
    MODEL_HOLD_NONE,
    MODEL_HOLD_NOT_RECORDED,
    MODEL_HOLD_NEVER_ENDS,
    MODEL_HOLD_CONTINUES_PAUSED,
    MODEL_HOLD_ENDS_EARLY,
    MODEL_HOLD_FORGETS_FIRST,
    MODEL_HOLD_LEFT_AT_THE_END,
    MODEL_HOLD_TRUSTED,
    MODEL_HOLD_RESUMED,
    MODEL_HOLD_NOT_RESUMED,
    MODEL_NOTE_NOT_SYNCED,
    MODEL_NOTE_FORGOTTEN_EARLY,
    MODEL_NOTE_ASKS_NOBODY,
    MODEL_NOTE_ASKS_FOR_NEW,
    MODEL_STOCK_RECORD_IS_TRUSTED,
    MODEL_MISTAKES
} modelMistake;

typedef enum {
    MODEL_STEP_PROGRESS,        /* happens sooner or later */
    MODEL_STEP_CLIENT,          /* if a client wants it */
    MODEL_STEP_FAULT,           /* if something goes wrong */
    MODEL_STEP_SILENCE,         /* a fault: the command was carried out, its answer did not come */
} modelStepKind;

typedef struct _modelContext modelContext;
struct _modelContext {
    const modelSetup *setup;
    qbjJobKind kind;
    modelMistake mistake;
    const qbjJobMove *(*find)(qbjJobKind kind, qbjJobState state, qbjJobEvent event);
    const char *violation;      /* set by a step that breaks an invariant */
    /* called with each world that can follow, with each row used, and with each event that has no row */
    void (*next)(const void *world, const char *label, modelStepKind kind, void *opaque);
    void (*row)(const qbjJobMove *move, void *opaque);
    void (*noRow)(qbjJobState state, qbjJobEvent event, void *opaque);
    void *opaque;
};

/* What a search must know of a kind of worlds, which are bytes only. */
typedef struct _modelFace modelFace;
struct _modelFace {
    size_t size;
    void (*start)(const modelContext *context, void *world);    /* @world is all zeroes */
    void (*steps)(modelContext *context, const void *world);    /* calls context->next with each that can follow */
    const char *(*check)(const modelContext *context, const void *world);
    bool (*isHeld)(const modelContext *context, const void *world);
    bool (*isEnd)(const void *world);
    char *(*text)(const void *world);
    char *(*row)(const void *before, const void *after, const char *label);     /* of a step that the table decides */
};

extern const modelFace modelOneFace;

/* model_world.c: what a world is */
modelWorld modelStart(const modelSetup *setup);
bool modelAnswers(const modelWorld *world);         /* QEMU is there, and takes commands */
bool modelIsPull(const modelContext *context);
bool modelIsAlive(const modelWorld *world);         /* the job, as far as QEMU takes commands for it */
bool modelIsHeld(const modelContext *context, const modelWorld *world);     /* the guest's I/O is */
bool modelIsEnd(const modelWorld *world);           /* job and record are gone, nothing is on its way */
int modelStatus(const modelWorld *world);           /* what query-jobs is to the table; -1: nothing */
bool modelMayDie(const modelContext *context, const modelWorld *world);     /* QEMU or the host */
char *modelText(const modelWorld *world);

/* model_check.c: what must hold; NULL when it does */
const char *modelCheck(const modelContext *context, const modelWorld *world);
void modelViolate(modelContext *context, bool broken, const char *what);
void modelCheckSave(modelContext *context, const modelWorld *world, bool was, bool now);

/* model_daemon.c, model_qemu.c: all that can happen next */
void modelDaemonSteps(modelContext *context, const modelWorld *world);
void modelQemuSteps(modelContext *context, const modelWorld *world);

/* model_action.c: the next part of the action that the daemon is at */
void modelAction(modelContext *context, const modelWorld *world);

/* Parts of steps. An action ends with @event, or MODEL_NOTHING, or MODEL_LATER or MODEL_RETRY: fed RESUME or
 * TIMEOUT after a while. */
#define MODEL_NOTHING (-1)
#define MODEL_LATER (-2)
#define MODEL_RETRY (-3)
void modelEmit(modelContext *context, const modelWorld *world, const char *label, modelStepKind kind);
void modelResult(modelContext *context, modelWorld world, int event, const char *label, modelStepKind kind);
void modelGoOn(modelContext *context, modelWorld world, const char *label);
void modelCommand(modelContext *context, modelWorld world, int event, const char *label);
void modelNoAnswer(modelContext *context, modelWorld world);
void modelPush(modelWorld *world, qbjJobEvent event);
void modelConclude(const modelContext *context, modelWorld *world, bool failed);
void modelEndVm(modelWorld *world);
void modelArm(modelWorld *world, guint8 timer);
void modelSaveRecord(modelContext *context, modelWorld *world, qbjJobState state);

/* What QEMU makes of a command, whoever sends it: false when it is refused. */
bool modelQemuComplete(const modelContext *context, modelWorld *world);
bool modelQemuSoftCancel(const modelContext *context, modelWorld *world);
bool modelQemuForcedCancel(const modelContext *context, modelWorld *world);
bool modelQemuFinalize(const modelContext *context, modelWorld *world);
bool modelQemuDismiss(const modelContext *context, modelWorld *world);

/* model_hold.c: the guest stops for a pivot */
void modelHoldBegin(modelContext *context, modelWorld world);
bool modelHoldMustBegin(const modelContext *context, const modelWorld *world);
void modelHoldEnd(const modelContext *context, modelWorld *world);
void modelHoldFollow(const modelContext *context, modelWorld *world);
void modelHoldLetGo(modelContext *context, modelWorld world);
void modelHoldFound(const modelContext *context, modelWorld *world);
void modelHoldSteps(modelContext *context, const modelWorld *world);

/* model_note.c: the note for a crash of the host */
void modelNoteKeep(modelContext *context, modelWorld world);
void modelNoteForget(const modelContext *context, modelWorld *world, bool durable);
const char *modelNoteCheck(const modelContext *context, const modelWorld *world);

/* model_stock.c: a job of the stock driver, until its daemon has gone */
void modelStockStart(modelWorld *world);
void modelStockSteps(modelContext *context, const modelWorld *world);

/* model_command.c, model_save.c, model_outcome.c: the actions */
void modelDoStart(modelContext *context, modelWorld world);
void modelDoCommand(modelContext *context, modelWorld world);
void modelDoFinalize(modelContext *context, modelWorld world);
void modelDoSave(modelContext *context, modelWorld world);
void modelDoEnd(modelContext *context, modelWorld world);
