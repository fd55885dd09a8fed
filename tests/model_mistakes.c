#include <config.h>

#include "internal.h"
#include "model_mistakes.h"

#define ALL (QBJ_KIND_A | QBJ_KIND_B | QBJ_KIND_C)
#define ROW(state, event, next, action, save) \
    .row = { QBJ_STATE_##state, QBJ_EVENT_##event, ALL, QBJ_STATE_##next, QBJ_DO_##action, QBJ_SAVE_##save }
#define NO_ROW(state, event) .row = { QBJ_STATE_##state, QBJ_EVENT_##event, 0, 0, 0, 0 }
#define ENGINE(order) .mistake = MODEL_##order, .row = { .state = QBJ_STATE_LAST }

/* Of the holes of the protocol's section 1 those are missing that no order of steps opens or closes: H5, H6
 * and H7 are about other commands and other disks, H11 about storage that hangs, H14 about sizes. */
const modelSpoiled modelSpoileds[] = {
    { "H1-no-flush", "pull", ENGINE(NO_FLUSH), 3 },
    { "H1-no-preflush", "pull", ROW(RUNNING, PENDING, FINALIZING, FINALIZE, BEFORE), 3 },
    { "H1-a-cancel-finalizes", "pull", ROW(CANCELLING, PENDING, FINALIZING, FINALIZE, NOT), 3 },
    { "H2-parent-not-writable", "commit", ENGINE(NO_PARENT), 3 },
    { "H3-nodes-asked-for", "pull-others", ENGINE(ASKS_NODES), 7 },
    { "H3-flush-after-the-end", "pull", ROW(FINALIZING, PENDING, PREFLUSH, PREFLUSH, NOT), 7 },
    { "H4-nodes-before-dismissal", "commit", ENGINE(NODES_FIRST), 9 },
    { "H8-pending-forgotten-while-cancelling", "copy", NO_ROW(CANCELLING, PENDING), 6 },
    { "H8-pending-forgotten-when-ready", "active-commit-others", NO_ROW(READY, PENDING), 6 },
    { "H8-a-soft-cancel-is-finalized", "copy", ROW(CANCELLING, PENDING, CANCELLING, FINALIZE, NOT), 2 },
    { "H9-soft-call-off", "active-commit", ENGINE(SOFT_CALL_OFF), 7 },
    { "H10-copy-taken-before-pending", "copy", ROW(PIVOTING, VM_GONE, SETTLING_OFFLINE, SETTLE_NEW, NOT), 1 },
    { "H12-outcome-not-read", "active-commit-finalize-fails", ROW(COMMITTED, CONCLUDED, SETTLING, SETTLE_NEW, NOT), 9 },
    { "H13-no-resume-of-a-decision", "active-commit", NO_ROW(COMMITTED, RESUME), 6 },
    { "H13-no-resume-of-a-pivot", "active-commit", NO_ROW(PIVOTING, RESUME), 6 },
    { "H15-graph-left-as-it-is", "pull-finalize-fails", ENGINE(NO_GRAPH_BACK), 9 },

    { "record-after-the-command", "active-commit", ENGINE(SAVE_AFTER), 9 },
    { "finalize-before-the-save", "active-commit", ROW(PIVOTING, PENDING, COMMITTED, FINALIZE, NOT), 2 },
    { "only-the-persistent-definition", "active-commit", ENGINE(P_FIRST_ONLY), 2 },
    { "only-the-status-file", "active-commit", ENGINE(S_FIRST_ONLY), 2 },
    { "renamed-but-not-synced", "active-commit", ENGINE(NO_SYNC), 2 },
    { "status-file-saved-between-the-renames", "active-commit", ENGINE(SAVES_BETWEEN), 2 },
    { "decision-not-recorded", "active-commit", ROW(PENDING, SAVED, PENDING, FINALIZE, NOT), 2 },
    { "cancel-after-the-decision", "active-commit", ROW(COMMITTED, FAILED, CALLING_OFF, SEND_FORCED, NOT), 2 },
    { "old-after-the-decision", "active-commit", ROW(COMMITTED, VM_GONE, SETTLING_OFFLINE, SETTLE_OLD, NOT), 4 },
    { "unlink-before-nodes", "copy", ENGINE(UNLINK_FIRST), 5 },
    { "unlink-before-saving", "commit", ENGINE(SETTLE_BLINDLY), 5 },
    { "unlink-without-the-record", "active-commit-others", ENGINE(TRUSTS_SAVE), 5 },
    { "unlink-before-the-record", "commit", ROW(SETTLING, OK, SETTLED, FINISH, NOT), 5 },
    { "unlink-before-the-record-offline", "pull", ROW(SETTLING_OFFLINE, OK, CLEANING, CLEAN_OFFLINE, NOT), 5 },
    { "no-way-on-from-concluded", "commit", NO_ROW(CONCLUDED, NEW), 9 },
    { "record-left-at-the-end", "active-commit", NO_ROW(DONE, RESUME), 9 },

    { "stop-not-at-all", "active-commit-stops", ENGINE(HOLD_NONE), 1 },
    { "stop-not-recorded", "active-commit-stops", ENGINE(HOLD_NOT_RECORDED), 1 },
    { "stop-never-ends", "active-commit-stock-stops", ENGINE(HOLD_NEVER_ENDS), 6 },
    { "stop-ends-before-the-save", "active-commit-stops", ENGINE(HOLD_ENDS_EARLY), 1 },
    { "stop-continues-what-a-client-paused", "active-commit-stock-stops", ENGINE(HOLD_CONTINUES_PAUSED), 11 },
    { "stop-not-before-job-complete", "active-commit-stock-stops", ENGINE(HOLD_NONE), 1 },
    { "stock-outcome-is-trusted", "copy-stock", ENGINE(STOCK_RECORD_IS_TRUSTED), 1 },
    { "note-not-synced", "copy-notes", ENGINE(NOTE_NOT_SYNCED), 5 },
    { "note-forgotten-before-the-files", "active-commit-notes", ENGINE(NOTE_FORGOTTEN_EARLY), 9 },
    { "note-asks-nobody", "active-commit-notes", ENGINE(NOTE_ASKS_NOBODY), 5 },
    { "note-of-a-copy-asks-nobody", "copy-notes", ENGINE(NOTE_ASKS_NOBODY), 5 },
    { "note-of-a-copy-asks-for-new", "copy-notes", ENGINE(NOTE_ASKS_FOR_NEW), 5 },

    { "group-each-disk-switches-alone", "group", ENGINE(GROUP_EACH_SWITCHES), 10 },
    { "group-decision-one-after-the-other", "group", ENGINE(GROUP_ONE_BY_ONE), 10 },
    { "group-one-is-called-off-alone", "group", ENGINE(GROUP_CALLS_ONE_OFF), 6 },
    { "group-settled-one-after-the-other", "group", ENGINE(GROUP_SETTLES_ONE), 10 },
    { "group-one-is-saved-again", "group", ENGINE(GROUP_SAVES_ONE_AGAIN), 10 },
    { "group-goes-back-after-a-finalize", "group", ENGINE(GROUP_GOES_BACK_LATE), 4 },
    { "group-pending-in-the-record-only", "group", ENGINE(GROUP_TRUSTS_RECORD), 4 },
    { "group-renamed-but-not-synced", "group", ENGINE(GROUP_NO_SYNC), 2 },
    { "group-finalized-before-the-save", "group", ROW(PIVOTING, PENDING, COMMITTED, FINALIZE, NOT), 2 },

    /* as it was before the model found it */
    { "was-a-half-switch-is-called-off", "copy", ROW(PENDING, PENDING, PENDING, SWITCH, NOT), 2 },
    { "was-old-when-called-off-late", "active-commit", ROW(CALLING_OFF, VM_GONE, SETTLING_OFFLINE, SETTLE_OLD, NOT), 4 },
    { "was-cleaning-not-heard", "copy", ENGINE(TIDY_ONCE), 9 },
    { "was-a-backup-without-a-job-is-good", "backup", ENGINE(ANY_END_IS_GOOD), 1 },
    { "was-a-broken-job-that-runs-is-done", "commit-unreadable", ENGINE(BROKEN_BLINDLY), 1 },
    { "was-the-end-of-the-vm-forgets-files", "pull", ENGINE(STOPS_EARLY), 9 },
    { "was-a-rename-of-a-dead-daemon-is-trusted", "active-commit", ENGINE(TRUSTS_RENAME), 5 },
    { "was-memory-is-trusted-after-half-a-switch", "active-commit-others", ENGINE(TRUSTS_MEMORY), 9 },
    { "was-a-refused-cancel-is-forgotten", "copy", ENGINE(CANCELS_ONCE), 1 },
    { "was-old-put-back-but-not-synced", "active-commit-stops", ENGINE(TRUSTS_BACK), 1 },
    { "was-a-stop-forgotten-before-cont", "active-commit-stops", ENGINE(HOLD_FORGETS_FIRST), 11 },
    { "was-a-stop-left-at-the-end", "active-commit-stops", ENGINE(HOLD_LEFT_AT_THE_END), 11 },
    { "was-a-stop-taken-for-granted", "active-commit-stock-stops", ENGINE(HOLD_TRUSTED), 1 },
    { "was-a-guest-resumed-too-early", "active-commit-stock-stops", ENGINE(HOLD_RESUMED), 1 },
    { "was-a-guest-not-resumed", "active-commit-stock-stops", ENGINE(HOLD_NOT_RESUMED), 6 },
    { "was-a-stock-pull-that-is-done", "pull-stock", ENGINE(STOCK_RECORD_IS_TRUSTED), 1 },
    { "was-a-start-whose-outcome-is-not-read", "pull-others", ROW(STARTING, GONE, ROLLBACK, UNDO_PREPARE, NOT), 9 },
};

const size_t modelNSpoileds = G_N_ELEMENTS(modelSpoileds);
