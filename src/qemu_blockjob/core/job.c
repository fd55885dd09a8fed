#include <config.h>

#include "job.h"

VIR_ENUM_IMPL(qbjJobType,
              QBJ_TYPE_LAST,
              "pull", "copy", "commit", "active-commit", "backup", "create",
);

VIR_ENUM_IMPL(qbjJobState,
              QBJ_STATE_LAST,
              "planned", "preparing", "starting", "running", "ready", "pivoting", "pending", "committed", "preflush",
              "finalizing", "cancelling", "calling-off", "concluded", "settling", "settling-offline", "settled",
              "cleaning", "done", "rollback", "failed", "broken",
);

VIR_ENUM_IMPL(qbjJobEvent,
              QBJ_EVENT_LAST,
              "begin", "pivot", "cancel", "retry",
              "running", "ready", "pending", "concluded", "gone", "vm-gone",
              "ok", "failed", "saved", "save-failed", "save-half", "new", "old", "neither", "stream-failed",
              "timeout", "resume",
);

VIR_ENUM_IMPL(qbjJobAction,
              QBJ_DO_LAST,
              "nothing", "prepare", "start", "undo-prepare", "undo-host", "dismiss-stray", "drop", "emit-failed",
              "emit-ready", "query", "preflush", "send-complete", "complete-again", "send-cancel", "cancel-again",
              "send-forced", "report", "switch", "unswitch", "finalize", "switch-finalize",
              "flush-finalize", "read-outcome", "look-at-root", "put-graph-back", "settle", "settle-old", "settle-new",
              "settle-by-record", "finish", "clean", "clean-offline", "emit-final", "retry-later",
);

VIR_ENUM_IMPL(qbjJobSave,
              QBJ_SAVE_LAST,
              "no", "soon", "try", "before", "done",
);

VIR_ENUM_IMPL(qbjJobVerb,
              QBJ_VERB_LAST,
              "pivot", "cancel", "set-speed", "info", "new-job",
);

qbjJobKind
qbjJobTypeKind(qbjJobType type)
{
    switch (type) {
    case QBJ_TYPE_COPY:
    case QBJ_TYPE_ACTIVE_COMMIT:
        return QBJ_KIND_A;
    case QBJ_TYPE_PULL:
    case QBJ_TYPE_COMMIT:
        return QBJ_KIND_B;
    case QBJ_TYPE_BACKUP:
    case QBJ_TYPE_CREATE:
    case QBJ_TYPE_LAST:
        break;
    }
    return QBJ_KIND_C;
}

bool
qbjJobStateIsFinal(qbjJobState state)
{
    return state == QBJ_STATE_DONE || state == QBJ_STATE_FAILED;
}

const char *
qbjJobStateToStock(qbjJobState state)
{
    switch (state) {
    case QBJ_STATE_PLANNED:
    case QBJ_STATE_PREPARING:
    case QBJ_STATE_STARTING:
    case QBJ_STATE_ROLLBACK:
        return "new";
    case QBJ_STATE_RUNNING:
    /* a stock daemon leaves its own "pending" alone for ever; as running or pivoting it settles the end
     * right (06/R5) */
    case QBJ_STATE_PREFLUSH:
    case QBJ_STATE_FINALIZING:
        return "running";
    case QBJ_STATE_READY:
        return "ready";
    case QBJ_STATE_PIVOTING:
    case QBJ_STATE_PENDING:
    case QBJ_STATE_COMMITTED:
        return "pivoting";
    case QBJ_STATE_CANCELLING:
    case QBJ_STATE_CALLING_OFF:
        return "aborting";
    case QBJ_STATE_DONE:
        return "completed";
    case QBJ_STATE_FAILED:
        return "failed";
    case QBJ_STATE_CONCLUDED:
    case QBJ_STATE_SETTLING:
    case QBJ_STATE_SETTLING_OFFLINE:
    case QBJ_STATE_SETTLED:
    case QBJ_STATE_CLEANING:
    case QBJ_STATE_BROKEN:
    case QBJ_STATE_LAST:
        break;
    }
    return "concluded";
}

bool
qbjJobStateHoldsGuest(qbjJobState state)
{
    /* a soft cancel in READY ends in PENDING with the guest held as well (protocol H8) */
    return state == QBJ_STATE_PIVOTING || state == QBJ_STATE_PENDING || state == QBJ_STATE_COMMITTED ||
        state == QBJ_STATE_CANCELLING || state == QBJ_STATE_CALLING_OFF;
}
