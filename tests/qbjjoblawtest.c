/* The laws of the tables in core/job.h: what must hold whatever the rows are. The cells one by one:
 * qbjjobtabletest.c; what the rows do to a guest and its files: qbjmodeltest.c. */
#include <config.h>

#include "internal.h"
#include "job.h"

static const qbjJobKind kinds[] = { QBJ_KIND_A, QBJ_KIND_B, QBJ_KIND_C };
static const char kindNames[] = "ABC";

typedef bool (*qbjTestEdge)(const qbjJobMove *move);

static bool
qbjTestAllEdges(const qbjJobMove *move)
{
    return true;
}

/* @seen: mask of the states that can be reached from @from by rows that @edge lets through, @from included */
static unsigned int
qbjTestReach(qbjJobKind kind, qbjJobState from, qbjTestEdge edge)
{
    unsigned int seen = 1U << from;
    unsigned int before;
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);

    do {
        size_t i;

        before = seen;
        for (i = 0; i < nmoves; i++) {
            if ((moves[i].kinds & kind) && (seen & (1U << moves[i].state)) && edge(&moves[i]))
                seen |= 1U << moves[i].next;
        }
    } while (seen != before);

    return seen;
}

/* Calls @check for each state that a job of each kind can be in, and that is not its last one. */
static void
qbjTestEachState(void (*check)(qbjJobKind kind, qbjJobState state))
{
    size_t k;
    int state;

    for (k = 0; k < G_N_ELEMENTS(kinds); k++) {
        unsigned int reachable = qbjTestReach(kinds[k], QBJ_STATE_PLANNED, qbjTestAllEdges);

        for (state = 0; state < QBJ_STATE_LAST; state++) {
            if ((reachable & (1U << state)) && !qbjJobStateIsFinal(state))
                check(kinds[k], state);
        }
    }
}

static void
qbjTestEnums(void)
{
    int i;

    for (i = 0; i < QBJ_STATE_LAST; i++)
        g_assert_cmpint(qbjJobStateTypeFromString(qbjJobStateTypeToString(i)), ==, i);
    for (i = 0; i < QBJ_EVENT_LAST; i++)
        g_assert_cmpint(qbjJobEventTypeFromString(qbjJobEventTypeToString(i)), ==, i);
    for (i = 0; i < QBJ_DO_LAST; i++)
        g_assert_cmpint(qbjJobActionTypeFromString(qbjJobActionTypeToString(i)), ==, i);
    for (i = 0; i < QBJ_TYPE_LAST; i++)
        g_assert_cmpint(qbjJobTypeTypeFromString(qbjJobTypeTypeToString(i)), ==, i);
    for (i = 0; i < QBJ_VERB_LAST; i++)
        g_assert_cmpint(qbjJobVerbTypeFromString(qbjJobVerbTypeToString(i)), ==, i);
    for (i = 0; i < QBJ_SAVE_LAST; i++)
        g_assert_cmpint(qbjJobSaveTypeFromString(qbjJobSaveTypeToString(i)), ==, i);
}

/* One answer per cell: no two rows for the same state, event and kind, no row without a kind. */
static void
qbjTestOneRowPerCell(void)
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    size_t i;
    size_t j;

    for (i = 0; i < nmoves; i++) {
        g_assert_cmpuint(moves[i].kinds & ~(QBJ_KIND_A | QBJ_KIND_B | QBJ_KIND_C), ==, 0);
        g_assert_cmpuint(moves[i].kinds, !=, 0);
        g_assert_true(!qbjJobStateIsFinal(moves[i].state) || moves[i].next == moves[i].state);
        for (j = i + 1; j < nmoves; j++) {
            if (moves[i].state == moves[j].state && moves[i].event == moves[j].event)
                g_assert_cmpuint(moves[i].kinds & moves[j].kinds, ==, 0);
        }
    }
}

/* Each row is about a state that such a job can be in, and every state, event and action is used. */
static void
qbjTestNothingDead(void)
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    unsigned int states = 0;
    guint64 events = 0;
    guint64 actions = 0;
    size_t i;
    size_t k;

    for (k = 0; k < G_N_ELEMENTS(kinds); k++) {
        unsigned int reachable = qbjTestReach(kinds[k], QBJ_STATE_PLANNED, qbjTestAllEdges);

        states |= reachable;
        for (i = 0; i < nmoves; i++) {
            if ((moves[i].kinds & kinds[k]) && !(reachable & (1U << moves[i].state)))
                g_error("no job of kind %c is ever in '%s'", kindNames[k], qbjJobStateTypeToString(moves[i].state));
        }
    }
    for (i = 0; i < nmoves; i++) {
        events |= G_GUINT64_CONSTANT(1) << moves[i].event;
        actions |= G_GUINT64_CONSTANT(1) << moves[i].action;
    }

    g_assert_cmphex(states, ==, (1U << QBJ_STATE_LAST) - 1);
    g_assert_cmphex(events, ==, (G_GUINT64_CONSTANT(1) << QBJ_EVENT_LAST) - 1);
    g_assert_cmphex(actions, ==, (G_GUINT64_CONSTANT(1) << QBJ_DO_LAST) - 1);
}

static bool
qbjTestWithoutRetry(const qbjJobMove *move)
{
    return move->event != QBJ_EVENT_RETRY && move->event != QBJ_EVENT_CANCEL && move->event != QBJ_EVENT_VM_GONE;
}

static void
qbjTestStateHasEnd(qbjJobKind kind, qbjJobState state)
{
    unsigned int seen = qbjTestReach(kind, state, state == QBJ_STATE_BROKEN ? qbjTestAllEdges : qbjTestWithoutRetry);

    if (!(seen & (1U << QBJ_STATE_DONE | 1U << QBJ_STATE_FAILED)))
        g_error("no way out of '%s'", qbjJobStateTypeToString(state));
    if (state == QBJ_STATE_BROKEN)
        g_assert_nonnull(qbjJobMoveFind(kind, state, QBJ_EVENT_RETRY));
}

static void
qbjTestNoTraps(void)
{
    qbjTestEachState(qbjTestStateHasEnd);
}

static void
qbjTestStateResumes(qbjJobKind kind, qbjJobState state)
{
    const qbjJobMove *once = qbjJobMoveFind(kind, state, QBJ_EVENT_RESUME);
    const qbjJobMove *twice;

    if (!once)
        g_error("'%s' cannot be resumed", qbjJobStateTypeToString(state));
    if (qbjJobStateIsFinal(once->next))
        return;

    twice = qbjJobMoveFind(kind, once->next, QBJ_EVENT_RESUME);
    g_assert_cmpint(twice->next, ==, once->next);
    g_assert_cmpint(twice->action, ==, once->action);
    /* nothing need be saved to look at what was saved */
    g_assert_cmpint(once->save, ==, QBJ_SAVE_NOT);
}

static void
qbjTestResumeRepeatable(void)
{
    qbjTestEachState(qbjTestStateResumes);
}

static void
qbjTestStateSurvivesVm(qbjJobKind kind, qbjJobState state)
{
    const qbjJobMove *move = qbjJobMoveFind(kind, state, QBJ_EVENT_VM_GONE);
    static const qbjJobAction offline[] = { QBJ_DO_DROP, QBJ_DO_UNDO_HOST, QBJ_DO_SETTLE_OLD, QBJ_DO_SETTLE_NEW,
                                            QBJ_DO_SETTLE_BY_RECORD, QBJ_DO_CLEAN_OFFLINE };
    bool found = false;
    size_t i;

    if (!move)
        g_error("'%s' does not know what to do without QEMU", qbjJobStateTypeToString(state));
    for (i = 0; i < G_N_ELEMENTS(offline); i++)
        found = found || move->action == offline[i];
    g_assert_true(found);
}

static void
qbjTestVmGone(void)
{
    qbjTestEachState(qbjTestStateSurvivesVm);
}

/* protocol 6: which chain is kept when QEMU has ended */
static void
qbjTestOfflineRule(void)
{
    static const qbjJobState old[] = { QBJ_STATE_RUNNING, QBJ_STATE_READY, QBJ_STATE_PIVOTING, QBJ_STATE_PENDING,
                                       QBJ_STATE_CANCELLING };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(old); i++)
        g_assert_cmpint(qbjJobMoveFind(QBJ_KIND_A, old[i], QBJ_EVENT_VM_GONE)->action, ==, QBJ_DO_SETTLE_OLD);
    g_assert_cmpint(qbjJobMoveFind(QBJ_KIND_A, QBJ_STATE_COMMITTED, QBJ_EVENT_VM_GONE)->action, ==, QBJ_DO_SETTLE_NEW);
    g_assert_cmpint(qbjJobMoveFind(QBJ_KIND_B, QBJ_STATE_FINALIZING, QBJ_EVENT_VM_GONE)->action, ==, QBJ_DO_SETTLE_OLD);
    g_assert_cmpint(qbjJobMoveFind(QBJ_KIND_C, QBJ_STATE_FINALIZING, QBJ_EVENT_VM_GONE)->action, ==, QBJ_DO_SETTLE_NEW);
}

static bool
qbjTestIsCancel(qbjJobAction action)
{
    return action == QBJ_DO_SEND_CANCEL || action == QBJ_DO_CANCEL_AGAIN || action == QBJ_DO_SEND_FORCED;
}

static bool
qbjTestIsSoftCancel(qbjJobAction action)
{
    return qbjTestIsCancel(action) && action != QBJ_DO_SEND_FORCED;
}

/* Finalize was not carried out (SAVE_HALF), or the job still runs although its record is broken. */
static bool
qbjTestNotTakenBack(const qbjJobMove *move)
{
    return move->event != QBJ_EVENT_SAVE_HALF && move->state != QBJ_STATE_BROKEN;
}

static void
qbjTestRowsAmong(qbjJobKind kind, unsigned int states, qbjTestEdge edge, bool (*forbidden)(qbjJobAction action))
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    size_t i;

    for (i = 0; i < nmoves; i++) {
        if ((moves[i].kinds & kind) && (states & (1U << moves[i].state)) && edge(&moves[i]) &&
            forbidden(moves[i].action))
            g_error("'%s' may not do '%s' any more", qbjJobStateTypeToString(moves[i].state),
                    qbjJobActionTypeToString(moves[i].action));
    }
}

/* invariant 2: from the moment both definitions are new no cancel is sent */
static void
qbjTestNoCancelAfterCommit(void)
{
    unsigned int after = qbjTestReach(QBJ_KIND_A, QBJ_STATE_COMMITTED, qbjTestNotTakenBack);

    qbjTestRowsAmong(QBJ_KIND_A, after, qbjTestNotTakenBack, qbjTestIsCancel);
    g_assert_null(qbjJobMoveFind(QBJ_KIND_A, QBJ_STATE_COMMITTED, QBJ_EVENT_CANCEL));
    g_assert_null(qbjJobMoveFind(QBJ_KIND_A, QBJ_STATE_CONCLUDED, QBJ_EVENT_CANCEL));
}

/* FAILED in PIVOTING means that QEMU refused job-complete, so it was never sent. */
static bool
qbjTestCompleteAccepted(const qbjJobMove *move)
{
    return move->state != QBJ_STATE_PIVOTING || move->event != QBJ_EVENT_FAILED;
}

/* H9, invariant 7 */
static void
qbjTestNoSoftCancelAfterComplete(void)
{
    unsigned int after = qbjTestReach(QBJ_KIND_A, QBJ_STATE_PIVOTING, qbjTestCompleteAccepted);

    qbjTestRowsAmong(QBJ_KIND_A, after, qbjTestCompleteAccepted, qbjTestIsSoftCancel);
}

/* Where each command that cannot be taken back may come from. */
static void
qbjTestFinalizeOnlyFrom(void)
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    size_t i;

    for (i = 0; i < nmoves; i++) {
        const qbjJobMove *move = &moves[i];

        switch (move->action) {
        case QBJ_DO_FINALIZE:
            if (move->kinds & QBJ_KIND_A)
                g_assert_true(move->next == QBJ_STATE_COMMITTED && move->event == QBJ_EVENT_SAVED);
            else
                g_assert_true(move->state == QBJ_STATE_PREFLUSH && move->event == QBJ_EVENT_OK &&
                              move->next == QBJ_STATE_FINALIZING);
            break;
        case QBJ_DO_SWITCH_FINALIZE:
            g_assert_true(move->state == QBJ_STATE_COMMITTED && move->next == QBJ_STATE_COMMITTED);
            break;
        case QBJ_DO_FLUSH_FINALIZE:
            g_assert_true(move->state == QBJ_STATE_FINALIZING && move->next == QBJ_STATE_FINALIZING);
            break;
        case QBJ_DO_FINISH:
            g_assert_true(move->next == QBJ_STATE_SETTLED);
            break;
        case QBJ_DO_CLEAN:
        case QBJ_DO_CLEAN_OFFLINE:
            g_assert_true(move->next == QBJ_STATE_CLEANING);
            break;
        default:
            break;
        }
    }
}

/* The intent is on disk before the command; where the guest is held nothing waits for a disk. */
static void
qbjTestSaves(void)
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    size_t i;

    for (i = 0; i < nmoves; i++) {
        const qbjJobMove *move = &moves[i];
        bool before = move->save == QBJ_SAVE_BEFORE;

        switch (move->action) {
        case QBJ_DO_PREPARE:
        case QBJ_DO_SEND_COMPLETE:
        case QBJ_DO_SEND_CANCEL:
            g_assert_true(before);
            break;
        case QBJ_DO_FINALIZE:
            g_assert_true(before || move->save == QBJ_SAVE_DONE);
            break;
        case QBJ_DO_FINISH:
        case QBJ_DO_CLEAN_OFFLINE:
            g_assert_true(before || move->event == QBJ_EVENT_SAVED ||
                          move->state == QBJ_STATE_SETTLED || move->state == QBJ_STATE_CLEANING);
            break;
        case QBJ_DO_SEND_FORCED:
            if (move->kinds & QBJ_KIND_A)
                g_assert_false(before);
            break;
        default:
            break;
        }
        g_assert_true(move->save != QBJ_SAVE_DONE || move->event == QBJ_EVENT_SAVED);
    }
}

/* A held guest always has a way on that needs neither a client nor a working disk: protocol, invariant 6. */
static void
qbjTestHeldGuestGoesOn(void)
{
    static const qbjJobState held[] = { QBJ_STATE_RUNNING, QBJ_STATE_READY, QBJ_STATE_PIVOTING, QBJ_STATE_PENDING,
                                        QBJ_STATE_CANCELLING, QBJ_STATE_CALLING_OFF,
                                        QBJ_STATE_ROLLBACK, QBJ_STATE_BROKEN, QBJ_STATE_STARTING };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(held); i++) {
        const qbjJobMove *move = qbjJobMoveFind(QBJ_KIND_A, held[i], QBJ_EVENT_PENDING);

        g_assert_nonnull(move);
        g_assert_true(move->save == QBJ_SAVE_NOT);
        /* UNSWITCH: once a rename may have been issued, nothing goes without a disk */
        g_assert_true(move->action == QBJ_DO_SWITCH || move->action == QBJ_DO_SEND_FORCED ||
                      (move->action == QBJ_DO_UNSWITCH && held[i] == QBJ_STATE_PENDING));
    }
}

/* An event that waited while its command was sent must not send it again, nor ask for nodes (H3). */
static void
qbjTestOldPendingIsIgnored(void)
{
    g_assert_null(qbjJobMoveFind(QBJ_KIND_A, QBJ_STATE_COMMITTED, QBJ_EVENT_PENDING));
    g_assert_null(qbjJobMoveFind(QBJ_KIND_B, QBJ_STATE_FINALIZING, QBJ_EVENT_PENDING));
    g_assert_null(qbjJobMoveFind(QBJ_KIND_C, QBJ_STATE_FINALIZING, QBJ_EVENT_PENDING));
}

/* That a job runs is saved after the client has its answer. So one that is gone may never have come, or been
 * ended by somebody: what it has left tells, and only when that is nothing its preparations are undone. */
static void
qbjTestStartIsLookedFor(void)
{
    size_t k;

    for (k = 0; k < G_N_ELEMENTS(kinds); k++) {
        qbjJobEvent ends[] = { QBJ_EVENT_OK, QBJ_EVENT_RUNNING };
        const qbjJobMove *gone = qbjJobMoveFind(kinds[k], QBJ_STATE_STARTING, QBJ_EVENT_GONE);
        size_t i;

        for (i = 0; i < G_N_ELEMENTS(ends); i++)
            g_assert_cmpint(qbjJobMoveFind(kinds[k], QBJ_STATE_STARTING, ends[i])->save, ==, QBJ_SAVE_SOON);
        g_assert_cmpint(gone->action, ==, kinds[k] == QBJ_KIND_A ? QBJ_DO_LOOK_AT_ROOT : QBJ_DO_READ_OUTCOME);
        if (kinds[k] != QBJ_KIND_C)
            g_assert_cmpint(qbjJobMoveFind(kinds[k], QBJ_STATE_STARTING, QBJ_EVENT_NEW)->action, ==, QBJ_DO_SETTLE);
        g_assert_cmpint(qbjJobMoveFind(kinds[k], QBJ_STATE_STARTING, QBJ_EVENT_OLD)->action, ==,
                        QBJ_DO_UNDO_PREPARE);
        g_assert_cmpint(qbjJobMoveFind(kinds[k], QBJ_STATE_RUNNING, QBJ_EVENT_GONE)->next, ==, QBJ_STATE_CONCLUDED);
    }
}

/* A client's verb that is allowed leads to a row, and one that is refused has no row that only it could
 * use. */
static void
qbjTestVerbsHaveRows(void)
{
    int type;
    int state;

    for (type = 0; type < QBJ_TYPE_LAST; type++) {
        for (state = 0; state < QBJ_STATE_LAST; state++) {
            g_auto(qbjRefusal) pivot = QBJ_REFUSAL_INIT;
            g_auto(qbjRefusal) cancel = QBJ_REFUSAL_INIT;
            qbjJobKind kind = qbjJobTypeKind(type);

            if (!(qbjTestReach(kind, QBJ_STATE_PLANNED, qbjTestAllEdges) & (1U << state)))
                continue;

            g_assert_cmpint(qbjJobVerbCheck(type, state, QBJ_VERB_PIVOT, "j", "d", &pivot) == 0, ==,
                            qbjJobMoveFind(kind, state, QBJ_EVENT_PIVOT) != NULL);
            if (qbjJobVerbCheck(type, state, QBJ_VERB_CANCEL, "j", "d", &cancel) == 0)
                g_assert_nonnull(qbjJobMoveFind(kind, state, QBJ_EVENT_CANCEL));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/job/law/enums", qbjTestEnums);
    g_test_add_func("/job/law/one-row-per-cell", qbjTestOneRowPerCell);
    g_test_add_func("/job/law/nothing-dead", qbjTestNothingDead);
    g_test_add_func("/job/law/no-traps", qbjTestNoTraps);
    g_test_add_func("/job/law/resume-repeatable", qbjTestResumeRepeatable);
    g_test_add_func("/job/law/vm-gone", qbjTestVmGone);
    g_test_add_func("/job/law/offline-rule", qbjTestOfflineRule);
    g_test_add_func("/job/law/no-cancel-after-commit", qbjTestNoCancelAfterCommit);
    g_test_add_func("/job/law/no-soft-cancel-after-complete", qbjTestNoSoftCancelAfterComplete);
    g_test_add_func("/job/law/finalize-only-from", qbjTestFinalizeOnlyFrom);
    g_test_add_func("/job/law/saves", qbjTestSaves);
    g_test_add_func("/job/law/held-guest-goes-on", qbjTestHeldGuestGoesOn);
    g_test_add_func("/job/law/old-pending-is-ignored", qbjTestOldPendingIsIgnored);
    g_test_add_func("/job/law/start-is-looked-for", qbjTestStartIsLookedFor);
    g_test_add_func("/job/law/verbs-have-rows", qbjTestVerbsHaveRows);

    return g_test_run();
}
