/* job.h: the life of one block job, as data.
 *
 * A state names what is durable, not what a thread is doing: each can be read back from the status XML after
 * a crash and goes on with RESUME. Only BROKEN waits for a person (RETRY).
 *
 * Three kinds: type A switches the guest's device to another node (active commit, copy), type B shortens the
 * chain under the same top image (intermediate commit, pull), type C changes nothing for the guest (backup,
 * create).
 *
 *   A:  PLANNED > PREPARING > STARTING > RUNNING > READY > PIVOTING > PENDING > COMMITTED > CONCLUDED
 *   B:  PLANNED > PREPARING > STARTING > RUNNING > PREFLUSH > FINALIZING > CONCLUDED
 *   both, from CONCLUDED:  SETTLING > SETTLED > CLEANING > DONE;   RUNNING, READY > CANCELLING > CONCLUDED
 *   pivot or finalize called off:  PIVOTING, PENDING, PREFLUSH > CALLING_OFF > CONCLUDED
 *   the process has ended:  any > SETTLING_OFFLINE > CLEANING > DONE
 *   before the start is accepted:  ROLLBACK > FAILED
 *
 * Only qbjEngineStep() writes the state. The table does no I/O and takes no lock: a row names an action,
 * which engine/ carries out after the record with the new state is on disk. A pair without a row changes
 * nothing.
 *
 * What the engine owes to the table:
 *  - One event at a time for one job. An action's own result (the events named after "->" below) is fed
 *    before any event that QEMU sent meanwhile, so that FAILED is always the failure of the action that the
 *    last row named.
 *  - An action that finds the process gone gives VM_GONE, whatever it was doing.
 *  - TIMEOUT is fed in PENDING, and CANCEL too, only while no rename has been issued (protocol 4).
 *  - Nothing else saves the VM's status file from the first rename of SWITCH, UNSWITCH or SWITCH_FINALIZE
 *    until the state has followed: a record of PENDING saved over that of COMMITTED would choose old when
 *    QEMU ends after finalize.
 *  - A move whose save is QBJ_SAVE_BEFORE and cannot be saved is not made: the job stays where it was, the
 *    client who asked for it is told, and an event that nobody asked for is fed again later. */
#pragma once

#include "internal.h"
#include "virenum.h"
#include "refusal.h"

typedef enum {
    QBJ_TYPE_PULL,
    QBJ_TYPE_COPY,
    QBJ_TYPE_COMMIT,
    QBJ_TYPE_ACTIVE_COMMIT,
    QBJ_TYPE_BACKUP,
    QBJ_TYPE_CREATE,
    QBJ_TYPE_LAST
} qbjJobType;
VIR_ENUM_DECL(qbjJobType);              /* pull copy commit active-commit backup create (05/X4) */

typedef enum {
    QBJ_KIND_A = 1 << 0,
    QBJ_KIND_B = 1 << 1,
    QBJ_KIND_C = 1 << 2,
} qbjJobKind;

typedef enum {
    QBJ_STATE_PLANNED,          /* in memory only */
    QBJ_STATE_PREPARING,        /* record saved; access rights, nodes are being made */
    QBJ_STATE_STARTING,         /* the start command may have been sent */
    QBJ_STATE_RUNNING,
    QBJ_STATE_READY,            /* A: mirror in sync */
    QBJ_STATE_PIVOTING,         /* A: job-complete may have been sent */
    QBJ_STATE_PENDING,          /* A: guest I/O held, nothing renamed */
    QBJ_STATE_COMMITTED,        /* A: both definitions name new, durably; cancel is refused */
    QBJ_STATE_PREFLUSH,         /* B, C: written image is being flushed before finalize */
    QBJ_STATE_FINALIZING,       /* B, C: job-finalize may have been sent */
    QBJ_STATE_CANCELLING,       /* a cancel of the recorded kind may have been sent; never after
                                 * job-complete */
    QBJ_STATE_CALLING_OFF,      /* a forced cancel may have been sent; job-complete may have been accepted
                                 * before (H9) */
    QBJ_STATE_CONCLUDED,        /* QEMU is done with it, outcome not read yet */
    QBJ_STATE_SETTLING,         /* outcome known; definitions are being saved */
    QBJ_STATE_SETTLING_OFFLINE, /* QEMU has ended; the definitions are being saved as the record says */
    QBJ_STATE_SETTLED,          /* definitions right and durable; nodes, rights, dismissal to do */
    QBJ_STATE_CLEANING,         /* the rest: B nodes and rights, unlink last */
    QBJ_STATE_DONE,
    QBJ_STATE_ROLLBACK,         /* start failed; prepare steps are being undone */
    QBJ_STATE_FAILED,           /* never ran */
    QBJ_STATE_BROKEN,           /* kept, visible, retryable */
    QBJ_STATE_LAST
} qbjJobState;
VIR_ENUM_DECL(qbjJobState);             /* lower-case names, as in our part of the status XML */

typedef enum {
    /* what a client asks */
    QBJ_EVENT_BEGIN,
    QBJ_EVENT_PIVOT,
    QBJ_EVENT_CANCEL,
    QBJ_EVENT_RETRY,
    /* what QEMU says (JOB_STATUS_CHANGE, or query-jobs after a restart) */
    QBJ_EVENT_RUNNING,
    QBJ_EVENT_READY,
    QBJ_EVENT_PENDING,
    QBJ_EVENT_CONCLUDED,
    QBJ_EVENT_GONE,             /* QEMU lists no such job */
    QBJ_EVENT_VM_GONE,          /* the process has ended */
    /* how the last action ended */
    QBJ_EVENT_OK,
    QBJ_EVENT_FAILED,
    QBJ_EVENT_SAVED,            /* both definitions are durable ("definitions saved") */
    QBJ_EVENT_SAVE_FAILED,      /* before the first rename */
    QBJ_EVENT_SAVE_HALF,        /* after the first rename, before the last */
    QBJ_EVENT_NEW,              /* outcome: the new chain is in force */
    QBJ_EVENT_OLD,              /* outcome: the old chain is in force */
    QBJ_EVENT_NEITHER,          /* outcome: the device is on a node that is neither */
    QBJ_EVENT_STREAM_FAILED,    /* stream whose finalize failed after the graph changed (protocol H15) */
    /* the world */
    QBJ_EVENT_TIMEOUT,
    QBJ_EVENT_RESUME,           /* the daemon has restarted and read the record */
    QBJ_EVENT_LAST
} qbjJobEvent;
VIR_ENUM_DECL(qbjJobEvent);

typedef enum {
    QBJ_DO_NOTHING,
    QBJ_DO_PREPARE,             /* run the prepare phase -> OK, FAILED (already undone steps are undone by
                                 * UNDO_PREPARE) */
    QBJ_DO_START,               /* send the start command -> OK, FAILED when QEMU refused it, TIMEOUT
                                 * without an answer */
    QBJ_DO_UNDO_PREPARE,        /* -> OK, FAILED */
    QBJ_DO_UNDO_HOST,           /* as above, QEMU is gone: host steps only -> OK, FAILED */
    QBJ_DO_DISMISS_STRAY,       /* the job started after all and ended: dismiss it, then undo -> OK, FAILED */
    QBJ_DO_DROP,                /* drop the record, nobody was told of it */
    QBJ_DO_EMIT_FAILED,         /* public FAILED event when the start had been acknowledged (none when QEMU
                                 * has ended), then drop the record */
    QBJ_DO_EMIT_READY,          /* public READY event, once in the job's life */
    QBJ_DO_QUERY,               /* query-jobs; its answer comes back as RUNNING, READY, PENDING, CONCLUDED or
                                 * GONE. Never
                                 * FAILED: when it cannot be asked, it is asked again later */
    QBJ_DO_PREFLUSH,            /* B, C: pending phase (parent writable, bitmaps, flush) -> OK, FAILED; RESUME
                                 * later while another disk's pull keeps QEMU from being asked for bitmaps */
    QBJ_DO_SEND_COMPLETE,       /* -> FAILED when QEMU refused it, else QEMU's events follow */
    QBJ_DO_COMPLETE_AGAIN,      /* query-jobs; running, ready, standby: job-complete once more, and its answer
                                 * does not count; else the status is the event: PENDING, CONCLUDED, GONE.
                                 * Never FAILED */
    QBJ_DO_SEND_CANCEL,         /* cancel of the recorded kind -> FAILED, else QEMU's events follow */
    QBJ_DO_CANCEL_AGAIN,        /* query-jobs; running, ready, paused: SEND_CANCEL once more, and TIMEOUT when
                                 * that is refused, for the first one may not have been; else as
                                 * COMPLETE_AGAIN */
    QBJ_DO_SEND_FORCED,         /* forced cancel, the only call-off of a pivot (protocol H9), and the end of
                                 * a cancel that waits in PENDING (H8) -> FAILED, else QEMU's events follow;
                                 * a time-out of the engine's choice -> TIMEOUT sends it again */
    QBJ_DO_REPORT,              /* tell the caller QEMU's error; READY goes on */
    QBJ_DO_SWITCH,              /* A: merge bitmaps, rename both definitions into place -> SAVED,
                                 * SAVE_FAILED, SAVE_HALF */
    QBJ_DO_UNSWITCH,            /* rename the old texts back durably -> SAVE_FAILED, or go forward -> SAVED */
    QBJ_DO_FINALIZE,            /* job-finalize -> FAILED, else QEMU's events follow; COMMITTED: or NEW, when
                                 * the device is seen on the new node at once */
    QBJ_DO_SWITCH_FINALIZE,     /* after a restart: query-jobs; pending: save both new definitions again ->
                                 * SAVE_HALF when that is not possible, then as FINALIZE; else the status
                                 * is the event: CONCLUDED, GONE */
    QBJ_DO_FLUSH_FINALIZE,      /* after a restart: query-jobs; pending: the pending phase again, planned
                                 * anew, then as FINALIZE -> FAILED; else the status is the event:
                                 * CONCLUDED, GONE */
    QBJ_DO_READ_OUTCOME,        /* B, C: query-jobs -> NEW, OLD, STREAM_FAILED; later TIMEOUT (could not ask).
                                 * B and not listed: x-debug-query-block-graph tells whether the chain is
                                 * shortened. B and ended without our PREFLUSH: the written image is flushed
                                 * first, if possible (protocol 5) */
    QBJ_DO_LOOK_AT_ROOT,        /* A: the node that the device uses now, and the job's error text -> NEW, OLD,
                                 * NEITHER; later TIMEOUT (could not ask). Device gone: the error field
                                 * decides with the record */
    QBJ_DO_PUT_GRAPH_BACK,      /* dismiss, reopen the top image on its old backing node -> OLD, NEITHER
                                 * (could not) */
    QBJ_DO_SETTLE,              /* apply the outcome to both definitions in memory, save the persistent one; the
                                 * status file follows with the move to SETTLED -> OK, FAILED, SAVE_FAILED
                                 * (that
                                 * one) */
    QBJ_DO_SETTLE_OLD,          /* outcome old, QEMU gone; then as SETTLE */
    QBJ_DO_SETTLE_NEW,          /* outcome new, QEMU gone; then as SETTLE */
    QBJ_DO_SETTLE_BY_RECORD,    /* QEMU gone: the outcome if it is known, else what the live definition of the
                                 * record says (it says new from COMMITTED on, protocol 6) -> OK, FAILED */
    QBJ_DO_FINISH,              /* A: nodes deleted, access revoked, then dismissed. B, C: dismissed -> OK,
                                 * FAILED */
    QBJ_DO_CLEAN,               /* B, C: nodes, rights; all: unlink -> OK, FAILED (shall be tried again) */
    QBJ_DO_CLEAN_OFFLINE,       /* the same with QEMU gone -> OK */
    QBJ_DO_EMIT_FINAL,          /* final public event (none when QEMU has ended, 03/E), then the record is
                                 * dropped */
    QBJ_DO_RETRY_LATER,         /* start a back-off timer (doubling, with an upper limit) -> TIMEOUT */
    QBJ_DO_LAST
} qbjJobAction;
VIR_ENUM_DECL(qbjJobAction);

typedef enum {
    QBJ_SAVE_NOT,               /* the older record resumes to the same end; guest held: nothing may wait
                                 * for a disk */
    QBJ_SAVE_SOON,              /* the same, but on a longer way, and nobody waits for it: saved when nothing
                                 * else is to do for the VM */
    QBJ_SAVE_TRY,               /* the older record resumes to another way out than a client is told: saved
                                 * after the action; a failure is logged and stops nothing */
    QBJ_SAVE_BEFORE,            /* the record is durable before the action is carried out */
    QBJ_SAVE_DONE,              /* the action that led here has saved it already */
    QBJ_SAVE_LAST
} qbjJobSave;
VIR_ENUM_DECL(qbjJobSave);              /* no try before done */

/* One row of the table; kinds is a mask of qbjJobKind. */
typedef struct _qbjJobMove qbjJobMove;
struct _qbjJobMove {
    qbjJobState state;
    qbjJobEvent event;
    unsigned int kinds;
    qbjJobState next;
    qbjJobAction action;
    qbjJobSave save;
};

/* What a client may do with a job, apart from asking. */
typedef enum {
    QBJ_VERB_PIVOT,
    QBJ_VERB_CANCEL,
    QBJ_VERB_SET_SPEED,
    QBJ_VERB_INFO,
    QBJ_VERB_NEW_JOB,           /* start another job on the same disk */
    QBJ_VERB_LAST
} qbjJobVerb;
VIR_ENUM_DECL(qbjJobVerb);

qbjJobKind qbjJobTypeKind(qbjJobType type);

/* True for DONE and FAILED: the job has ended and its record is dropped. */
bool qbjJobStateIsFinal(qbjJobState state);

/* The row for (state, event) and this kind of job, or NULL: then the event changes nothing. */
const qbjJobMove *qbjJobMoveFind(qbjJobKind kind, qbjJobState state, qbjJobEvent event);

/* All rows, for the exhaustive tests and for the generated documentation. */
const qbjJobMove *qbjJobMoves(size_t *nmoves);

/* Returns 0 when @verb is allowed for a job called @name on @disk in @state; else -1 with @refusal set
 * (01/A13, J2, J3, J4).
 * NEW_JOB: BLOCK_COPY_ACTIVE for kind A, OPERATION_UNSUPPORTED for the others (01/A13). */
int qbjJobVerbCheck(qbjJobType type, qbjJobState state, qbjJobVerb verb,
                    const char *name, const char *disk, qbjRefusal *refusal);

/* The state name that the stock driver's status file format has for ours (03/T, 05/X4):
 * new running ready pivoting aborting concluded ... */
const char *qbjJobStateToStock(qbjJobState state);

/* True while the guest's I/O may be held or QEMU must not be given other monitor commands (protocol H5,
 * H6). */
bool qbjJobStateHoldsGuest(qbjJobState state);
