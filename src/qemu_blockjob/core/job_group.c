#include <config.h>

#include "job_group.h"

/* What is decided for all: by a client, by the renames, and back. */
static const struct {
    qbjJobState state;
    qbjJobEvent event;
} qbjJobGroupShared[] = {
    { QBJ_STATE_READY, QBJ_EVENT_PIVOT },
    { QBJ_STATE_PENDING, QBJ_EVENT_SAVED },
    { QBJ_STATE_COMMITTED, QBJ_EVENT_SAVE_HALF },
};

static bool
qbjJobGroupIsBefore(qbjJobState state)
{
    return state == QBJ_STATE_PIVOTING || state == QBJ_STATE_PENDING;
}

qbjJobEvent
qbjJobGroupEvent(qbjJobState state, qbjJobEvent event)
{
    return state == QBJ_STATE_PIVOTING && event == QBJ_EVENT_FAILED ? QBJ_EVENT_TIMEOUT : event;
}

qbjJobEvent
qbjJobGroupOther(qbjJobState state, qbjJobEvent event, qbjJobState its)
{
    const qbjJobMove *move = qbjJobMoveFind(QBJ_KIND_A, state, event);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjJobGroupShared); i++) {
        if (state == qbjJobGroupShared[i].state && event == qbjJobGroupShared[i].event)
            return its == state ? event : QBJ_EVENT_LAST;
    }
    /* one that leaves before the decision takes all with it; an end of QEMU is told to each */
    if (move && event != QBJ_EVENT_VM_GONE && qbjJobGroupIsBefore(state) && !qbjJobGroupIsBefore(move->next) &&
        qbjJobGroupIsBefore(its))
        return QBJ_EVENT_TIMEOUT;
    return QBJ_EVENT_LAST;
}

bool
qbjJobGroupGoesNew(qbjJobState state, bool outcomeKnown, bool outcomeNew, bool named)
{
    if (outcomeKnown)
        return outcomeNew;
    return state == QBJ_STATE_COMMITTED || (named && !qbjJobGroupIsBefore(state));
}
