/* The actions of the state table. Each returns the event that it ended with, or QBJ_EVENT_LAST when something
 * else will follow by itself (QEMU's event, a timer). @vm is locked and its job is held. */
#pragma once

#include "engine_job.h"

#define QBJ_EVENT_NONE QBJ_EVENT_LAST

qbjJobEvent qbjEngineDo(virDomainObj *vm, virQbjJob *job, qbjJobAction action);

/* engine_do_start.c */
qbjJobEvent qbjEngineDoPrepare(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoStart(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoUndoPrepare(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoUndoHost(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoDismissStray(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoDrop(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoEmitFailed(virDomainObj *vm, virQbjJob *job);
/* What clients are told of the end of a job whose outcome is known. */
virConnectDomainEventBlockJobStatus qbjEngineFinalStatus(const virQbjJob *job);

/* engine_do_run.c */
/* QEMU did not answer, with the present thread's error: what the record says is done again after a while. One
 * that has gone says so by itself. */
qbjJobEvent qbjEngineLater(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoEmitReady(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoQuery(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoRetryLater(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoCompleteAgain(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoCancelAgain(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoFlushFinalize(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoPreflush(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSendComplete(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSendCancel(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSendForced(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoReport(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoFinalize(virDomainObj *vm, virQbjJob *job);

/* engine_do_end.c */
qbjJobEvent qbjEngineDoReadOutcome(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoLookAtRoot(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoPutGraphBack(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSettle(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSettleOld(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSettleNew(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSettleByRecord(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoFinish(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoClean(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoCleanOffline(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoEmitFinal(virDomainObj *vm, virQbjJob *job);

/* engine_switch.c */
qbjJobEvent qbjEngineDoSwitch(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoUnswitch(virDomainObj *vm, virQbjJob *job);
qbjJobEvent qbjEngineDoSwitchFinalize(virDomainObj *vm, virQbjJob *job);
