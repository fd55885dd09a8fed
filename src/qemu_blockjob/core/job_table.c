/* The moves of a job: protocol.md sections 4 to 7 as rows. */
#include <config.h>

#include "job.h"

#define A QBJ_KIND_A
#define B QBJ_KIND_B
#define C QBJ_KIND_C
#define ROW(state, event, kinds, next, action, save) \
    { QBJ_STATE_##state, QBJ_EVENT_##event, kinds, QBJ_STATE_##next, QBJ_DO_##action, QBJ_SAVE_##save }

static const qbjJobMove qbjJobMoveRows[] = {
    /*  in state          on event       kinds      go to             then do           record saved */
    ROW(PLANNED,          BEGIN,         A | B | C, PREPARING,        PREPARE,          BEFORE),
    ROW(PLANNED,          CANCEL,        A | B | C, FAILED,           DROP,             NOT),
    ROW(PLANNED,          RESUME,        A | B | C, FAILED,           DROP,             NOT),
    ROW(PLANNED,          VM_GONE,       A | B | C, FAILED,           DROP,             NOT),

    /* The record of PREPARING holds the whole spec, so it announces the start command as well: one save less.
     * Resumed, the job in QEMU tells how far we had come. */
    ROW(PREPARING,        OK,            A | B | C, STARTING,         START,            NOT),
    ROW(PREPARING,        FAILED,        A | B | C, ROLLBACK,         UNDO_PREPARE,     NOT),
    ROW(PREPARING,        RESUME,        A | B | C, STARTING,         QUERY,            NOT),
    ROW(PREPARING,        VM_GONE,       A | B | C, ROLLBACK,         UNDO_HOST,        NOT),

    /* created and running come before the reply to the start command. That the job runs is saved when the
     * client has its answer: so one that is gone now has never come, or somebody has ended it. */
    ROW(STARTING,         OK,            A | B | C, RUNNING,          NOTHING,          SOON),
    ROW(STARTING,         RUNNING,       A | B | C, RUNNING,          NOTHING,          SOON),
    ROW(STARTING,         READY,         A,         READY,            EMIT_READY,       SOON),
    ROW(STARTING,         PENDING,       A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(STARTING,         PENDING,       B | C,     PREFLUSH,         PREFLUSH,         NOT),
    ROW(STARTING,         CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(STARTING,         CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(STARTING,         FAILED,        A | B | C, ROLLBACK,         UNDO_PREPARE,     NOT),
    ROW(STARTING,         GONE,          A,         STARTING,         LOOK_AT_ROOT,     NOT),
    ROW(STARTING,         GONE,          B | C,     STARTING,         READ_OUTCOME,     NOT),
    ROW(STARTING,         NEW,           A | B,     SETTLING,         SETTLE,           NOT),
    ROW(STARTING,         OLD,           A | B | C, ROLLBACK,         UNDO_PREPARE,     NOT),
    ROW(STARTING,         TIMEOUT,       A | B | C, STARTING,         QUERY,            NOT),
    ROW(STARTING,         RESUME,        A | B | C, STARTING,         QUERY,            NOT),
    ROW(STARTING,         VM_GONE,       A | B | C, ROLLBACK,         UNDO_HOST,        NOT),

    /* PENDING of a type A job that we did not complete: somebody else's intent (protocol 5) */
    ROW(RUNNING,          READY,         A,         READY,            EMIT_READY,       SOON),
    ROW(RUNNING,          PENDING,       A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(RUNNING,          PENDING,       B | C,     PREFLUSH,         PREFLUSH,         NOT),
    ROW(RUNNING,          CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(RUNNING,          CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(RUNNING,          GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(RUNNING,          GONE,          B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(RUNNING,          CANCEL,        A | B | C, CANCELLING,       SEND_CANCEL,      BEFORE),
    ROW(RUNNING,          RESUME,        A | B | C, RUNNING,          QUERY,            NOT),
    ROW(RUNNING,          VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    ROW(READY,            PIVOT,         A,         PIVOTING,         SEND_COMPLETE,    BEFORE),
    ROW(READY,            CANCEL,        A,         CANCELLING,       SEND_CANCEL,      BEFORE),
    ROW(READY,            PENDING,       A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(READY,            CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(READY,            GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(READY,            RESUME,        A,         READY,            QUERY,            NOT),
    ROW(READY,            VM_GONE,       A,         SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    /* Back to READY only when QEMU refused job-complete. Once it may have been accepted, only a forced cancel
     * ends it (H9): there is no way from here to SEND_CANCEL. */
    ROW(PIVOTING,         PENDING,       A,         PENDING,          SWITCH,           NOT),
    ROW(PIVOTING,         FAILED,        A,         READY,            REPORT,           TRY),
    ROW(PIVOTING,         TIMEOUT,       A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PIVOTING,         CANCEL,        A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PIVOTING,         CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(PIVOTING,         GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(PIVOTING,         RESUME,        A,         PIVOTING,         COMPLETE_AGAIN,   NOT),
    ROW(PIVOTING,         VM_GONE,       A,         SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    /* The guest waits. SAVED is the decision; before the first rename everything can still be called off. Who
     * meets PENDING here comes after half a switch, and cannot know which half: it is taken back. */
    ROW(PENDING,          SAVED,         A,         COMMITTED,        FINALIZE,         DONE),
    ROW(PENDING,          SAVE_HALF,     A,         PENDING,          UNSWITCH,         NOT),
    ROW(PENDING,          SAVE_FAILED,   A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PENDING,          FAILED,        A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PENDING,          TIMEOUT,       A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PENDING,          CANCEL,        A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PENDING,          CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(PENDING,          GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(PENDING,          PENDING,       A,         PENDING,          UNSWITCH,         NOT),
    ROW(PENDING,          RESUME,        A,         PENDING,          QUERY,            NOT),
    ROW(PENDING,          VM_GONE,       A,         SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    /* NEW is what QEMU says right after finalize. The action that saves asks before: after an error of
     * finalize new must not be saved (invariant 4). Still pending means that finalize was not carried out, so
     * there is a way back when new cannot be saved again. No row for PENDING: that event may be an old one,
     * which waited while finalize was sent. */
    ROW(COMMITTED,        NEW,           A,         SETTLING,         SETTLE,           NOT),
    ROW(COMMITTED,        CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(COMMITTED,        GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(COMMITTED,        FAILED,        A,         COMMITTED,        RETRY_LATER,      NOT),
    ROW(COMMITTED,        TIMEOUT,       A,         COMMITTED,        SWITCH_FINALIZE,  NOT),
    ROW(COMMITTED,        RESUME,        A,         COMMITTED,        SWITCH_FINALIZE,  NOT),
    ROW(COMMITTED,        SAVE_HALF,     A,         PENDING,          UNSWITCH,         NOT),
    ROW(COMMITTED,        VM_GONE,       A,         SETTLING_OFFLINE, SETTLE_NEW,       NOT),

    ROW(PREFLUSH,         OK,            B | C,     FINALIZING,       FINALIZE,         BEFORE),
    ROW(PREFLUSH,         FAILED,        B | C,     CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(PREFLUSH,         CANCEL,        B | C,     CALLING_OFF,      SEND_FORCED,      BEFORE),
    ROW(PREFLUSH,         CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(PREFLUSH,         GONE,          B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(PREFLUSH,         PENDING,       B | C,     PREFLUSH,         PREFLUSH,         NOT),
    ROW(PREFLUSH,         RESUME,        B | C,     PREFLUSH,         QUERY,            NOT),
    ROW(PREFLUSH,         VM_GONE,       B | C,     SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    /* A backup's image is complete from here on (protocol 6); of a shortened chain old and new are both
     * right. No row for PENDING, as in COMMITTED: the nodes of a stream that has concluded must not be
     * asked for (H3). */
    ROW(FINALIZING,       CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(FINALIZING,       GONE,          B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(FINALIZING,       FAILED,        B | C,     CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(FINALIZING,       RESUME,        B | C,     FINALIZING,       FLUSH_FINALIZE,   NOT),
    ROW(FINALIZING,       VM_GONE,       B,         SETTLING_OFFLINE, SETTLE_OLD,       NOT),
    ROW(FINALIZING,       VM_GONE,       C,         SETTLING_OFFLINE, SETTLE_NEW,       NOT),

    /* PENDING: after a soft cancel, too, for job-finalize would switch when somebody else has completed the
     * job; what it has copied is flushed. B, C: finalize would skip the flush (H1, H2) */
    ROW(CANCELLING,       PENDING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(CANCELLING,       CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CANCELLING,       CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CANCELLING,       GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CANCELLING,       GONE,          B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CANCELLING,       FAILED,        A | B | C, RUNNING,          QUERY,            TRY),
    ROW(CANCELLING,       TIMEOUT,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(CANCELLING,       RESUME,        A | B | C, CANCELLING,       CANCEL_AGAIN,     NOT),
    ROW(CANCELLING,       VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_OLD,       NOT),

    /* The answer decides, so that a lost reply or a refusal does not matter; repeated until the job has
     * ended. VM_GONE: an old event may have brought a broken job here whose outcome is known. */
    ROW(CALLING_OFF,      RUNNING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(CALLING_OFF,      READY,         A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(CALLING_OFF,      PENDING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(CALLING_OFF,      CONCLUDED,     A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CALLING_OFF,      CONCLUDED,     B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CALLING_OFF,      GONE,          A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CALLING_OFF,      GONE,          B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CALLING_OFF,      FAILED,        A | B | C, CALLING_OFF,      RETRY_LATER,      NOT),
    ROW(CALLING_OFF,      TIMEOUT,       A | B | C, CALLING_OFF,      QUERY,            NOT),
    ROW(CALLING_OFF,      RESUME,        A | B | C, CALLING_OFF,      QUERY,            NOT),
    ROW(CALLING_OFF,      VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),

    /* Not saved: the record before it leads back here, and keeps what was meant in case QEMU ends now. */
    ROW(CONCLUDED,        NEW,           A | B | C, SETTLING,         SETTLE,           NOT),
    ROW(CONCLUDED,        OLD,           A | B | C, SETTLING,         SETTLE,           NOT),
    ROW(CONCLUDED,        NEITHER,       A | B,     BROKEN,           NOTHING,          NOT),
    ROW(CONCLUDED,        STREAM_FAILED, B,         CONCLUDED,        PUT_GRAPH_BACK,   NOT),
    ROW(CONCLUDED,        TIMEOUT,       A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CONCLUDED,        TIMEOUT,       B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CONCLUDED,        RESUME,        A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(CONCLUDED,        RESUME,        B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(CONCLUDED,        VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),

    /* The record and both definitions are durable before any node, right or file goes. SAVED: a pivot's
     * decision, or a cancel, is what the status file says already, and who reads it looks at the root again.
     * After OK nothing looks at the outcome again. */
    ROW(SETTLING,         OK,            A | B | C, SETTLED,          FINISH,           BEFORE),
    ROW(SETTLING,         SAVED,         A,         SETTLED,          FINISH,           NOT),
    ROW(SETTLING,         FAILED,        A | B | C, BROKEN,           NOTHING,          NOT),
    ROW(SETTLING,         SAVE_FAILED,   A | B | C, SETTLING,         RETRY_LATER,      NOT),
    ROW(SETTLING,         TIMEOUT,       A | B | C, SETTLING,         SETTLE,           NOT),
    ROW(SETTLING,         RESUME,        A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(SETTLING,         RESUME,        B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(SETTLING,         VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),

    /* CLEANING is durable before files go: an older record could choose old again, whose files are then
     * missing. A save that failed is tried again by the end of the VM, which does not go on without it. */
    ROW(SETTLING_OFFLINE, OK,            A | B | C, CLEANING,         CLEAN_OFFLINE,    BEFORE),
    ROW(SETTLING_OFFLINE, FAILED,        A | B | C, BROKEN,           NOTHING,          NOT),
    ROW(SETTLING_OFFLINE, SAVE_FAILED,   A | B | C, SETTLING_OFFLINE, NOTHING,          NOT),
    ROW(SETTLING_OFFLINE, RESUME,        A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),
    ROW(SETTLING_OFFLINE, VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),

    /* Each of these may be repeated: "not found" is success. A: nodes go before the dismissal, B and C:
     * after (H4). */
    ROW(SETTLED,          OK,            A | B | C, CLEANING,         CLEAN,            NOT),
    ROW(SETTLED,          GONE,          A,         SETTLED,          FINISH,           NOT),
    ROW(SETTLED,          GONE,          B | C,     CLEANING,         CLEAN,            NOT),
    ROW(SETTLED,          FAILED,        A | B | C, SETTLED,          RETRY_LATER,      NOT),
    ROW(SETTLED,          TIMEOUT,       A | B | C, SETTLED,          FINISH,           NOT),
    ROW(SETTLED,          RESUME,        A | B | C, SETTLED,          FINISH,           NOT),
    ROW(SETTLED,          VM_GONE,       A | B | C, CLEANING,         CLEAN_OFFLINE,    NOT),

    ROW(CLEANING,         OK,            A | B | C, DONE,             EMIT_FINAL,       NOT),
    ROW(CLEANING,         FAILED,        A | B | C, CLEANING,         RETRY_LATER,      NOT),
    ROW(CLEANING,         TIMEOUT,       A | B | C, CLEANING,         CLEAN,            NOT),
    ROW(CLEANING,         RESUME,        A | B | C, CLEANING,         CLEAN,            NOT),
    ROW(CLEANING,         VM_GONE,       A | B | C, CLEANING,         CLEAN_OFFLINE,    NOT),

    /* Any save of the VM may have caught the record in the instant before it was dropped. */
    ROW(DONE,             RESUME,        A | B | C, DONE,             EMIT_FINAL,       NOT),
    ROW(DONE,             VM_GONE,       A | B | C, DONE,             EMIT_FINAL,       NOT),
    ROW(FAILED,           RESUME,        A | B | C, FAILED,           EMIT_FAILED,      NOT),
    ROW(FAILED,           VM_GONE,       A | B | C, FAILED,           EMIT_FAILED,      NOT),

    /* A job that started after all although its start was given up is ended like any other. */
    ROW(ROLLBACK,         OK,            A | B | C, FAILED,           EMIT_FAILED,      NOT),
    ROW(ROLLBACK,         FAILED,        A | B | C, BROKEN,           NOTHING,          NOT),
    ROW(ROLLBACK,         RUNNING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(ROLLBACK,         READY,         A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(ROLLBACK,         PENDING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(ROLLBACK,         CONCLUDED,     A | B | C, ROLLBACK,         DISMISS_STRAY,    NOT),
    ROW(ROLLBACK,         GONE,          A | B | C, ROLLBACK,         UNDO_PREPARE,     NOT),
    ROW(ROLLBACK,         RESUME,        A | B | C, ROLLBACK,         QUERY,            NOT),
    ROW(ROLLBACK,         VM_GONE,       A | B | C, ROLLBACK,         UNDO_HOST,        NOT),

    /* Waits for a person; only a job that still runs is ended, for it may hold the guest one day. Who cancels
     * it has it looked for, and what has ended is tried again. */
    ROW(BROKEN,           RETRY,         A,         CONCLUDED,        LOOK_AT_ROOT,     NOT),
    ROW(BROKEN,           RETRY,         B | C,     CONCLUDED,        READ_OUTCOME,     NOT),
    ROW(BROKEN,           CANCEL,        A | B | C, BROKEN,           QUERY,            NOT),
    ROW(BROKEN,           RUNNING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(BROKEN,           READY,         A,         CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(BROKEN,           PENDING,       A | B | C, CALLING_OFF,      SEND_FORCED,      NOT),
    ROW(BROKEN,           RESUME,        A | B | C, BROKEN,           QUERY,            NOT),
    ROW(BROKEN,           VM_GONE,       A | B | C, SETTLING_OFFLINE, SETTLE_BY_RECORD, NOT),
};

#undef ROW
#undef A
#undef B
#undef C

const qbjJobMove *
qbjJobMoveFind(qbjJobKind kind, qbjJobState state, qbjJobEvent event)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjJobMoveRows); i++) {
        const qbjJobMove *move = &qbjJobMoveRows[i];

        if (move->state == state && move->event == event && (move->kinds & kind))
            return move;
    }

    return NULL;
}

const qbjJobMove *
qbjJobMoves(size_t *nmoves)
{
    *nmoves = G_N_ELEMENTS(qbjJobMoveRows);
    return qbjJobMoveRows;
}
