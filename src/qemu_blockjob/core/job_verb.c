/* What a client may ask of a job in which state, and the reason when it may not. */
#include <config.h>

#include "job.h"

typedef enum {
    QBJ_REASON_NO_JOB,          /* 01/J1, S1 */
    QBJ_REASON_NOT_STARTED,
    QBJ_REASON_ENDING,          /* 01/J2 */
    QBJ_REASON_NOT_READY,       /* 01/J3 */
    QBJ_REASON_NO_PIVOT,        /* 01/J4 */
    QBJ_REASON_COPY_ACTIVE,     /* 01/A13 */
    QBJ_REASON_JOB_ACTIVE,      /* 01/A13 */
    QBJ_REASON_BROKEN,
} qbjJobReason;

typedef struct _qbjJobVerbRow qbjJobVerbRow;
struct _qbjJobVerbRow {
    qbjJobVerb verb;
    unsigned int states;        /* mask of 1 << qbjJobState */
    unsigned int kinds;         /* mask of qbjJobKind */
    qbjJobReason reason;
};

G_STATIC_ASSERT(QBJ_STATE_LAST <= 32);

#define S(state) (1U << QBJ_STATE_##state)
#define ANY_KIND (QBJ_KIND_A | QBJ_KIND_B | QBJ_KIND_C)
#define ENDED (S(DONE) | S(FAILED))
#define UNSTARTED (S(PLANNED) | S(PREPARING) | S(STARTING))
/* called off, or QEMU is done with it: nothing that a client asks makes a difference any more */
#define ENDING (S(CANCELLING) | S(CALLING_OFF) | S(CONCLUDED) | S(SETTLING) | S(SETTLING_OFFLINE) | S(SETTLED) | \
                S(CLEANING) | S(ROLLBACK))
#define PIVOT_SENT (S(PIVOTING) | S(PENDING) | S(COMMITTED))

/* First match wins; without a match the verb is allowed. */
static const qbjJobVerbRow qbjJobVerbRows[] = {
    { QBJ_VERB_PIVOT,     ENDED,                                ANY_KIND,                QBJ_REASON_NO_JOB },
    { QBJ_VERB_PIVOT,     S(BROKEN),                            ANY_KIND,                QBJ_REASON_BROKEN },
    { QBJ_VERB_PIVOT,     ENDING | PIVOT_SENT,                  ANY_KIND,                QBJ_REASON_ENDING },
    { QBJ_VERB_PIVOT,     UNSTARTED | S(RUNNING) | S(PREFLUSH) | S(FINALIZING),
                                                                ANY_KIND,                QBJ_REASON_NOT_READY },
    { QBJ_VERB_PIVOT,     S(READY),                             QBJ_KIND_B | QBJ_KIND_C, QBJ_REASON_NO_PIVOT },

    { QBJ_VERB_CANCEL,    ENDED,                                ANY_KIND,                QBJ_REASON_NO_JOB },
    { QBJ_VERB_CANCEL,    ENDING | PIVOT_SENT | S(FINALIZING),  ANY_KIND,                QBJ_REASON_ENDING },
    { QBJ_VERB_CANCEL,    S(PREPARING) | S(STARTING),           ANY_KIND,                QBJ_REASON_NOT_STARTED },

    /* QEMU takes a new speed in every phase in which the job can still copy something (01/S2) */
    { QBJ_VERB_SET_SPEED, ENDED,                                ANY_KIND,                QBJ_REASON_NO_JOB },
    { QBJ_VERB_SET_SPEED, S(BROKEN),                            ANY_KIND,                QBJ_REASON_BROKEN },
    { QBJ_VERB_SET_SPEED, UNSTARTED,                            ANY_KIND,                QBJ_REASON_NOT_STARTED },
    { QBJ_VERB_SET_SPEED, S(PENDING) | S(COMMITTED) | S(PREFLUSH) | S(FINALIZING) |
                          (ENDING & ~(S(CANCELLING) | S(CALLING_OFF))),
                                                                ANY_KIND,                QBJ_REASON_ENDING },

    { QBJ_VERB_NEW_JOB,   ~ENDED,                               QBJ_KIND_A,              QBJ_REASON_COPY_ACTIVE },
    { QBJ_VERB_NEW_JOB,   ~ENDED,                               QBJ_KIND_B | QBJ_KIND_C, QBJ_REASON_JOB_ACTIVE },
};

static void
qbjJobRefuse(qbjJobReason reason, qbjJobType type, const char *name, const char *disk, qbjRefusal *refusal)
{
    switch (reason) {
    case QBJ_REASON_NO_JOB:
        qbjRefusalSet(refusal, VIR_ERR_INVALID_ARG, _("disk %s does not have an active block job"), disk);
        break;
    case QBJ_REASON_NOT_STARTED:
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("block job on disk '%s' has not been started yet"), disk);
        break;
    case QBJ_REASON_ENDING:
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("block job on disk '%s' is still being ended"), disk);
        break;
    case QBJ_REASON_NOT_READY:
        qbjRefusalSet(refusal, VIR_ERR_BLOCK_COPY_ACTIVE, _("block job '%s' not ready for pivot yet"), name);
        break;
    case QBJ_REASON_NO_PIVOT:
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("job type '%s' does not support pivot"),
                      qbjJobTypeTypeToString(type));
        break;
    case QBJ_REASON_COPY_ACTIVE:
        qbjRefusalSet(refusal, VIR_ERR_BLOCK_COPY_ACTIVE, _("disk '%s' already in active block job"), disk);
        break;
    case QBJ_REASON_JOB_ACTIVE:
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, _("disk '%s' already in active block job"), disk);
        break;
    case QBJ_REASON_BROKEN:
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID,
                      _("block job '%s' on disk '%s' is broken, it can only be aborted, which tries to settle it again"),
                      name, disk);
        break;
    }
}

int
qbjJobVerbCheck(qbjJobType type, qbjJobState state, qbjJobVerb verb,
                const char *name, const char *disk, qbjRefusal *refusal)
{
    qbjJobKind kind = qbjJobTypeKind(type);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjJobVerbRows); i++) {
        const qbjJobVerbRow *row = &qbjJobVerbRows[i];

        if (row->verb == verb && (row->states & (1U << state)) && (row->kinds & kind)) {
            qbjJobRefuse(row->reason, type, name, disk, refusal);
            return -1;
        }
    }

    return 0;
}
