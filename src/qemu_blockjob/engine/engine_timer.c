#include <config.h>

#include "internal.h"
#include "engine_timer.h"
#include "domain_queue.h"

/* What a timer's code says: the event, the state it was set in (or none), and which job of this name. */
#define QBJ_ENGINE_CODE(event, state, serial) ((int) ((event) | (state) << 8 | ((serial) & 0x7fff) << 16))
#define QBJ_ENGINE_CODE_EVENT(code) ((code) & 0xff)
#define QBJ_ENGINE_CODE_STATE(code) (((code) >> 8) & 0xff)
#define QBJ_ENGINE_CODE_SERIAL(code) (((code) >> 16) & 0x7fff)

#define QBJ_ENGINE_CODE_PAUSED 0xff     /* in the place of an event */
G_STATIC_ASSERT(QBJ_EVENT_LAST < QBJ_ENGINE_CODE_PAUSED);

static void
qbjEngineTimerSet(virDomainObj *vm, virQbjJob *job, unsigned int event, qbjJobState state, unsigned int delayMs)
{
    static unsigned int serials;

    if (!virDomainObjIsActive(vm) || QBJ_DOMAIN_PRIVATE(vm)->stopping)
        return;
    if (job->serial == 0)
        job->serial = (unsigned int) g_atomic_int_add((int *) &serials, 1) % 0x7fff + 1;
    qbjDomainTimerStart(vm, job->spec->job, QBJ_ENGINE_CODE(event, state, job->serial), delayMs);
}

void
qbjEngineTimerStart(virDomainObj *vm, virQbjJob *job, qbjJobEvent event, bool sameState, unsigned int delayMs)
{
    qbjEngineTimerSet(vm, job, event, sameState ? job->state : QBJ_STATE_LAST, delayMs);
}

void
qbjEngineTimerStartPaused(virDomainObj *vm, virQbjJob *job, unsigned int delayMs)
{
    qbjEngineTimerSet(vm, job, QBJ_ENGINE_CODE_PAUSED, QBJ_STATE_LAST, delayMs);
}

bool
qbjEngineTimerIsPaused(const virQbjJob *job, int code)
{
    return QBJ_ENGINE_CODE_EVENT(code) == QBJ_ENGINE_CODE_PAUSED && job->serial == QBJ_ENGINE_CODE_SERIAL(code);
}

qbjJobEvent
qbjEngineTimerRead(const virQbjJob *job, int code, bool *anyState)
{
    qbjJobEvent event = QBJ_ENGINE_CODE_EVENT(code);
    qbjJobState state = QBJ_ENGINE_CODE_STATE(code);

    if (job->serial != QBJ_ENGINE_CODE_SERIAL(code) || event >= QBJ_EVENT_LAST)
        return QBJ_EVENT_LAST;
    *anyState = state == QBJ_STATE_LAST;
    return *anyState || job->state == state ? event : QBJ_EVENT_LAST;
}
