#include <config.h>

#include "internal.h"
#include "engine_do.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef qbjJobEvent (*qbjEngineDoFunc)(virDomainObj *vm, virQbjJob *job);

static const qbjEngineDoFunc qbjEngineDoTable[QBJ_DO_LAST] = {
    [QBJ_DO_PREPARE] = qbjEngineDoPrepare,
    [QBJ_DO_START] = qbjEngineDoStart,
    [QBJ_DO_UNDO_PREPARE] = qbjEngineDoUndoPrepare,
    [QBJ_DO_UNDO_HOST] = qbjEngineDoUndoHost,
    [QBJ_DO_DISMISS_STRAY] = qbjEngineDoDismissStray,
    [QBJ_DO_DROP] = qbjEngineDoDrop,
    [QBJ_DO_EMIT_FAILED] = qbjEngineDoEmitFailed,
    [QBJ_DO_EMIT_READY] = qbjEngineDoEmitReady,
    [QBJ_DO_QUERY] = qbjEngineDoQuery,
    [QBJ_DO_PREFLUSH] = qbjEngineDoPreflush,
    [QBJ_DO_SEND_COMPLETE] = qbjEngineDoSendComplete,
    [QBJ_DO_SEND_CANCEL] = qbjEngineDoSendCancel,
    [QBJ_DO_SEND_FORCED] = qbjEngineDoSendForced,
    [QBJ_DO_REPORT] = qbjEngineDoReport,
    [QBJ_DO_SWITCH] = qbjEngineDoSwitch,
    [QBJ_DO_UNSWITCH] = qbjEngineDoUnswitch,
    [QBJ_DO_FINALIZE] = qbjEngineDoFinalize,
    [QBJ_DO_RETRY_LATER] = qbjEngineDoRetryLater,
    [QBJ_DO_COMPLETE_AGAIN] = qbjEngineDoCompleteAgain,
    [QBJ_DO_CANCEL_AGAIN] = qbjEngineDoCancelAgain,
    [QBJ_DO_FLUSH_FINALIZE] = qbjEngineDoFlushFinalize,
    [QBJ_DO_PUT_GRAPH_BACK] = qbjEngineDoPutGraphBack,
    [QBJ_DO_SWITCH_FINALIZE] = qbjEngineDoSwitchFinalize,
    [QBJ_DO_READ_OUTCOME] = qbjEngineDoReadOutcome,
    [QBJ_DO_LOOK_AT_ROOT] = qbjEngineDoLookAtRoot,
    [QBJ_DO_SETTLE] = qbjEngineDoSettle,
    [QBJ_DO_SETTLE_OLD] = qbjEngineDoSettleOld,
    [QBJ_DO_SETTLE_NEW] = qbjEngineDoSettleNew,
    [QBJ_DO_SETTLE_BY_RECORD] = qbjEngineDoSettleByRecord,
    [QBJ_DO_FINISH] = qbjEngineDoFinish,
    [QBJ_DO_CLEAN] = qbjEngineDoClean,
    [QBJ_DO_CLEAN_OFFLINE] = qbjEngineDoCleanOffline,
    [QBJ_DO_EMIT_FINAL] = qbjEngineDoEmitFinal,
};

qbjJobEvent
qbjEngineDo(virDomainObj *vm, virQbjJob *job, qbjJobAction action)
{
    if (action == QBJ_DO_NOTHING || !qbjEngineDoTable[action])
        return QBJ_EVENT_NONE;
    return qbjEngineDoTable[action](vm, job);
}
